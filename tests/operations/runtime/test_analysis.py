import shutil
import subprocess
import sys

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations.runtime.analysis import Analyst
from tests.operations.deliveries import film
from tests.operations.squares import LABELS, recording
from tests.operations.staged import exported


@pytest.fixture(scope="module")
def analyst():
    return Analyst.load(exported().folders.bundle)


@pytest.fixture(scope="module")
def videos():
    return exported().raw / "videos"


def test_the_steps_of_a_video_follow_each_other_from_its_start_to_its_end(analyst, videos):
    found = analyst.analyze(videos / "P4.mp4")
    assert found.steps[0].start == 0 and found.steps[-1].end == pytest.approx(found.seconds, abs=0.2)
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert before.end == after.start and before.operation != after.operation
    for step in found.steps:
        assert {step.operation, step.runner_up} <= set(LABELS) and step.operation != step.runner_up
        assert 0 <= step.probability <= 1
    assert found.next in LABELS and 0 < found.next_probability <= 1


def test_most_moments_of_an_unseen_person_are_named_rightly(analyst, videos):
    found, true = analyst.analyze(videos / "P4.mp4"), recording(4, 20.0)
    moments = np.arange(0.05, 20, 0.1)
    said = [
        next(step.operation for step in found.steps if time < step.end or step is found.steps[-1]) for time in moments
    ]
    told = [next(part.label for part in true.segments if part.start <= time < part.end) for time in moments]
    counted = [said == told for said, told in zip(said, told, strict=True) if told != "Null"]
    majority = max(told.count(label) for label in LABELS) / len(counted)
    assert np.mean(counted) > majority


def test_text_has_a_line_a_step_and_the_forecast(analyst, videos):
    found = analyst.analyze(videos / "P0.mp4")
    lines = found.as_text().splitlines()
    assert len(lines) == len(found.steps) + 1 and lines[-1].startswith(f"then {found.next}")
    assert len(found.as_dict()["steps"]) == len(found.steps)


def test_a_broken_video_is_refused_with_its_frame(analyst, videos, tmp_path):
    shutil.copy(videos / "P0.mp4", tmp_path / "cut.mp4")
    whole = (tmp_path / "cut.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(KinetraceError, match=r"cut\.mp4 is broken at frame \d+"):
        analyst.analyze(tmp_path / "cut.mp4")


def test_a_video_shorter_than_a_clip_is_refused(analyst, tmp_path):
    film(tmp_path / "short.mp4", recording(0, 2.0), 2.0)
    with pytest.raises(KinetraceError, match=r"lasts 2\.0 s, shorter than a clip of 3 s"):
        analyst.analyze(tmp_path / "short.mp4")


def test_the_last_window_ends_with_the_video(analyst, tmp_path):
    film(tmp_path / "odd.mp4", recording(0, 4.3), 4.3)
    assert analyst.analyze(tmp_path / "odd.mp4").steps[-1].end == pytest.approx(4.3, abs=0.2)


def test_no_torch_is_needed(videos):
    script = (
        "import sys; from pathlib import Path; from kinetrace.operations.runtime.analysis import Analyst;"
        f"Analyst.load(Path({str(exported().folders.bundle)!r})).analyze(Path({str(videos / 'P0.mp4')!r}));"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
