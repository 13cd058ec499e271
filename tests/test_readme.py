"""Every command and every file that the README names; its data commands run on tiny inputs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from kinetrace.cli import app
from tests.checkouts import ROOT
from tests.importers import test_csl, test_landmarks, test_mp_data, test_pose, test_signtalk, test_videos
from tests.operations.data import packed
from tests.pages import Page, parsed, run
from tests.sign import deliveries

README = Page(ROOT / "README.md")
STAND_INS = {"DIR": "given", "TABLE.parquet": "given.parquet", "TABLE.csv": "given.csv"}


def pose(folder: Path) -> None:
    (folder / "given").mkdir()
    test_pose.write(folder / "given" / "hello.pose")


def videos(folder: Path) -> None:
    test_videos.place(folder / "given", "a.mp4")
    test_videos.write(folder, "start,end,label", "0,5,cut", name="given.csv")


INPUTS: dict[str, Callable[[Path], object]] = {
    "import signtalk": lambda folder: test_signtalk.processed(
        folder / "given", test_signtalk.row("v0", "pose_data/v0.npy")
    ),
    "import mp-data": lambda folder: test_mp_data.sequence(folder / "given", "hello/0"),
    "import pose": pose,
    "import landmarks": lambda folder: test_landmarks.table().to_parquet(folder / "given.parquet", index=False),
    "import csl": lambda folder: test_csl.source(folder / "given"),
    "import openpack": lambda folder: packed.dataset(folder / "given"),
    "import videos": videos,
    "check": lambda folder: deliveries.write(
        folder / "given", [deliveries.row("a"), deliveries.row("b", sentence_id=4)]
    ),
}
OF_OPERATIONS = {"import openpack", "import videos"}
ON_DATA = {words: name for words in README.kinetrace for name in INPUTS if " ".join(words).startswith(f"{name} ")}


def test_only_programs_that_are_checked_here_are_named():
    assert {program for program, *_ in README.commands} == {"make", "kinetrace", "dvc"}


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[0] for program, *words in README.commands if program == "make"}
    [listed] = re.findall(r"^Makefile +([a-z, -]+);", README.text, re.MULTILINE)
    assert named | set(listed.split(", ")) <= targets


@pytest.mark.parametrize("words", README.kinetrace, ids=" ".join)
def test_every_command_is_understood_and_has_help(words):
    names = parsed(words)
    done = CliRunner().invoke(app, [*names, "--help"])
    assert done.exit_code == 0 and f"Usage: root {' '.join(names)}" in done.output


def test_dvc_understands_what_it_is_asked():
    from dvc.cli import parse_args

    for program, *words in README.commands:
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
    INPUTS[ON_DATA[words]](tmp_path)
    assert set(STAND_INS) & set(words)
    run(*(STAND_INS.get(word, word) for word in words))
    raw = "data/raw/operations" if ON_DATA[words] in OF_OPERATIONS else "data/raw/sign"
    adopted = words[0] == "import" and "--to" not in words
    assert (f"raw: {raw}" in (tmp_path / "params.yaml").read_text()) == adopted
    assert (tmp_path / "OUT").is_dir() == ("--to" in words)


def tree() -> list[Path]:
    """What the tree under "The house" names, relative to the checkout."""
    [block] = re.findall(r"^## The house\n\n```\n(.*?)^```", README.text, re.MULTILINE | re.DOTALL)
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
    assert README.broken_links() == []
