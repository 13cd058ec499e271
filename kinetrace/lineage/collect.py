"""What ran on what: everything that led to a bundle, as content; no times, run ids or hosts."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from kinetrace import __version__, files
from kinetrace.clips import read_table
from kinetrace.workspace import Folders, Workspace

OWN = ("dvc.lock", "data", "models", "reports")  # what the pipeline writes beside code and parameters
BEFORE_EXPORT = ("twin", "validate", "stats", "motion", "split", "shards", "train", "evaluate")


def collect(folders: Folders, params: Any, raw: Path) -> dict[str, Any]:
    """The lineage of what the stages before ``export`` made, as JSON values.

    DVC writes ``dvc.lock`` after each stage, so it already describes those stages here.
    """
    root = folders.workspace.root
    inputs = recorded(folders)
    return {
        "workload": folders.workload,
        "commit": commit(root),
        "dirty": dirty(root),
        "version": __version__,
        "packages": _digest(root / "requirements.lock"),
        "params": params.model_dump(mode="json", by_alias=True),
        "raw": _raw(inputs, raw, root),
        "inputs": inputs,
        "counts": counts(folders),
        "test_digest": files.read_json(folders.metrics)["test_digest"],
    }


def commit(root: Path) -> str:
    """The commit of the checkout, ``""`` outside git."""
    return _git(root, "rev-parse", "HEAD").strip()


def dirty(root: Path) -> bool:
    """Whether code or parameters differ from the commit; what the pipeline itself writes does not count."""
    return bool(_git(root, "status", "--porcelain", "--", ".", *(f":!{name}" for name in OWN)))


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def recorded(folders: Folders) -> dict[str, dict[str, dict[str, str]]]:
    """MD5 of each dependency and output by stage, as ``dvc.lock`` has them: the stages that have run."""
    stages = lock(folders.workspace).get("stages") or {}
    entries = {name: stages.get(f"{name}@{folders.workload}") for name in BEFORE_EXPORT}
    return {name: {side: _md5(entry, side) for side in ("deps", "outs")} for name, entry in entries.items() if entry}


def lock(workspace: Workspace) -> dict[str, Any]:
    """The parsed ``dvc.lock``, empty when DVC has not run."""
    if not workspace.lock.is_file():
        return {}
    return yaml.load(workspace.lock.read_text(encoding="utf-8"), Loader=_LOADER) or {}


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _md5(entry: dict[str, Any], side: str) -> dict[str, str]:
    return {item["path"]: item["md5"] for item in entry.get(side) or [] if "md5" in item}


def _raw(inputs: dict[str, dict[str, dict[str, str]]], raw: Path, root: Path) -> dict[str, str]:
    name = raw.relative_to(root).as_posix() if raw.is_relative_to(root) else raw.as_posix()
    return {"path": name, "md5": inputs.get("validate", {}).get("deps", {}).get(name, "")}


def _digest(path: Path) -> str:
    return files.digest(path) if path.is_file() else ""


def counts(folders: Folders) -> dict[str, dict[str, int]]:
    """Clips, subjects and labels by split, from the split table."""
    table = read_table(folders.split_table)
    return {
        str(split): {"clips": len(part), "subjects": part["subject"].nunique(), "labels": part["label_id"].nunique()}
        for split, part in table.groupby("split")
    }
