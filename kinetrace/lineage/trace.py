"""From a model back to its run, parameters, commit, data digests, clips and subjects."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinetrace import bundle, params
from kinetrace.errors import KinetraceError
from kinetrace.registry import models, runs, tracking
from kinetrace.registry.models import Version
from kinetrace.stages.evaluate import words
from kinetrace.workspace import Folders, Workspace

SHORTEST = 6  # characters of a digest that say which one is meant


@dataclass(frozen=True)
class Trace:
    """What is known of a model; empty where there is no version, run or lineage."""

    workload: str
    digest: str
    version: int | None
    aliases: tuple[str, ...]
    dvc_md5: str
    run: str
    status: str
    lineage: Mapping[str, Any]
    metrics: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def as_text(self) -> str:
        """A tree for people."""
        return _text(self)


def trace(workspace: Workspace, reference: str) -> Trace:
    """The trace of ``sign@champion``, ``sign@3``, a run id, a bundle folder or zip, or a digest's beginning.

    Raises:
        KinetraceError: nothing goes by that name; lists what can be given and which versions exist.
    """
    path = _path(reference)
    if path:
        return _of_bundle(workspace, path)
    if "@" in reference:
        return _of_version(*_named(workspace, reference))
    if re.fullmatch(r"[0-9a-f]+", reference):
        found = _of_digest(workspace, reference) or _of_run(workspace, reference)
        if found:
            return found
    raise _unknown(workspace, reference)


def _path(reference: str) -> Path | None:
    try:
        return Path(reference) if reference and Path(reference).exists() else None
    except (OSError, ValueError):  # no file can have that name
        return None


def _workloads(workspace: Workspace) -> list[Folders]:
    return [workspace.of(name) for name in sorted(params.read(workspace.params).get("workloads") or {})]


def _unknown(workspace: Workspace, reference: str) -> KinetraceError:
    known = [
        f"{folders.workload}@{version.number}" + (f" ({', '.join(version.aliases)})" if version.aliases else "")
        for folders in _workloads(workspace)
        for version in models.versions(folders)
    ]
    return KinetraceError(
        f"nothing goes by {reference!r}: give WORKLOAD@champion, WORKLOAD@challenger, WORKLOAD@NUMBER, an MLflow run "
        f"id, a bundle's folder or zip, or at least {SHORTEST} characters of its digest (versions: "
        f"{', '.join(known) or 'none yet, run the pipeline first'})"
    )


def _named(workspace: Workspace, reference: str) -> tuple[Folders, Version]:
    name, _, which = reference.partition("@")
    for folders in _workloads(workspace):
        if folders.workload == name:
            for version in models.versions(folders):
                if which in (str(version.number), *version.aliases):
                    return folders, version
    raise _unknown(workspace, reference)


def _of_version(folders: Folders, version: Version) -> Trace:
    client = tracking.connect(folders.workspace)
    run = client.get_run(version.run_id)
    lineage = _kept(folders, version, bundle.LINEAGE)
    metrics = _kept(folders, version, folders.metrics.name).get("metrics", {})
    md5 = version.tags.get(models.DVC_MD5, "")
    return Trace(
        folders.workload, version.digest, version.number, version.aliases, md5, version.run_id, run.info.status,
        lineage, metrics,
    )  # fmt: skip


def _kept(folders: Folders, version: Version, name: str) -> dict[str, Any]:
    path = runs.artifact(tracking.connect(folders.workspace), version.run_id, version.digest, name)
    return json.loads(path.read_text(encoding="utf-8")) if path else {}


def _of_bundle(workspace: Workspace, path: Path) -> Trace:
    """A bundle need not be known here: its own lineage is then all there is."""
    manifest = bundle.verify(path)
    lineage = bundle.read_json(path, bundle.LINEAGE)
    found = _of_digest(workspace, manifest.digest)
    return found or Trace(lineage["workload"], manifest.digest, None, (), "", "", "", lineage, {})


def _of_digest(workspace: Workspace, start: str) -> Trace | None:
    """The version whose digest begins so, if there is one and only one."""
    if len(start) < SHORTEST:
        return None
    found = [
        (folders, version)
        for folders in _workloads(workspace)
        for version in models.versions(folders)
        if version.digest.startswith(start)
    ]
    return _of_version(*found[0]) if len(found) == 1 else None


def _of_run(workspace: Workspace, run_id: str) -> Trace | None:
    """The newest version that the run gave; a run without one is traced by its own parameters."""
    from mlflow.exceptions import MlflowException

    try:
        run = tracking.connect(workspace).get_run(run_id)
    except MlflowException:
        return None
    for folders in _workloads(workspace):
        given = [version for version in models.versions(folders) if version.run_id == run_id]
        if given:
            return _of_version(folders, given[-1])
    workload = (run.info.run_name or "").split("-")[0]
    return Trace(workload, "", None, (), "", run_id, run.info.status, {"params": dict(run.data.params)}, {})


def _text(found: Trace) -> str:
    from rich.console import Console
    from rich.tree import Tree

    version = f"{found.workload} version {found.version}" if found.version else f"{found.workload}, no version here"
    tree = Tree(" · ".join([version, *found.aliases]))
    tree.add(f"bundle {found.digest or 'none yet'}" + (f" · DVC {found.dvc_md5}" if found.dvc_md5 else ""))
    tree.add(f"MLflow run {found.run} {found.status}" if found.run else "MLflow run: none in this workspace")
    for title, lines in _branches(found):
        branch = tree.add(title)
        for line in lines:
            branch.add(line)
    stream = io.StringIO()
    Console(file=stream, width=200, color_system=None, markup=False, highlight=False, emoji=False).print(tree)
    return stream.getvalue().rstrip()


def _branches(found: Trace) -> Iterator[tuple[str, list[str]]]:
    lineage = found.lineage
    yield "parameters", _sections(lineage.get("params") or {})
    state = "with uncommitted changes" if lineage.get("dirty") else "clean"
    commit = f"commit {lineage['commit']} ({state})" if lineage.get("commit") else "commit: unknown, made outside git"
    yield commit, [f"kinetrace {lineage.get('version', '?')} · packages {lineage.get('packages', '')[:12]}"]
    yield "inputs (DVC)", _inputs(lineage)
    yield "clips", [_counts(split, values) for split, values in (lineage.get("counts") or {}).items()]
    yield "metrics", [words(name, metric) for name, metric in sorted(found.metrics.items())]


def _sections(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_line(value)}" for name, value in values.items()]


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return str(value)


def _inputs(lineage: Mapping[str, Any]) -> list[str]:
    raw = lineage.get("raw") or {}
    first = [f"raw {raw['path']} {raw['md5'] or '(DVC does not know it)'}"] if raw else []
    stages = (lineage.get("inputs") or {}).items()
    return first + [f"{stage}: {path} {md5}" for stage, sides in stages for path, md5 in sides.get("outs", {}).items()]


def _counts(split: str, values: Mapping[str, int]) -> str:
    return f"{split}: {values['clips']} clips, {values['subjects']} subjects, {values['labels']} labels"
