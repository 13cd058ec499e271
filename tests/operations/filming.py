"""Clips of the twin in shards: a minute of one packer's table, as the reader cuts it."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.operations.data import reader
from kinetrace.operations.data.recordings import NULL
from kinetrace.shards import Shards
from kinetrace.tars import write_tar
from kinetrace.twin import operations as twin
from tests.operations import prepared, squares, tiny_vlm

CLIPS = {
    "seed": 7, "seconds": 5.0, "context": 1.0, "per_boundary": 3, "window": 0.5, "wide_window": 1.0, "wide": [],
    "stride": 5.0,
}  # fmt: skip
CHANGES: dict[str, Any] = {
    "twin": {"seed": 7, "subjects": 1, "sessions": 1, "minutes": 1.0, "fps": 10.0, "occlusions": 0.0, "broken": 0.0},
    "validate__video": {"fps": 5.0, "size": 56, "quality": 90}, "validate__clips": CLIPS,
}  # fmt: skip
BY_HEART: dict[str, Any] = {
    "model__kind": "vlm", "model__sampler__frames": 4, "train__epochs": 110, "train__batch": 4,
    "train__learning_rate": 6e-3, "train__weight_decay": 0.0,
}  # fmt: skip


def vlm() -> dict[str, Any]:
    """The tiny model in 4 bits, with adapters large enough to learn by heart."""
    return tiny_vlm.params(quantization="nf4", rank=16, alpha=32).model_dump()


def shards(raw: Path, folder: Path, count: int) -> Shards:
    """``count`` clips in which an operation runs, all of the training split, from all over the film."""
    params = squares.params(**CHANGES)
    raw.mkdir(parents=True)
    twin.write(raw, params.twin, jobs=1)
    table = reader.inspect(raw, params.validate_, jobs=1)
    table = table[table.label != NULL].reset_index(drop=True)
    table = table.iloc[np.unique(np.linspace(0, len(table) - 1, count).round().astype(int))]
    clips = table.drop(columns=[name for name in table if name.startswith("found_")])
    clips = clips.assign(split="train", shard="0.tar").reset_index(drop=True)
    folder.mkdir(parents=True)
    made = write_tar(folder / "0.tar", clips.to_dict("records"), partial(reader.sample, raw))
    clips[["offset", "size", "rows", "width"]] = pd.DataFrame(made.places, dtype="int64")
    found = Shards(folder, clips)
    prepared.index(found)
    return found
