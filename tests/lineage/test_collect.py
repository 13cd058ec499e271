"""Lineage: what DVC and git know when ``export`` runs, and nothing that changes from run to run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kinetrace import files
from kinetrace.lineage import collect
from kinetrace.workspace import Workspace
from tests.candidates import Fake, deliver, workspace

DVC_YAML = """
stages:
  validate:
    foreach: {fake: {}}
    do:
      cmd: mkdir -p data/fake && wc -c < data/raw/clip > data/fake/clips.txt
      deps: [data/raw, code.py]
      outs: [data/fake/clips.txt]
  evaluate:
    foreach: {fake: {}}
    do:
      cmd: mkdir -p models/fake/plots && cp data/fake/clips.txt models/fake/plots/clips.txt
      deps: [data/fake/clips.txt]
      outs: [models/fake/plots]
  export:
    foreach: {fake: {}}
    do:
      cmd: python see.py
      deps: [models/fake/plots, see.py]
      outs: [models/fake/seen.json]
"""
SEE = """
import json, sys
from pathlib import Path
from kinetrace.lineage import collect
from kinetrace.workspace import Workspace
folders = Workspace(Path.cwd()).of("fake")
seen = {"inputs": collect.recorded(folders), "dirty": collect.dirty(Path.cwd()), "commit": collect.commit(Path.cwd())}
Path("models/fake/seen.json").write_text(json.dumps(seen))
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def dvc(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments, "-q"], cwd=folder, check=True)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of a small pipeline, after its first ``dvc repro``."""
    origin, clone = tmp_path_factory.mktemp("origin"), tmp_path_factory.mktemp("clones") / "clone"
    git(origin, "init", "-q")
    dvc(origin, "init")
    (origin / "data" / "raw").mkdir(parents=True)
    for name, text in {"dvc.yaml": DVC_YAML, "see.py": SEE, "code.py": "", "data/raw/clip": "frames"}.items():
        (origin / name).write_text(text.replace("python see.py", f"{sys.executable} see.py"))
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "Begin")
    git(origin, "clone", "-q", str(origin), str(clone))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        dvc(clone, "repro")
    return clone


def test_during_export_the_lock_describes_every_stage_before_it(reproduced: Path) -> None:
    seen = json.loads((reproduced / "models/fake/seen.json").read_text())["inputs"]
    assert list(seen) == ["validate", "evaluate"]
    assert set(seen["validate"]["deps"]) == {"data/raw", "code.py"}
    assert seen["validate"]["outs"] == {"data/fake/clips.txt": seen["evaluate"]["deps"]["data/fake/clips.txt"]}
    assert seen["evaluate"]["outs"]["models/fake/plots"].endswith(".dir")
    assert seen == collect.recorded(Workspace(reproduced).of("fake"))  # the lock has not changed for them since


def test_a_fresh_clone_that_ran_the_pipeline_is_not_dirty(reproduced: Path) -> None:
    seen = json.loads((reproduced / "models/fake/seen.json").read_text())
    assert git(reproduced, "status", "--porcelain")  # DVC did write dvc.lock and .gitignore files
    assert (seen["dirty"], collect.dirty(reproduced)) == (False, False)
    assert seen["commit"] == git(reproduced, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("name", ["code.py", "new.py", "deep/new.py", "dvc.yaml"])
def test_changed_or_new_code_is_dirty(reproduced: Path, name: str) -> None:
    path = reproduced / name
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((before or b"") + b"\n# changed\n")
    assert collect.dirty(reproduced)
    path.write_bytes(before) if before is not None else path.unlink()
    assert not collect.dirty(reproduced)


def test_outside_git_and_before_dvc_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert (collect.commit(tmp_path), collect.dirty(tmp_path)) == ("", False)
    assert collect.recorded(Workspace(tmp_path).of("fake")) == {}


def test_the_lineage_of_a_bundle_is_the_same_every_time(tmp_path: Path) -> None:
    jobs = [deliver(workspace(tmp_path / name), Fake(0.8)) for name in ("one", "two")]
    first, second = (files.read_json(job.folders.bundle / "lineage.json") for job in jobs)
    assert first == second
    assert first["counts"] == {
        "test": {"clips": 1, "subjects": 1, "labels": 1},
        "train": {"clips": 2, "subjects": 2, "labels": 2},
    }
    assert first["params"]["validate"] == {"max_quarantine_share": 0.2}
    assert first["test_digest"] == files.read_json(jobs[0].folders.metrics)["test_digest"]
    assert first["raw"] == {"path": "data/raw", "md5": ""}


def test_the_lock_gives_the_raw_data_and_other_workloads_are_left_out(tmp_path: Path) -> None:
    job = workspace(tmp_path / "place")
    lock = """
schema: '2.0'
stages:
  validate@fake: {cmd: x, deps: [{path: data/raw, md5: abc.dir}], outs: [{path: data/fake/clips.parquet, md5: d}]}
  validate@other: {cmd: x, deps: [{path: data/raw, md5: other}]}
  export@fake: {cmd: x, outs: [{path: models/fake/bundle, md5: stale.dir}]}
"""
    job.folders.workspace.lock.write_text(lock)
    deliver(job, Fake(0.8))
    lineage = files.read_json(job.folders.bundle / "lineage.json")
    assert lineage["raw"] == {"path": "data/raw", "md5": "abc.dir"}
    assert lineage["inputs"] == {
        "validate": {"deps": {"data/raw": "abc.dir"}, "outs": {"data/fake/clips.parquet": "d"}}
    }
