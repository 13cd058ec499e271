"""A small delivery through the stages, made once a session; nothing in its folders may be changed."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from kinetrace.operations.workload import WORKLOAD
from kinetrace.stages import evaluate, export, motion, shards, split, stats, validate
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.operations.deliveries import delivery
from tests.operations.squares import params

FAST = {
    "validate__clips__seconds": 3.0, "model__tcn__width": 24, "model__tcn__depth": 2, "train__epochs": 4,
    "split__val": 0.2, "split__test": 0.4,
}  # fmt: skip


@cache
def prepared() -> Job:
    """A job whose shards exist: five people who move squares for 20 s."""
    folder = Path(mkdtemp(prefix="kinetrace-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    delivery(folder / "raw")
    job = Job(WORKLOAD, Workspace(folder).of("operations"), params(**FAST), folder / "raw", 1)
    for stage in (validate, stats, motion, split, shards):
        stage.run(job)
    return job


@cache
def evaluated() -> Job:
    """The same with a checkpoint, a history, and metrics."""
    job = prepared()
    WORKLOAD.train(job, lambda step, values: None)
    evaluate.run(job)
    return job


@cache
def exported() -> Job:
    """The same with a bundle."""
    job = evaluated()
    export.run(job)
    return job
