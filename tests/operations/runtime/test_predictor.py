import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.pictures import decode_jpeg
from kinetrace.operations.export import graphs
from kinetrace.operations.model.inference import predict
from kinetrace.operations.runtime.predictor import Clip, Predictor
from tests.checkouts import ROOT
from tests.operations.small import few, folder, untrained
from tests.operations.squares import LABELS


@cache
def bundled() -> Path:
    target = folder() / "bundle"
    target.mkdir()
    graphs.write_graph(untrained(), target, 18)
    config = {"workload": "operations", "operations": graphs.settings(untrained()).model_dump()}
    files.write_json(target / bundle.CONFIG, config)
    bundle.seal(target, "operations", {})
    return target


@cache
def predictor() -> Predictor:
    return Predictor.load(bundled())


def clip(index: int) -> Clip:
    """All frames of one of the few clips."""
    pictures, row = few().sample(index), few().clips.iloc[index]
    frames = np.stack([decode_jpeg(pictures[name]) for name in sorted(pictures)])
    return Clip(frames, np.arange(len(frames)) / row.fps - row.context)


def test_it_answers_as_the_model_does_on_the_shards():
    clips = [0, 3, int(few().clips.context.argmin())]
    expected, found = predict(untrained(), few()), predictor().predict([clip(index) for index in clips])
    np.testing.assert_allclose(found.operation_CK, expected.operation_CK[clips], atol=1e-5)
    np.testing.assert_allclose(found.next_CK, expected.next_CK[clips], atol=1e-5)
    np.testing.assert_allclose(found.frames_CTK, expected.frames_CTK[clips], atol=1e-5)
    np.testing.assert_allclose(found.span_C2, expected.span_C2[clips], atol=1e-5)
    assert found.fps == expected.fps


def test_folder_and_zip_answer_alike():
    zipped = Predictor.load(bundled() / "operations.zip")
    assert zipped.tell(clip(0)) == predictor().tell(clip(0))


def test_it_tells_operation_span_and_next_by_name():
    told, found = predictor().tell(clip(1)), predictor().predict([clip(1)])
    assert told.operation == LABELS[found.operation_CK[0].argmax()] and told.next == LABELS[found.next_CK[0].argmax()]
    assert 0 <= told.start < told.end <= 3
    assert told.operations == dict(zip(LABELS, found.operation_CK[0].tolist(), strict=True))
    assert sum(told.nexts.values()) == pytest.approx(1, abs=1e-5)


def test_a_clip_does_not_depend_on_those_beside_it():
    together, alone = predictor().predict([clip(0), clip(1)]), predictor().predict([clip(1)])
    np.testing.assert_array_equal(together.operation_CK[1:], alone.operation_CK)
    np.testing.assert_array_equal(together.span_C2[1:], alone.span_C2)


def test_frames_may_be_few_and_of_any_size():
    frames = np.zeros((2, 120, 160, 3), np.uint8)
    assert predictor().tell(Clip(frames, np.array([0.0, 2.5]))).operation in LABELS


NO_CLIPS = [
    (np.zeros((3, 8, 8, 3), np.float32), [0, 1, 2], r"frames are float32 \[3, 8, 8, 3\], expected uint8"),
    (np.zeros((3, 8, 8), np.uint8), [0, 1, 2], r"\[3, 8, 8\], expected uint8 \[n, height, width, 3\]"),
    (np.zeros((3, 8, 8, 3), np.uint8), [0, 1], "not one ascending number of seconds for each of 3 frames"),
    (np.zeros((3, 8, 8, 3), np.uint8), [0, 2, 1], "ascending"),
    (np.zeros((3, 8, 8, 3), np.uint8), [0, 1, np.nan], "ascending"),
    (np.zeros((1, 8, 8, 3), np.uint8), [0], "has 1 frame: give 2 or more"),
]


@pytest.mark.parametrize("frames, times, message", NO_CLIPS)
def test_what_is_no_clip_is_refused_by_number(frames, times, message):
    with pytest.raises(KinetraceError, match=f"clip 1.*{message}"):
        predictor().predict([clip(0), Clip(frames, np.array(times, float))])


def test_no_clip_at_all_is_refused():
    with pytest.raises(KinetraceError, match="no clip"):
        predictor().predict([])


def test_a_bundle_of_another_workload_is_refused(tmp_path):
    files.write_json(tmp_path / bundle.CONFIG, {"workload": "sign"})
    bundle.seal(tmp_path, "sign", {})
    with pytest.raises(KinetraceError, match="workload 'sign', expected one of 'operations'"):
        Predictor.load(tmp_path)


def test_an_altered_graph_is_refused(tmp_path):
    for path in bundled().iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "network.onnx").write_bytes(b"no graph")
    with pytest.raises(KinetraceError, match="altered"):
        Predictor.load(tmp_path)


def test_it_needs_no_torch():
    code = "import sys, kinetrace.operations.runtime.predictor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
