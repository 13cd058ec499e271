"""The commands ``trace``, ``rollback`` and ``promote`` as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from kinetrace.stages import promote
from tests.candidates import Fake, deliver, workspace


def kinetrace(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "kinetrace", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def alter(path: Path, before: str, after: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def test_trace_rollback_and_promote(tmp_path: Path) -> None:
    job = workspace(tmp_path / "place")
    for quality in (0.7, 0.9):
        promote.run(deliver(job, Fake(quality)))
    place = job.folders.workspace.root
    back = kinetrace(place, "rollback", "fake", "--why", "wrong labels")
    assert (back.returncode, back.stderr) == (0, "")
    assert "the champion is version 1" in back.stdout
    assert "kinetrace fetch fake@champion --to DIR" in back.stdout
    traced = kinetrace(place, "trace", "fake@champion", "--json")
    assert json.loads(traced.stdout)["version"] == 1
    again = kinetrace(place, "promote", "fake", "2", "--why", "right after all")
    assert "the champion is version 2" in again.stdout
    assert [entry["action"] for entry in json.loads(kinetrace(place, "ledger", "fake", "--json").stdout)] == [
        "promote", "promote", "rollback", "promote",
    ]  # fmt: skip
    shown = kinetrace(place, "ledger", "fake").stdout
    assert "rollback" in shown and "labels" in shown
    alter(job.folders.ledger, "wrong labels", "no reason")
    altered = kinetrace(place, "ledger", "fake")
    assert (altered.returncode, altered.stdout) == (1, "")
    assert "line 3: the ledger was altered here" in altered.stderr
    wrong = kinetrace(place, "rollback", "fakes")
    assert wrong.returncode == 2
    assert "no workload 'fakes'" in wrong.stderr and "Traceback" not in wrong.stderr
