"""Train: the workload's own training inside an MLflow run that survives a kill."""

import csv

from kinetrace import training
from kinetrace.registry import runs
from kinetrace.workload import Job
from kinetrace.workspace import Folders


def run(job: Job) -> None:
    """Write the checkpoint and the history; the same training, begun again, continues its run."""
    with runs.live(job.folders, job.params, training.key(job)) as log:
        job.workload.train(job, log)
        log.finish(runs.identity(job.folders.checkpoint))


def summary(folders: Folders) -> str:
    """Epochs and what the last one gave, in a line."""
    with folders.history.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    last = {name: value for name, value in rows[-1].items() if name != "epoch"} if rows else {}
    name = "loss" if "loss" in last else next(iter(last), "")
    return f"{len(rows)} epochs" + (f", last {name} {float(last[name]):.4g}" if name and last[name] else "")
