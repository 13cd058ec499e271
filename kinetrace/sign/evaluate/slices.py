"""The headline figures of parts of the test split: by subject, by category, by clip length."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.metrics import figures
from kinetrace.params import EvaluateParams

NAMED = ("subject", "category")


def slices(
    clips: pd.DataFrame, table: pd.DataFrame, names: Sequence[str], params: EvaluateParams
) -> list[dict[str, Any]]:
    """Every part with its metrics ``names``, out of the predictions ``table``, whose rows are those of ``clips``."""
    return figures.slices((*named(clips), *thirds(clips)), table, names, params)


def named(clips: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind, name and members ``[N]`` bool of each subject and each category, where the data set has them."""
    for kind in (name for name in NAMED if name in clips):
        values = clips[kind].fillna("").astype(str).to_numpy()
        for name in sorted(set(values) - {""}):
            yield kind, name, values == name


def thirds(clips: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Short, middle and long clips, named by the shortest and the longest of them.

    Clips of one length stay together, so that thirds may differ in size, or be missing.
    """
    seconds = (clips.num_frames / clips.fps).to_numpy(np.float64)
    third = np.searchsorted(np.quantile(seconds, [1 / 3, 2 / 3]), seconds)
    for place in np.unique(third):
        low, high = (f"{edge:.2f}" for edge in (seconds[third == place].min(), seconds[third == place].max()))
        yield "length", f"{low} s" if low == high else f"{low} to {high} s", third == place
