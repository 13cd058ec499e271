"""``kill -9`` of everything in the middle of each stage, then the same command again: the same results."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kinetrace.cli import STAGES
from tests import checkouts
from tests.conftest import Run

# Python imports this by itself. Before a result of the stage takes its place (for the n-th time), all processes die.
ASSASSIN = """
import os, pathlib, signal

if os.environ.get("DVC_STAGE") == os.environ["VICTIM"]:
    rename, calls = os.replace, []

    def replace(source, target, **options):
        if str(pathlib.Path(target).absolute()).startswith(os.environ["WITHIN"]):
            calls.append(target)
            if len(calls) == int(os.environ["AT"]):
                pathlib.Path(os.environ["SAID"]).write_text(str(target))
                os.killpg(0, signal.SIGKILL)
        return rename(source, target, **options)

    os.replace = replace
"""
FIRST = {"twin", "shards", "promote"}  # the others die when one result is in place and another is not


@pytest.fixture(scope="module")
def root(fresh: Callable[[str], Path]) -> Path:
    """A workspace in which nothing ran."""
    return fresh("killed")


@pytest.mark.parametrize("stage", ["twin", *STAGES])
def test_killed_in_the_middle(stage: str, root: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    (tmp_path / "sitecustomize.py").write_text(ASSASSIN)
    variables = {"VICTIM": f"{stage}@sign", "AT": str(1 if stage in FIRST else 2), "SAID": str(said)}
    environment = checkouts.environment(root, PYTHONPATH=str(tmp_path), WITHIN=str(root), **variables)
    command = [sys.executable, "-m", "dvc", "repro", "promote@sign"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, start_new_session=True)
    assert done.returncode == -9, done.stdout + done.stderr
    assert said.is_file()


def test_the_same_command_again_gives_the_results_of_an_undisturbed_run(root: Path, flown: Run) -> None:
    checkouts.repro(root)
    assert checkouts.results(root) == checkouts.results(flown.root)
    assert not list(root.glob("*/sign/.*.partial"))
