"""Promote: register the bundle, judge it by the gates, and make it the champion when it passes."""

from typing import Any

from kinetrace import bundle, files
from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.registry import gates, ledger, models, runs, tracking
from kinetrace.registry.gates import Evaluation, Gate
from kinetrace.registry.ledger import Entry
from kinetrace.registry.models import Version
from kinetrace.workload import Job
from kinetrace.workspace import Folders


def run(job: Job) -> None:
    """Write ``promotion.json``; a refused candidate leaves the champion as it is, and the stage succeeds.

    Raises:
        KinetraceError: a gate names an unknown metric, or the ledger was altered.
    """
    candidate = _evaluation(job.folders)
    gates.known(job.params.promote, candidate)
    digest, problem = _identity(job.folders)
    with models.locked(job.folders):
        models.recover(job.folders)
        champion = models.current(job.folders, models.CHAMPION)
        key = _question(job, digest or problem)
        if models.answered(job.folders, key, champion.digest if champion else ""):
            return
        if problem:  # what is not what its manifest says is no version of anything
            _settle(job, digest, None, champion, [gates.intact(problem)], key)
            return
        version = _registered(job, candidate, digest)
        if version != champion:
            models.challenge(job.folders, version)
        _settle(job, digest, version, champion, _gates(job, candidate, champion, digest), key)


def _identity(folders: Folders) -> tuple[str, str]:
    """The bundle's digest and no problem, or none and what is wrong with it."""
    try:
        return bundle.digest(folders.bundle), ""
    except KinetraceError as error:
        return "", str(error)


def _question(job: Job, reference: str) -> str:
    """Everything that the decision rests on, apart from the champion."""
    figures = [files.digest(job.folders.metrics), files.digest(job.folders.predictions)]
    limits = [job.params.promote.model_dump(mode="json"), job.params.evaluate.model_dump(mode="json")]
    return files.digest_of([reference, figures, limits])


def _registered(job: Job, candidate: Evaluation, digest: str) -> Version:
    run_id = runs.ensure(job.folders, job.params, runs.identity(job.folders.checkpoint))
    runs.complete(job.folders, run_id, digest)
    return models.register(job.folders, digest, run_id, candidate.test_digest)


def _gates(job: Job, candidate: Evaluation, champion: Version | None, digest: str) -> list[Gate]:
    params, metrics = job.params.promote, candidate.metrics["metrics"]
    config = bundle.read_json(job.folders.bundle, bundle.CONFIG)
    incumbent = _evaluation_of(job.folders, champion) if champion else None
    compared = [
        gates.lost(name)
        if champion and incumbent is None
        else gates.no_worse(name, candidate, incumbent, metrics[name]["better"], job.params.evaluate)
        for name in params.no_worse
    ]
    rollback = models.rolled_back(ledger.entries(job.folders.ledger, job.folders.workload), digest)
    return [
        *gates.bounds(params, metrics),
        *compared,
        gates.parity(params, config.get("parity", {})),
        gates.intact(""),
        gates.kept(rollback),
    ]


def _settle(
    job: Job, digest: str, version: Version | None, champion: Version | None, verdicts: list[Gate], key: str
) -> None:  # fmt: skip
    """Write the decision down and carry it out."""
    before = champion.digest if champion else ""
    decision = _decision(digest, before, verdicts)
    record = {
        "digest": digest,
        "version": version.number if version else None,
        "decision": decision,
        "champion": before,
        "gates": [gate.as_dict() for gate in verdicts],
    }
    if decision == "already champion":
        files.write_json(job.folders.promotion, record)
        return
    promoted = decision == "promoted"
    why = "; ".join(gate.words for gate in verdicts if promoted or not gate.passed)
    action = "promote" if promoted else "refuse"
    entry = Entry.now(job.folders.workspace.root, job.folders.workload, action, before, digest, why)
    models.decide(job.folders, entry, version if promoted else None, record, key)


def _decision(digest: str, before: str, verdicts: list[Gate]) -> str:
    if digest and digest == before:
        return "already champion"
    return "promoted" if all(gate.passed for gate in verdicts) else "refused"


def _evaluation(folders: Folders) -> Evaluation:
    return Evaluation(files.read_json(folders.metrics), read_table(folders.predictions))


def _evaluation_of(folders: Folders, version: Version) -> Evaluation | None:
    """The champion's evaluation out of its MLflow run; None when it is gone."""
    client = tracking.connect(folders.workspace)
    names = (folders.metrics.name, folders.predictions.name)
    metrics, predictions = (runs.artifact(client, version.run_id, version.digest, name) for name in names)
    if metrics is None or predictions is None:
        return None
    return Evaluation(files.read_json(metrics), read_table(predictions))


def summary(folders: Folders) -> str:
    """The decision, and what spoke against it, in a line."""
    record: dict[str, Any] = files.read_json(folders.promotion)
    version = f"version {record['version']}" if record["version"] else "the bundle"
    failed = [gate["words"] for gate in record["gates"] if not gate["passed"]]
    return f"{version} {record['decision']}" + (f": {'; '.join(failed)}" if failed else "")
