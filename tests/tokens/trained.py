"""A tiny twin through the stages up to ``shards``, and a tokenizer trained on it, made once a session."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kinetrace import files
from kinetrace.shards import Shards
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.tokens.params import TokensParams
from kinetrace.tokens.train.trainer import Trainer, run
from kinetrace.tokens.workload import WORKLOAD
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.tokens.settings import params

TINY: dict[str, Any] = {"model__quantizer__levels": 2, "train__epochs": 3}


def tiny(**changes: Any) -> TokensParams:
    """The parameters of the tests with two levels, and further changes by dotted name."""
    return params(**TINY | changes)


@cache
def prepared() -> Job:
    """A job whose shards exist; nothing in its folder may be changed."""
    folder = Path(mkdtemp(prefix="kinetrace-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    values = tiny()
    with files.staged(folder / "raw") as partial:
        WORKLOAD.twin(partial, values)
    job = Job(WORKLOAD, Workspace(folder).of("tokens"), values, folder / "raw", 1)
    for stage in (validate, stats, motion, split, shards):
        stage.run(job)
    return job


@cache
def trained() -> Job:
    """The same with a checkpoint and a history."""
    job = prepared()
    run(job, lambda step, values: None)
    return job


def trainer(folder: Path, **changes: Any) -> Trainer:
    """A training of its own over the prepared shards."""
    return Trainer(tiny(**changes), Shards.open(prepared().folders.shards), folder / "state.pt")
