"""``dvc.yaml`` declares all that decides a stage's result, so that a change never leaves a stale one."""

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from kinetrace.cli import STAGES
from kinetrace.sign.params import SignParams
from kinetrace.workspace import Folders, Workspace
from tests.pipeline.code import ROOT, attributes_of, modules_of

# Checks, paths, types and progress: none of it decides what a stage writes. Parameters are declared as values.
INERT = {f"kinetrace/{name}.py" for name in ("environment", "errors", "parallel", "params", "workload", "workspace")}
# MLflow records what happened; no file of a stage depends on it.
RUNS = "kinetrace/registry/runs.py"
RECORDS = {"train": {"kinetrace/bundle.py", RUNS, "kinetrace/registry/tracking.py"}}
# State and reports that are neither input nor output of any stage.
ASIDE = {"workspace", "workload", "data", "models", "reports", "data_docs", "imported", "ledger", "resume"}
MENTIONED = {"stats": {"quarantine"}}  # in a message only
ALL = ("twin", *STAGES)


def declared(stage: str, workload: str) -> dict[str, Any]:
    """The stage's definition with ``${key}`` filled in."""
    definition = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]["do"]
    text = yaml.safe_dump(definition).replace("${key}", workload)
    filled: dict[str, Any] = yaml.safe_load(text)
    return filled


def names(entries: list[Any]) -> set[str]:
    """Paths of dependencies or outputs, with or without options."""
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def covered(path: str, declared: set[str]) -> bool:
    return not declared.isdisjoint({path, *map(str, PurePosixPath(path).parents)})


@pytest.mark.parametrize("stage", ALL)
def test_every_module_that_a_stage_runs_is_a_dependency(stage: str) -> None:
    inert = INERT | RECORDS.get(stage, set()) | {"kinetrace/sign/params.py"}
    missing = {
        path for path in modules_of(stage, "sign") - inert if not covered(path, names(declared(stage, "sign")["deps"]))
    }
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


@pytest.mark.parametrize("stage", ALL)
def test_no_stage_depends_on_code_that_it_does_not_run(stage: str) -> None:
    modules = modules_of(stage, "sign")
    code = {path for path in names(declared(stage, "sign")["deps"]) if path.startswith("kinetrace/")}
    needless = {path for path in code if not any(covered(module, {path}) for module in modules)}
    assert not needless, f"remove from the deps of {stage} in dvc.yaml: {sorted(needless)}"


@pytest.mark.parametrize("stage", ALL)
def test_every_parameter_that_a_stage_reads_is_declared(stage: str) -> None:
    fields = {field: model.alias or field for field, model in SignParams.model_fields.items()}
    modules = modules_of(stage, "sign") - (set() if stage == "twin" else {"kinetrace/sign/workload.py"})
    read = {fields[name] for name in attributes_of(modules, "params") & fields.keys()}
    known = {entry.split(".")[1] for entry in declared(stage, "sign").get("params", [])}
    assert read == known


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_that_a_stage_names_is_declared(stage: str) -> None:
    folders = Folders(Workspace(ROOT), "sign")
    paths = {name for name, value in vars(Folders).items() if isinstance(value, property)} - ASIDE
    modules = modules_of(stage, "sign") - {"kinetrace/sign/workload.py", RUNS}
    named = (attributes_of(modules, "folders") & paths) - MENTIONED.get(stage, set())
    definition = declared(stage, "sign")
    known = names([*definition["deps"], *definition["outs"], *definition.get("metrics", [])])
    missing = {getattr(folders, name).relative_to(ROOT).as_posix() for name in named} - known
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


def test_a_module_imported_inside_a_function_is_found() -> None:
    assert "kinetrace/sign/data/reader.py" in modules_of("validate", "sign")
    assert "kinetrace/sign/model/network.py" not in modules_of("validate", "sign")
