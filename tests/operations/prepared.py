"""A workspace of the squares as the stage ``shards`` leaves it: where training, evaluation and export begin."""

from pathlib import Path
from typing import Any

import numpy as np

from kinetrace import files
from kinetrace.clips import write_table
from kinetrace.operations.workload import WORKLOAD
from kinetrace.shards import INDEX, TABLE, Shards
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.operations import squares


def index(shards: Shards) -> None:
    """The files by which ``Shards.open`` finds the clips."""
    write_table(shards.folder / TABLE, shards.clips)
    named = {
        str(name): {"bytes": (shards.folder / str(name)).stat().st_size, "clips": len(part)}
        for name, part in shards.clips.groupby("shard", sort=True)
    }
    files.write_json(shards.folder / INDEX, {"shards": named})


def job(root: Path, people: int = 3, seconds: float = 16.0, **changes: Any) -> Job:
    """One person each for validation and test."""
    made = Job(WORKLOAD, Workspace(root).of("operations"), squares.params(**changes), root / "raw", 1)
    made.folders.shards.mkdir(parents=True)
    shards = squares.shards(made.folders.shards, people=people, seconds=seconds)
    index(shards)
    write_table(made.folders.split_table, shards.clips)
    files.write_npz(made.folders.stats_npz, {"mean": np.zeros(3, np.float32)})
    return made
