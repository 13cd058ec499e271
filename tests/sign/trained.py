"""A tiny twin through the stages up to ``shards``, and a model trained on it, made once a session."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kinetrace import files, params
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import report
from kinetrace.sign.params import SignParams
from kinetrace.sign.train.trainer import Trainer, run
from kinetrace.sign.workload import WORKLOAD
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.checkouts import ROOT, TINY


def tiny(**sections: dict[str, Any]) -> SignParams:
    """The workspace's parameters made small, with further changes by section."""
    content = params.read(ROOT / "params.yaml")["sign"]
    for changes in (TINY, sections):
        for name, section in changes.items():
            content[name] |= section
    return SignParams.model_validate(content)


@cache
def prepared() -> Job:
    """A job whose shards exist; nothing in its folder may be changed."""
    folder = Path(mkdtemp(prefix="kinetrace-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    values = tiny()
    with files.staged(folder / "raw") as partial:
        WORKLOAD.twin(partial, values)
    job = Job(WORKLOAD, Workspace(folder).of("sign"), values, folder / "raw", 1)
    for stage in (validate, stats, motion, split, shards):
        stage.run(job)
    return job


@cache
def trained() -> Job:
    """The same with a checkpoint and a history."""
    job = prepared()
    run(job, lambda step, values: None)
    return job


@cache
def evaluated() -> Job:
    """The same with metrics, predictions and plots."""
    job = trained()
    report.run(job)
    return job


def trainer(folder: Path, **sections: dict[str, Any]) -> Trainer:
    """A training of its own over the prepared shards."""
    job = prepared()
    stats_ = files.read_npz(job.folders.stats_npz)
    return Trainer(tiny(**sections), Shards.open(job.folders.shards), stats_, folder / "state.pt")
