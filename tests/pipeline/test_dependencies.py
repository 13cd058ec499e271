"""``dvc.yaml`` declares all that decides a stage's result, so that a change never leaves a stale one.

One definition serves every workload: what any of them runs or reads is declared, and nothing that none does.
"""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from kinetrace.cli import STAGES
from kinetrace.workload import load
from kinetrace.workspace import Folders, Workspace
from tests.pipeline.code import PACKAGE, ROOT, attributes_of, folders_of, modules_of

# Checks, paths, types and progress: none of it decides what a stage writes. Parameters are declared as values.
INERT = {f"kinetrace/{name}.py" for name in ("environment", "errors", "parallel", "params", "workload", "workspace")}
# MLflow records what happened; no file of a stage depends on it.
RUNS = "kinetrace/registry/runs.py"
RECORDS = {"train": {"kinetrace/bundle.py", RUNS, "kinetrace/registry/tracking.py"}}
# State and reports that are neither input nor output of any stage.
ASIDE = {"workspace", "workload", "data", "models", "reports", "data_docs", "imported", "ledger", "resume"}
MENTIONED = {"stats": {"quarantine"}}  # in a message only
ALL = ("twin", *STAGES)
WORKLOADS = tuple(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["workloads"])
PRESENT = tuple(sorted(path.parent.name for path in PACKAGE.glob("*/workload.py")))  # run here or not
DEFINITION = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
DEFINITIONS: dict[str, Any] = yaml.safe_load(DEFINITION)["stages"]
FOLDERS = set(re.findall(r"kinetrace/\$\{key\}/(\w+)$", DEFINITION, re.MULTILINE))  # a workload's code, by concern

each_stage = pytest.mark.parametrize("stage", ALL)
each_workload = pytest.mark.parametrize("workload", WORKLOADS)


def declared(stage: str, workload: str) -> dict[str, Any]:
    """The stage's definition with ``${key}`` filled in."""
    text = yaml.safe_dump(DEFINITIONS[stage]["do"]).replace("${key}", workload)
    filled: dict[str, Any] = yaml.safe_load(text)
    return filled


def names(entries: list[Any]) -> set[str]:
    """Paths of dependencies or outputs, with or without options."""
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def covered(path: str, declared: set[str]) -> bool:
    return not declared.isdisjoint({path, *map(str, PurePosixPath(path).parents)})


def own(workload: str, name: str) -> str:
    return f"kinetrace/{workload}/{name}.py"


def parameters_read(stage: str, workload: str) -> set[str]:
    """Sections of ``params.yaml`` that the stage's code names."""
    fields = {field: model.alias or field for field, model in load(workload).params_type.model_fields.items()}
    modules = modules_of(stage, workload) - (set() if stage == "twin" else {own(workload, "workload")})
    return {fields[name] for name in attributes_of(modules, "params") & fields.keys()}


def test_the_definition_names_no_workload() -> None:
    assert set(PRESENT) >= set(WORKLOADS)
    assert all("foreach" in definition for definition in DEFINITIONS.values())
    assert not [name for name in PRESENT if f"/{name}" in DEFINITION or f"@{name}" in DEFINITION]


@each_workload
def test_every_workload_has_the_folders_that_the_definition_names(workload: str) -> None:
    """What a workload has besides, no stage may run: the next test names it."""
    assert folders_of(workload) >= FOLDERS == {"data", "model", "train", "evaluate", "export", "runtime"}


@each_workload
@each_stage
def test_every_module_that_a_stage_runs_is_a_dependency(stage: str, workload: str) -> None:
    inert = INERT | RECORDS.get(stage, set()) | {own(workload, "params")}
    given = names(declared(stage, workload)["deps"])
    missing = {path for path in modules_of(stage, workload) - inert if not covered(path, given)}
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


@each_stage
def test_no_stage_depends_on_code_that_it_does_not_run(stage: str) -> None:
    """Of a folder the stage runs at least one module, in at least one workload."""
    code = {path for path in names(DEFINITIONS[stage]["do"]["deps"]) if path.startswith("kinetrace/")}
    run = {workload: modules_of(stage, workload) for workload in PRESENT}
    needless = {
        path
        for path in code
        if not any(covered(module, {path.replace("${key}", name)}) for name, found in run.items() for module in found)
    }
    assert not needless, f"remove from the deps of {stage} in dvc.yaml: {sorted(needless)}"


@each_stage
def test_every_parameter_that_a_stage_reads_is_declared_and_no_other(stage: str) -> None:
    read = {workload: parameters_read(stage, workload) for workload in PRESENT}
    known = {entry.partition(".")[2] for entry in DEFINITIONS[stage]["do"].get("params", [])}
    undeclared = {name: sorted(read[name] - known) for name in WORKLOADS if read[name] - known}
    assert not undeclared, f"add to the params of {stage} in dvc.yaml: {undeclared}"
    assert not known - set().union(*read.values()), f"remove from the params of {stage} in dvc.yaml"


@each_workload
@pytest.mark.parametrize("stage", STAGES)
def test_every_file_that_a_stage_names_is_declared(stage: str, workload: str) -> None:
    folders = Folders(Workspace(ROOT), workload)
    paths = {name for name, value in vars(Folders).items() if isinstance(value, property)} - ASIDE
    modules = modules_of(stage, workload) - {own(workload, "workload"), RUNS}
    named = (attributes_of(modules, "folders") & paths) - MENTIONED.get(stage, set())
    definition = declared(stage, workload)
    known = names([*definition["deps"], *definition["outs"], *definition.get("metrics", [])])
    missing = {getattr(folders, name).relative_to(ROOT).as_posix() for name in named} - known
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


def test_a_module_imported_inside_a_function_is_found() -> None:
    assert "kinetrace/sign/data/reader.py" in modules_of("validate", "sign")
    assert "kinetrace/sign/model/network.py" not in modules_of("validate", "sign")


def test_no_stage_runs_another_workloads_code() -> None:
    foreign = {
        (stage, workload, path)
        for stage in STAGES
        for workload in WORKLOADS
        for path in modules_of(stage, workload)
        for other in set(PRESENT) - {workload}
        if path.startswith(f"kinetrace/{other}/")
    }
    assert not foreign
