import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kinetrace import training
from kinetrace.errors import KinetraceError
from kinetrace.files import write_npz
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.checkouts import ROOT
from tests.sign.trained import prepared


def with_params(job: Job, section: str, **changes: Any) -> Job:
    changed = getattr(job.params, section).model_copy(update=changes)
    return replace(job, params=job.params.model_copy(update={section: changed}))


def test_the_key_changes_with_shards_and_statistics(tmp_path):
    job = prepared()
    key = training.key(job)
    assert key == training.key(job)
    shutil.copytree(job.folders.workspace.root, tmp_path / "other")
    other = replace(job, folders=Workspace(tmp_path / "other").of("sign"))
    assert training.key(other) == key
    write_npz(other.folders.stats_npz, {"mean": np.zeros(540), "std": np.ones(540)})
    assert training.key(other) != key


@pytest.mark.parametrize(
    "section, changes",
    [("model", {"dropout": 0.3}), ("loss", {"bank": 2.0}), ("augment", {"yaw": 1.0}), ("train", {"seed": 99})],
)
def test_the_key_changes_with_the_parameters_of_a_training(section, changes):
    assert training.key(with_params(prepared(), section, **changes)) != training.key(prepared())


@pytest.mark.parametrize(
    "section, changes",
    [("twin", {"seed": 8}), ("evaluate", {"beams": 9}), ("export", {"opset": 20}), ("promote", {"parity": 1.0})],
)
def test_the_key_knows_no_other_parameters(section, changes):
    assert training.key(with_params(prepared(), section, **changes)) == training.key(prepared())


def test_the_parameters_are_those_of_the_stage_in_dvc_yaml():
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"]
    assert {entry.partition(".")[2] for entry in stage["params"]} == training.SECTIONS


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A workload of its own, with a module in each folder."""
    for name in (
        "data/reader",
        "model/network",
        "model/blocks/gru",
        "train/losses",
        "evaluate/report",
        "export/graphs",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "workload.py").write_text("class Own:\n    pass\n")
    return tmp_path


def key_of(package: Path) -> str:
    spec = importlib.util.spec_from_file_location(f"own_{id(package)}", package / "workload.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return training.key(replace(prepared(), workload=module.Own()))


@pytest.mark.parametrize(
    "name", ["workload.py", "data/reader.py", "model/network.py", "model/blocks/gru.py", "train/losses.py"]
)
def test_the_key_changes_with_the_code_that_a_training_runs(package, name):
    before = key_of(package)
    with (package / name).open("a") as stream:
        stream.write("# changed\n")
    assert key_of(package) != before


@pytest.mark.parametrize("name", ["evaluate/report.py", "export/graphs.py", "evaluate/new.py", "model/notes.txt"])
def test_the_key_is_the_same_however_a_model_is_judged_and_served(package, name):
    before = key_of(package)
    with (package / name).open("a") as stream:
        stream.write("# changed\n")
    assert key_of(package) == before


def test_the_key_changes_with_what_the_workloads_share_of_training(monkeypatch):
    before = training.key(prepared())
    monkeypatch.setattr(training, "SHARED", training.SHARED[:1])
    assert training.key(prepared()) != before


def test_the_key_changes_with_the_code_that_all_trainings_share(tmp_path, monkeypatch):
    assert {path.name for path in training.SHARED} == {"layers.py", "loop.py"}
    before = training.key(prepared())
    (tmp_path / "loop.py").write_text("")
    monkeypatch.setattr(training, "SHARED", (training.SHARED[0], tmp_path / "loop.py"))
    assert training.key(prepared()) != before


def test_a_module_that_moves_changes_the_key(package):
    before = key_of(package)
    (package / "train" / "losses.py").replace(package / "model" / "losses.py")
    assert key_of(package) != before


def test_a_training_before_its_shards_names_what_is_missing(tmp_path):
    bare = replace(prepared(), folders=Workspace(tmp_path).of("sign"))
    with pytest.raises(KinetraceError, match=r"index\.json is missing: run the stage before it, or make run"):
        training.key(bare)
