"""``kinetrace extract`` as a process: a folder of videos in, SignTalk's layout and a quarantine out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace.extract.extraction import name
from kinetrace.files import digest
from kinetrace.importers import signtalk
from kinetrace.sign.data.features import motion
from kinetrace.stages import validate
from tests import checkouts
from tests.extract import videos
from tests.sign.trained import trained

REASONS = {
    "cut.mp4": "no video that can be decoded",
    "empty.mp4": "the file is empty",
    "gone.mp4": "no such file",
    "nobody.mp4": "no person is seen in any frame",
    "text.mp4": "no video that can be decoded",
}
Done = "subprocess.CompletedProcess[str]"


def variables(python: Path, home: Path) -> dict[str, str]:
    environment = checkouts.environment(home, PYTHONPATH=str(videos.ROOT), XDG_CACHE_HOME=str(home / "cache"))
    return environment | {"KINETRACE_EXTRACT_ENV": str(python.parents[1]), "KINETRACE_JOBS": "2"}


def extract(python: Path, home: Path, *arguments: str) -> Done:
    command = [sys.executable, "-m", "kinetrace", "extract", *arguments]
    return subprocess.run(command, cwd=home, env=variables(python, home), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(python: Path, made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``given/`` extracted to ``out/``; tests leave both as they are."""
    home = tmp_path_factory.mktemp("home")
    videos.delivery(made, home / "given")
    shown = extract(python, home, "given", "--to", "out", "--dry-run", "--json")
    assert {row["does"] for row in json.loads(shown.stdout)} == {"extract", "missing"}
    assert not (home / "out").exists() and not (home / "cache" / "kinetrace" / "extract" / "clips").exists()
    done = extract(python, home, "given", "--to", "out")
    assert done.returncode == 1, done.stderr
    assert all(f"{file}: {reason}" in done.stderr for file, reason in REASONS.items())
    assert "2 clips, 1 subject, 2 labels" in done.stdout and "Traceback" not in done.stderr
    assert "W0000" not in done.stderr and "XNNPACK" not in done.stderr  # MediaPipe's own words stay in its log
    return home


def test_what_gives_no_clip_stands_in_the_quarantine_with_its_reason(home):
    table = pd.read_csv(home / "out" / "quarantine.csv")
    assert dict(zip(table["video"], table["reason"], strict=True)) == REASONS


def test_the_rest_is_a_delivery_that_satisfies_the_contract(home):
    verdict = validate.check(home / "out", "sign", None, 1)
    assert verdict.passed and list(verdict.kept["clip_id"]) == ["other", "person"]
    assert set(verdict.kept["extractor"]) == {name()} and set(verdict.kept["fps"]) == {30.0}
    assert list(verdict.kept["label"]) == ["sentence of other", "sentence of person"]


def test_metadata_lead_back_to_the_video_and_say_how_much_moves_and_is_seen(home):
    row = pd.read_csv(home / "out" / "metadata.csv").set_index("video_file").loc["person"]
    frames = np.load(home / "out" / "features" / "person.npy")
    assert (row["video"], row["video_fps"], row["num_frames"]) == ("person.mp4", 30.0, len(frames))
    assert row["video_digest"] == digest(home / "given" / "person.mp4")
    assert row["motion_mean"] == pytest.approx(motion(frames).mean())
    assert row["motion_p95"] == pytest.approx(np.percentile(motion(frames), 95))
    assert row["mean_visibility"] == pytest.approx(frames[:, 3:132:4].mean()) and row["mean_visibility"] > 0.5


def test_an_import_keeps_the_extractor(home, tmp_path):
    signtalk.convert(home / "out", tmp_path / "raw")
    assert json.loads((tmp_path / "raw" / "layout.json").read_text()) == json.loads(
        (home / "out" / "layout.json").read_text()
    )
    assert (tmp_path / "raw" / "features" / "other.npy").read_bytes() == (
        home / "out" / "features" / "other.npy"
    ).read_bytes()


def test_what_was_extracted_is_not_extracted_again(python, home):
    before = {path.name: digest(path) for path in (home / "out").rglob("*.*")}
    shown = extract(python, home, "given", "--to", "out", "--dry-run")
    assert "6 kept, 1 missing" in shown.stdout and shown.returncode == 0
    done = extract(python, home, "given", "--to", "out", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["looked_at"], told["clips"], told["quarantined"]) == (1, 0, 2, REASONS)
    assert {path.name: digest(path) for path in (home / "out").rglob("*.*")} == before


def test_the_same_bytes_under_two_names_are_one_clip(python, home, tmp_path):
    for file in ("a.mp4", "b.mp4"):
        (tmp_path / "given").mkdir(exist_ok=True)
        shutil.copy(home / "given" / "person.mp4", tmp_path / "given" / file)
    shutil.copytree(home / "cache", tmp_path / "cache")
    done = extract(python, tmp_path, "given", "--unlabelled", "--to", "out", "--json")
    assert json.loads(done.stdout)["quarantined"] == {"b.mp4": "the same bytes as a.mp4"}
    assert pd.read_csv(tmp_path / "out" / "metadata.csv")["sentence"].tolist() == ["a"]


def test_a_folder_of_other_things_is_never_replaced(python, home, tmp_path):
    (tmp_path / "thesis.txt").touch()
    done = extract(python, home, "given", "--to", str(tmp_path))
    assert done.returncode == 2 and "thesis.txt" in done.stderr and "Traceback" not in done.stderr


def test_nothing_but_broken_videos_is_an_error_that_says_so(python, home, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.mp4").touch()
    done = extract(python, tmp_path, "given", "--unlabelled", "--to", "out")
    assert done.returncode == 2 and "nothing to import: skipped 1 (a.mp4 (the file is empty))" in done.stderr
    assert not (tmp_path / "out").exists()


def heard() -> None:
    """A child of a shell's background job ignores Ctrl-C otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_cut_off_leaves_nothing_half_written_and_goes_on(python, home, tmp_path, how):
    (tmp_path / "given").mkdir()
    shutil.copy(home / "given" / "person.mp4", tmp_path / "given" / "a.mp4")
    for number in range(3):  # other bytes after the end of the film: other videos for the cache
        content = (home / "given" / "other.mp4").read_bytes() + bytes([0, 0, 0, 9]) + b"free" + bytes([number])
        (tmp_path / "given" / f"b{number}.mp4").write_bytes(content)
    command = [sys.executable, "-m", "kinetrace", "extract", "given", "--unlabelled", "--to", "out", "-j", "1"]
    kept = tmp_path / "cache" / "kinetrace" / "extract" / "clips"
    with subprocess.Popen(
        command, cwd=tmp_path, env=variables(python, tmp_path), stderr=subprocess.PIPE, preexec_fn=heard
    ) as process:
        deadline = time.monotonic() + 120
        while not list(kept.rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, how)
        words = process.communicate()[1].decode()
    assert process.returncode == (130 if how == signal.SIGINT else -how) and "Traceback" not in words
    assert not (tmp_path / "out").exists()
    done = extract(python, tmp_path, "given", "--unlabelled", "--to", "out", "--json")
    told = json.loads(done.stdout)
    assert 0 < told["looked_at"] < 4 and told["clips"] == 4, done.stderr


def test_a_film_finds_its_sentence_among_ranked_ones(python, home, tmp_path):
    """mp4 in, ranked sentences out: another picture quality of one of the films, by the embeddings of a model."""
    import torch

    from kinetrace.sign.data import reader
    from kinetrace.sign.model.checkpoint import Checkpoint

    (tmp_path / "asked").mkdir()
    videos.smaller(python, tmp_path / "asked" / "film.mp4", size=640)
    assert extract(python, tmp_path, "asked", "--unlabelled", "--to", "film").returncode == 0
    model = Checkpoint.load(trained().folders.checkpoint).model

    def embedded(folder: Path) -> tuple[list[str], np.ndarray]:
        table = reader.inspect(folder, 1)
        clips = [torch.from_numpy(reader.read(folder, row)) for row in table.to_dict("records")]
        with torch.inference_mode():
            vectors = [model(clip[None], torch.tensor([len(clip)]))[0][0].numpy() for clip in clips]
        return table["label"].tolist(), np.stack(vectors)

    sentences, gallery = embedded(home / "out")
    _, asked = embedded(tmp_path / "film")
    ranked = [sentences[index] for index in np.argsort(-(gallery @ asked[0]))]
    assert ranked == ["sentence of person", "sentence of other"]
