"""Lossless run-length encoding of code rows over time: a run is one row of codes, absent or not, repeated."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Runs:
    """``values`` ``[R, Q]``: the codes of each run; ``counts`` ``[R]`` int64: how many chunks it lasts, at least 1."""

    values: np.ndarray
    counts: np.ndarray


def encode(codes: np.ndarray) -> Runs:
    """The fewest runs that give ``codes``, integers ``[N, Q]``; the values keep their type."""
    changed = np.any(codes[1:] != codes[:-1], axis=1)
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(codes), 1), bool), changed]))
    return Runs(codes[starts], np.diff(starts, append=len(codes)))


def decode(runs: Runs) -> np.ndarray:
    """The inverse of ``encode``: ``[N, Q]``.

    Raises:
        ValueError: there is not one count, at least 1, for each value.
    """
    if runs.counts.shape != runs.values.shape[:1] or (runs.counts < 1).any():
        raise ValueError(f"{len(runs.values)} values, counts {runs.counts}: expected one a value, at least 1")
    return np.repeat(runs.values, runs.counts, axis=0)
