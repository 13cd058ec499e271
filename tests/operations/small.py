"""The squares in shards, and a small network trained on them, made once a session; nothing of it may be changed."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch

from kinetrace.operations.model.batches import Corpus, Seen
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.train.trainer import Trainer
from kinetrace.shards import Shards
from tests.operations import squares
from tests.operations.squares import LABELS, params

FAST: dict[str, Any] = {"model__tcn__width": 16, "model__tcn__depth": 1, "train__epochs": 3}


@cache
def folder() -> Path:
    made = Path(mkdtemp(prefix="kinetrace-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def prepared() -> Shards:
    """Five people, the fourth for validation, the last for the test."""
    (folder() / "five").mkdir()
    return squares.shards(folder() / "five")


@cache
def few() -> Shards:
    """The same people for a shorter time."""
    (folder() / "few").mkdir()
    return squares.shards(folder() / "few", people=3, seconds=16.0)


@cache
def trained() -> tuple[Checkpoint, list[dict[str, float]]]:
    """A checkpoint that has learned the squares, and its history."""
    trainer = Trainer(params(), prepared(), folder() / "state.pt")
    history = trainer.fit(lambda epoch, row: None)
    return trainer.checkpoint(), history


def untrained(**changes: Any) -> Checkpoint:
    """A network for the squares with weights and statistics drawn at random."""
    chosen, geometry = params(**changes).model, Geometry.of(few().clips)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = OperationsNet(chosen.tcn, geometry, len(LABELS))
        for name, value in model.state_dict().items():
            if name.endswith(("running_mean", "running_var", "follows")):
                value.uniform_(0.5, 1.5)
    return Checkpoint(model.eval(), chosen, LABELS, geometry)


def seen(*clips: int, shards: Shards | None = None, **changes: Any) -> Seen:
    """Some of the few clips, as the sampler shows them."""
    chosen, some = params(**changes).model, shards or few()
    corpus = Corpus(some, Geometry.of(some.clips), chosen.tcn.pixels, chosen.sampler)
    return Seen.of([corpus.look(clip) for clip in clips])
