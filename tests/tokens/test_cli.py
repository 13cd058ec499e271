"""``kinetrace tokens`` as a person types it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from kinetrace import bundle, cli, files
from kinetrace.errors import KinetraceError
from kinetrace.stages import promote
from kinetrace.tokens.model.codec import jsonl
from kinetrace.workload import Job
from tests.candidates import Fake, deliver, workspace
from tests.tokens.export.exported import exported, tokenizer
from tests.tokens.test_batch import clip, save

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("encode", "decode", "film", "vocabulary")


def tokens(*arguments: object) -> Result:
    """A command in this process."""
    return CliRunner().invoke(cli.app, ["tokens", *map(str, arguments)], env={"COLUMNS": "200"})


def kinetrace(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """A command in one of its own."""
    command = [sys.executable, "-m", "kinetrace", "tokens", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    shown = tokens(command, "--help").stdout
    assert f"Example: kinetrace tokens {command}" in shown
    assert "--model" in shown and "tokens@champion" in shown


def test_from_clips_to_tokens_and_back(tmp_path):
    folder = tmp_path / "in"
    save(folder / "a.npy", clip(23))
    save(folder / "b.npy", clip(7, 1))
    done = tokens("encode", folder, "--model", exported(), "--to", tmp_path / "t.jsonl", "--fps", "30")
    assert (done.exit_code, done.stdout) == (0, f"2 videos, 30 frames, 5 chunks: {tmp_path}/t.jsonl\n")
    assert [video.fps for video in jsonl.read(tmp_path / "t.jsonl")] == [30, 30]
    back = tokens("decode", tmp_path / "t.jsonl", "--model", exported() / "tokens.zip", "--to", tmp_path / "out")
    assert (back.exit_code, back.stdout) == (0, f"2 videos, 30 frames: {tmp_path}/out\n")
    assert np.load(tmp_path / "out" / "b.npy", allow_pickle=False).shape == (7, 133, 3)


def test_a_bad_file_is_named_and_the_exit_code_is_1(tmp_path):
    good, bad = save(tmp_path / "good.npy", clip(10)), save(tmp_path / "bad.npy", clip(10)[:, :9])
    command = ("encode", good, bad, "--model", exported(), "--to", tmp_path / "t.jsonl", "--json")
    done = kinetrace(tmp_path, *command)
    reason = "found the shape (10, 9, 3), expected [frames, 133 or 134, 3] or [frames, 399]"
    assert (done.returncode, done.stderr) == (1, f"{bad}: {reason}\n")
    assert json.loads(done.stdout) == {
        "videos": 1, "frames": 10, "chunks": 1, "to": str(tmp_path / "t.jsonl"),
        "failed": [{"file": str(bad), "reason": reason}],
    }  # fmt: skip


def test_a_film(tmp_path):
    done = tokens("film", save(tmp_path / "a.npy", clip(5)), "--model", exported(), "--to", tmp_path / "a.gif")
    assert (done.exit_code, done.stdout) == (0, f"5 frames, 1 chunks: {tmp_path}/a.gif\n")
    assert (tmp_path / "a.gif").read_bytes()[:6] == b"GIF89a"


def test_a_vocabulary_is_the_bundles_own_or_longer(tmp_path):
    path = tmp_path / "tokenizer.json"
    done = tokens("vocabulary", "--model", exported(), "--to", path, "--json")
    own = json.loads(path.read_text())
    assert path.read_bytes() == (exported() / "tokenizer.json").read_bytes()
    assert json.loads(done.stdout) == {
        "tokens": len(own["model"]["vocab"]), "times": tokenizer().settings.times, "to": str(path),
    }  # fmt: skip
    tokens("vocabulary", "--model", exported(), "--times", 512, "--to", path)
    assert "<T511>" in json.loads(path.read_text())["model"]["vocab"]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1001"])
def test_frames_a_second_that_cannot_be_are_refused(tmp_path, value):
    done = tokens("encode", tmp_path, "--model", exported(), "--to", tmp_path / "t.jsonl", f"--fps={value}")
    assert done.exit_code == 2 and "--fps" in done.stderr


@pytest.mark.parametrize(
    "model, words",
    [
        ("nowhere", "nowhere': no such bundle"),
        ("empty", "no readable export_manifest.json"),
        ("sign", "workload 'sign'"),
    ],
)
def test_another_model_is_refused(tmp_path, model, words):
    (tmp_path / "empty").mkdir()
    files.write_json(tmp_path / "sign" / bundle.CONFIG, {"workload": "sign"})
    bundle.seal(tmp_path / "sign", "sign", {})
    path = save(tmp_path / "a.npy", clip(5))
    done = tokens("encode", path, "--model", tmp_path / model, "--to", tmp_path / "t.jsonl")
    assert isinstance(done.exception, KinetraceError) and words in str(done.exception)
    assert not (tmp_path / "t.jsonl").exists()


def test_a_damaged_line_is_one_message(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"version": 1}\n')
    done = kinetrace(tmp_path, "decode", "t.jsonl", "--model", exported(), "--to", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: t.jsonl, line 1: video: ") and done.stderr.count("\n") == 1


@dataclass(frozen=True)
class Served(Fake):
    """A candidate that exports the tokenizer of the tests."""

    def export(self, job: Job, target: Path) -> None:
        given: Any = shutil.ignore_patterns("*.zip", bundle.LINEAGE, bundle.MANIFEST)
        shutil.copytree(exported(), target, ignore=given, dirs_exist_ok=True)


def test_the_champion_of_the_workspace_serves(tmp_path):
    job = workspace(tmp_path / "place")
    promote.run(deliver(job, Served(0.9)))
    path = save(tmp_path / "a.npy", clip(23))
    done = kinetrace(
        job.folders.workspace.root, "encode", path, "--model", "fake@champion", "--to", tmp_path / "t.jsonl"
    )
    assert (done.returncode, done.stderr) == (0, "")
    (video,) = jsonl.read(tmp_path / "t.jsonl")
    for part, codes in tokenizer().encode(clip(23)).items():
        np.testing.assert_array_equal(video.codes[part], codes)
