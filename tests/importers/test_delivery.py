"""Where an import goes, and that a failed one changes nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinetrace import cli
from kinetrace.errors import KinetraceError
from kinetrace.importers import delivery
from kinetrace.importers.recording import Delivered, Recording
from kinetrace.sign.data import writer
from kinetrace.workspace import Workspace

ROOT = Path(__file__).parents[2]


def convert(target: Path, value: float = 1.0) -> Delivered:
    frames = np.full((3, 1662), value, np.float32)
    return writer.write(target, [Recording("a", frames, {"sentence": "tea"})], Delivered())


def breaks(target: Path) -> Delivered:
    convert(target)
    raise KinetraceError("the source broke")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A Git and DVC repository with this project's parameters."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    return Workspace(tmp_path)


def test_a_failed_import_leaves_the_folder_as_it_was(tmp_path):
    target = tmp_path / "set"
    delivery.write("sign", convert, target)
    before = contents(target)
    with pytest.raises(KinetraceError, match="the source broke"):
        delivery.write("sign", breaks, target)
    assert contents(target) == before
    delivery.write("sign", lambda partial: convert(partial, 2.0), target)
    assert contents(target) != before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years")
    for target in (tmp_path / "home", tmp_path / "home" / "thesis.tex"):
        with pytest.raises(KinetraceError, match="no imported data set"):
            delivery.write("sign", convert, target)
    assert contents(tmp_path / "home") == {"thesis.tex": b"years"}
    (tmp_path / "empty").mkdir()
    assert delivery.write("sign", convert, tmp_path / "empty").startswith("1 clip, 1 subject, 1 label")


def test_adopting_tracks_the_data_and_makes_the_pipeline_read_it(workspace):
    before = workspace.params.read_text()
    said = delivery.adopt(workspace, "sign", convert)
    assert "workloads.sign.raw: data/twin/sign → data/raw/sign" in said and "make run" in said
    changed = list(zip(before.splitlines(), workspace.params.read_text().splitlines(), strict=True))
    assert [new for old, new in changed if old != new] == [
        "  sign: {raw: data/raw/sign}        # `kinetrace import` sets this to data/raw/sign"
    ]
    assert (workspace.root / "data" / "raw" / "sign.dvc").is_file()
    assert sorted(path.name for path in (workspace.root / "data" / "raw").iterdir()) == [
        ".gitignore", "sign", "sign.dvc",
    ]  # fmt: skip
    assert "reads data/raw/sign already" in delivery.adopt(workspace, "sign", convert)


def test_when_dvc_fails_data_and_parameters_are_as_they_were(workspace):
    delivery.adopt(workspace, "sign", convert)
    before = contents(workspace.root / "data"), workspace.params.read_bytes()
    (workspace.root / "dvc.yaml").write_text("stages: [broken\n")
    with pytest.raises(KinetraceError, match=r"dvc add sign failed: .*dvc\.yaml"):
        delivery.adopt(workspace, "sign", lambda target: convert(target, 2.0))
    assert (contents(workspace.root / "data"), workspace.params.read_bytes()) == before


def test_data_that_a_killed_import_moved_aside_come_back_when_the_next_one_fails(workspace):
    delivery.adopt(workspace, "sign", convert)
    target = workspace.root / "data" / "raw" / "sign"
    before = contents(target)
    target.replace(target.with_name(".sign.previous"))
    (workspace.root / "dvc.yaml").write_text("stages: [broken\n")
    with pytest.raises(KinetraceError):
        delivery.adopt(workspace, "sign", lambda partial: convert(partial, 2.0))
    assert contents(target) == before


def test_a_first_import_that_fails_leaves_no_data(workspace):
    (workspace.root / "dvc.yaml").write_text("stages: [broken\n")
    with pytest.raises(KinetraceError):
        delivery.adopt(workspace, "sign", convert)
    assert not list((workspace.root / "data" / "raw").iterdir())


def test_without_dvc_the_data_are_adopted_all_the_same(workspace):
    shutil.rmtree(workspace.root / ".dvc")
    said = delivery.adopt(workspace, "sign", convert)
    assert ".dvc" not in said and (workspace.root / "data" / "raw" / "sign" / "layout.json").is_file()


def test_the_command_imports_into_the_workspace_around_it(workspace, monkeypatch, capsys):
    source = workspace.root / "MP_Data" / "tea" / "0"
    source.mkdir(parents=True)
    for number in range(3):
        np.save(source / f"{number}.npy", np.ones(258))
    monkeypatch.chdir(workspace.root)
    cli.app(["import", "mp-data", "MP_Data", "--subject", "anna"], standalone_mode=False)
    assert "1 clip, 1 subject, 1 label" in capsys.readouterr().out
    cli.app(["import", "mp-data", "MP_Data", "--to", "elsewhere"], standalone_mode=False)
    assert capsys.readouterr().out.count("\n") == 1 and (workspace.root / "elsewhere" / "layout.json").is_file()


@pytest.mark.parametrize("source", [".", "inside", ".."])
def test_the_source_of_an_import_is_never_its_target(tmp_path, source):
    target = tmp_path / "set"
    delivery.write("sign", convert, target)
    before = contents(tmp_path)
    with pytest.raises(KinetraceError, match="is, holds or lies in the source"):
        delivery.write("sign", convert, target, target / source)
    assert contents(tmp_path) == before


def test_an_import_with_files_of_ones_own_in_it_is_kept(workspace):
    delivery.adopt(workspace, "sign", convert)
    notes = workspace.root / "data" / "raw" / "sign" / "notes.txt"
    notes.write_text("mine")
    for again in (
        lambda: delivery.adopt(workspace, "sign", convert),
        lambda: delivery.write("sign", convert, notes.parent),
    ):
        with pytest.raises(KinetraceError, match=r"holds notes\.txt, so it is no imported data set"):
            again()
    assert notes.read_text() == "mine"


def test_what_an_import_replaces_is_said_and_a_refused_one_leaves_git_clean(workspace):
    (workspace.root / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    assert "replaces" not in delivery.adopt(workspace, "sign", convert)
    assert "; replaces 1 clip\n" in delivery.adopt(workspace, "sign", convert)
    with pytest.raises(KinetraceError, match="the source broke"):
        delivery.adopt(workspace, "sign", breaks)
    raw = workspace.root / "data" / "raw"
    assert sorted(path.name for path in raw.iterdir()) == [".gitignore", "sign", "sign.dvc"]
    (raw / "..sign.fresh.partial").touch()
    listing = ["git", "status", "--short", "--untracked-files=all", "data"]
    done = subprocess.run(listing, cwd=workspace.root, check=True, capture_output=True, text=True)
    assert done.stdout.split()[1::2] == ["data/raw/.gitignore", "data/raw/sign.dvc"]
