"""``docs/sweeps.md``: every command is understood, and runs in a workspace whose training takes no time."""

import re
import shlex
import shutil

import pytest

from tests import checkouts
from tests.checkouts import ROOT
from tests.pages import parsed
from tests.sweep.workspaces import workspace

PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
[BLOCK] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = [shlex.split(line.removeprefix(".venv/bin/")) for line in BLOCK.splitlines()]
SPOKEN = [shlex.split(code) for code in re.findall(r"`((?:kinetrace|dvc) [^`]+)`", PAGE)]


@pytest.mark.parametrize("words", [words for words in SHOWN if words[0] == "kinetrace"], ids=" ".join)
def test_every_sweep_is_understood(words):
    assert parsed(tuple(words[1:])) == ["sweep"]


def test_dvc_understands_what_it_is_asked():
    from dvc.cli import parse_args

    asked = [words[1:] for words in SHOWN + SPOKEN if words[0] == "dvc"]
    for words in asked:
        parse_args(words)
    assert len(asked) >= 5


def test_only_what_there_is_is_named():
    assert all((ROOT / path).is_file() for path in re.findall(r"recipes/sweeps/\w+\.yaml", PAGE))


@pytest.mark.slow
@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_every_command_runs(words, tmp_path):
    root = workspace(tmp_path / "workspace", metric="inst1")
    shutil.copytree(ROOT / "recipes" / "sweeps", root / "recipes" / "sweeps")
    more = ["--jobs", "4"] if words[0] == "kinetrace" else []
    done = checkouts.run(root, *words, *more, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert words[0] == "dvc" or "best" in done.stdout
