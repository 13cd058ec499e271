"""Every command and every file that the README names; its data commands run on tiny inputs."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from kinetrace.cli import app
from tests.checkouts import ROOT
from tests.importers import test_csl, test_landmarks, test_mp_data, test_pose, test_signtalk
from tests.sign import deliveries

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHOWN = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines()]
SPOKEN = [shlex.split(code) for code in re.findall(r"`((?:make|kinetrace|dvc) [^`]+)`", README)]
COMMANDS = [[word.removeprefix(".venv/bin/") for word in command] for command in SHOWN + SPOKEN if command]
KINETRACE = sorted({tuple(words) for program, *words in COMMANDS if program == "kinetrace"})
STAND_INS = {"DIR", "TABLE.parquet"}


def signtalk(folder: Path) -> Path:
    return test_signtalk.processed(folder / "given", test_signtalk.row("v0", "pose_data/v0.npy"))


def mp_data(folder: Path) -> Path:
    test_mp_data.sequence(folder / "given", "hello/0")
    return folder / "given"


def pose(folder: Path) -> Path:
    (folder / "given").mkdir()
    test_pose.write(folder / "given" / "hello.pose")
    return folder / "given"


def landmarks(folder: Path) -> Path:
    test_landmarks.table().to_parquet(folder / "given.parquet", index=False)
    return folder / "given.parquet"


def csl(folder: Path) -> Path:
    return test_csl.source(folder / "given")


def delivery(folder: Path) -> Path:
    return deliveries.write(folder / "given", [deliveries.row("a"), deliveries.row("b", sentence_id=4)])


INPUTS: dict[str, Callable[[Path], Path]] = {
    "import signtalk": signtalk, "import mp-data": mp_data, "import pose": pose, "import landmarks": landmarks,
    "import csl": csl, "check": delivery,
}  # fmt: skip
ON_DATA = {words: name for words in KINETRACE for name in INPUTS if " ".join(words).startswith(f"{name} ")}


def parsed(words: tuple[str, ...]) -> list[str]:
    """The names of the sub-command, after its own parser took the rest; prose may name a command alone."""
    command, names, rest = typer.main.get_command(app), [], list(words)
    while hasattr(command, "commands"):
        names.append(rest.pop(0))
        command = command.commands[names[-1]]
    if rest:
        command.make_context(names[-1], rest)
    return names


def test_only_programs_that_are_checked_here_are_named():
    assert {program for program, *_ in COMMANDS} == {"make", "kinetrace", "dvc"}


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[0] for program, *words in COMMANDS if program == "make"}
    [listed] = re.findall(r"^Makefile +([a-z, -]+);", README, re.MULTILINE)
    assert named | set(listed.split(", ")) <= targets


@pytest.mark.parametrize("words", KINETRACE, ids=" ".join)
def test_every_command_is_understood_and_has_help(words):
    names = parsed(words)
    done = CliRunner().invoke(app, [*names, "--help"])
    assert done.exit_code == 0 and f"Usage: root {' '.join(names)}" in done.output


def test_dvc_understands_what_it_is_asked():
    from dvc.cli import parse_args

    for program, *words in COMMANDS:
        if program == "dvc":
            parse_args(words)


def test_every_import_and_check_is_among_the_commands():
    imports = typer.main.get_command(app).commands["import"].commands
    assert set(ON_DATA.values()) == set(INPUTS) == {"check", *(f"import {name}" for name in imports)}


@pytest.mark.parametrize("words", ON_DATA, ids=" ".join)
def test_commands_on_data_run(words, tmp_path, monkeypatch):
    """In a workspace without DVC, which ``tests/importers/test_delivery.py`` covers."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    given = str(INPUTS[ON_DATA[words]](tmp_path))
    assert STAND_INS & set(words)
    done = CliRunner().invoke(app, [given if word in STAND_INS else word for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    adopted = words[0] == "import" and "--to" not in words
    assert ("raw: data/raw/sign" in (tmp_path / "params.yaml").read_text()) == adopted
    assert (tmp_path / "OUT").is_dir() == ("--to" in words)


def tree() -> list[Path]:
    """What the tree under "The house" names, relative to the checkout."""
    [block] = re.findall(r"^## The house\n\n```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found, folders = [], [Path(), Path(), Path()]
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        if depth >= len(folders):  # the rest of a description
            continue
        names = re.split(r" {2,}", line.strip())[0].split()
        found += [folders[depth] / name for name in names]
        folders[depth + 1 :] = [found[-1]] * (2 - depth)
    return found


def test_the_tree_names_what_there_is():
    assert not [path for path in tree() if not (ROOT / path).exists()]
    there = {path.relative_to(ROOT) for path in (ROOT / "kinetrace").glob("*.py") if not path.name.startswith("__")}
    there |= {path.parent.relative_to(ROOT) for path in (ROOT / "kinetrace").glob("*/__init__.py")}
    assert there <= set(tree()), f"not in the tree: {sorted(map(str, there - set(tree())))}"


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links and not [link for link in links if not (ROOT / link).exists()]
