"""A workspace of twin clips for the benchmarks: real files, shards and statistics."""

from pathlib import Path

import pandas as pd
import torch

from kinetrace import files, params
from kinetrace.params import ShardsParams
from kinetrace.shards import Shards
from kinetrace.sign.params import SignParams
from kinetrace.sign.workload import WORKLOAD
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.workload import Job
from kinetrace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]


def twin_job(folder: Path, clips: int = 12) -> Job:
    """The twin with ``clips`` clips a sentence, through the stages up to ``shards``, in ``folder``."""
    given: SignParams = params.load(ROOT / "params.yaml", "sign", SignParams)
    sized = given.model_copy(
        update={"twin": given.twin.model_copy(update={"clips": clips}), "shards": ShardsParams(count=4)}
    )
    raw = folder / "raw"
    with files.staged(raw) as partial:
        WORKLOAD.twin(partial, sized)
    job = Job(WORKLOAD, Workspace(folder).of("sign"), sized, raw, -1)
    for stage in (validate, stats, motion, split, shards):
        stage.run(job)
    return job


def training_clips(job: Job) -> pd.DataFrame:
    """The rows of the training split."""
    return Shards.open(job.folders.shards).subset("train").clips


def two_cores() -> None:
    """As many threads as the smallest machine that the project is meant for."""
    torch.set_num_threads(2)
