"""A tiny vision-language model through the stages from shards to bundle, made once a session; not to be changed."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kinetrace.operations.workload import WORKLOAD
from kinetrace.stages import evaluate, export
from kinetrace.workload import Job
from tests.operations import prepared, tiny_vlm

FAST: dict[str, Any] = {
    "model__kind": "vlm", "model__sampler__frames": 4, "train__epochs": 8, "train__batch": 4, "train__accumulate": 2,
    "train__learning_rate": 2e-2, "train__checkpoint_steps": 2, "evaluate__sampled_frames": 2,
}  # fmt: skip


def job(root: Path, **changes: Any) -> Job:
    """The shards of few squares, and parameters for the tiny model in 4 bits."""
    vlm = tiny_vlm.params(quantization="nf4", rank=8, alpha=16).model_dump()
    return prepared.job(root, people=4, seconds=9.0, **FAST | {"model__vlm": vlm} | changes)


@cache
def trained() -> Job:
    """With checkpoint and history."""
    folder = Path(mkdtemp(prefix="kinetrace-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = job(folder)
    WORKLOAD.train(made, lambda step, values: None)
    return made


@cache
def exported() -> Job:
    """With metrics and a bundle."""
    made = trained()
    evaluate.run(made)
    export.run(made)
    return made
