"""Dynamic time warping of one clip with many: exact in a band and compiled, or by ``fastdtw``.

Shape suffixes: N frames of the query, K clips, M frames of all K clips end to end, W values a frame.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np

Metric = Literal["cosine", "sqeuclidean"]
Backend = Literal["exact", "fastdtw"]


@dataclass(frozen=True)
class Alignments:
    """Of each clip: the ``costs`` ``[K]`` float64 summed over the best path, and its ``steps`` ``[K]`` int64."""

    costs: np.ndarray
    steps: np.ndarray

    @property
    def distances(self) -> np.ndarray:
        """``[K]``: cost a step, so that long clips and short ones compare."""
        return self.costs / self.steps


def align(
    query_NW: np.ndarray, frames_MW: np.ndarray, offsets: np.ndarray, radius: int,
    metric: Metric = "cosine", backend: Backend = "exact",
) -> Alignments:  # fmt: skip
    """Align ``query_NW`` with the K clips ``frames_MW[offsets[k] : offsets[k + 1]]``.

    A path leads from the first frames to the last ones and goes on by one frame in either clip or in both; its cost
    is the sum of its cells (Sakoe & Chiba 1978, "Dynamic programming algorithm optimization for spoken word
    recognition", without slope constraint; every cell weighs 1). Of paths that cost the same the shortest counts.

    Args:
        query_NW: ``[N, W]``.
        frames_MW: ``[M, W]``, of the same type.
        offsets: ``[K + 1]``, ascending from 0 to M.
        radius: for ``exact`` the half-width of the band, see ``sweep``; for ``fastdtw`` how far it looks around the
            path of the coarser level.
        metric: of two frames. Costs come from one matrix product in the precision of the frames.
        backend: ``exact`` is the cheapest path in the band; ``fastdtw`` may miss it (Salvador & Chan 2007).

    Raises:
        ValueError: a clip is empty, a value is not finite, the radius is negative, or shapes do not fit.
    """
    _refuse_unfit(query_NW, frames_MW, offsets, radius)
    return BACKENDS[backend](query_NW, frames_MW, np.asarray(offsets, np.int64), radius, metric)


def _refuse_unfit(query_NW: np.ndarray, frames_MW: np.ndarray, offsets: np.ndarray, radius: int) -> None:
    if query_NW.ndim != 2 or frames_MW.ndim != 2 or query_NW.shape[1] != frames_MW.shape[1]:
        raise ValueError(f"frames {query_NW.shape} and {frames_MW.shape}: expected [N, W] and [M, W]")
    if not len(query_NW) or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(frames_MW):
        raise ValueError(f"{len(query_NW)} and {len(frames_MW)} frames, offsets {offsets}: expected 0, ..., M")
    if (np.diff(offsets) < 1).any():
        raise ValueError(f"clip {int(np.argmax(np.diff(offsets) < 1))} has no frame: expected at least 1")
    if not (np.isfinite(query_NW).all() and np.isfinite(frames_MW).all()):
        raise ValueError("a frame holds a value that is not finite")
    if radius < 0:
        raise ValueError(f"radius {radius}: expected at least 0")


def frame_costs(query_NW: np.ndarray, frames_MW: np.ndarray, metric: Metric) -> np.ndarray:
    """``[N, M]`` float64, never below 0: 1 - cosine, or the squared Euclidean distance; a zero frame has cosine 0."""
    if metric == "cosine":
        return np.maximum(1.0 - np.asarray(_unit(query_NW) @ _unit(frames_MW).T, np.float64), 0.0)
    squares_N, squares_M = ((frames**2).sum(1, dtype=np.float64) for frames in (query_NW, frames_MW))
    return np.maximum(squares_N[:, None] + squares_M - 2.0 * (query_NW @ frames_MW.T), 0.0)


def _unit(frames: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(frames, axis=1, keepdims=True)
    return frames / np.where(norms > 0, norms, 1)


def exact(
    query_NW: np.ndarray, frames_MW: np.ndarray, offsets: np.ndarray, radius: int, metric: Metric
) -> Alignments:  # fmt: skip
    """The cheapest path in the band, all clips in one compiled call that leaves other threads free to run."""
    found = Alignments(np.empty(len(offsets) - 1), np.empty(len(offsets) - 1, np.int64))
    _compiled()(frame_costs(query_NW, frames_MW, metric), offsets, radius, found.costs, found.steps)
    return found


def sweep(costs_NM: np.ndarray, offsets: np.ndarray, radius: int, totals: np.ndarray, counts: np.ndarray) -> None:
    """The dynamic programme, written for numba: ``totals`` and ``counts`` ``[K]`` are filled in.

    The band of Sakoe & Chiba, its slope that of the corners' diagonal: with I frames in the longer clip and J in the
    shorter one, frame i of the longer may meet frame j of the shorter where |j - i (J - 1) / (I - 1)| <= ``radius``.
    That is |i - j| <= radius for clips of one length, it is the same from either side, and from a radius of 1/2 on
    (the least that is used) a path fits in. Memory is two rows of the band.
    """
    for clip in range(len(totals)):
        cells = costs_NM[:, offsets[clip] : offsets[clip + 1]]
        if cells.shape[0] < cells.shape[1]:
            cells = cells.T
        longer, shorter = cells.shape
        span, twice = max(longer - 1, 1), max(2 * min(radius, shorter), 1)
        width = twice + 3  # a cell on either side of the band, never part of a path
        before, now = np.full(width, np.inf), np.full(width, np.inf)
        steps_before, steps = np.zeros(width, np.int64), np.zeros(width, np.int64)
        before[0] = 0.0  # where the path comes from at the first cell
        low_before = 0
        for i in range(longer):
            centre = 2 * i * (shorter - 1)
            low = max(-((twice * span - centre) // (2 * span)), 0)
            high = min((centre + twice * span) // (2 * span), shorter - 1)
            now[0] = np.inf
            for j in range(low, high + 1):
                place, above = j - low + 1, j - low_before + 1
                least, fewest = before[above - 1], steps_before[above - 1]
                if before[above] < least or (before[above] == least and steps_before[above] < fewest):
                    least, fewest = before[above], steps_before[above]
                if now[place - 1] < least or (now[place - 1] == least and steps[place - 1] < fewest):
                    least, fewest = now[place - 1], steps[place - 1]
                now[place], steps[place] = least + cells[i, j], fewest + 1
            now[high - low + 2] = np.inf
            before, now, steps_before, steps, low_before = now, before, steps, steps_before, low
        totals[clip], counts[clip] = before[high - low + 1], steps_before[high - low + 1]


@cache
def _compiled() -> Callable[..., None]:
    """``sweep`` as machine code, kept in numba's cache folder (``NUMBA_CACHE_DIR``, this package's, or the user's).

    One thread: a parallel numba loop ends the process when two threads of a server meet in it.
    """
    import numba

    try:
        compiled: Callable[..., None] = numba.njit(nogil=True, cache=True)(sweep)
    except RuntimeError:  # none of the folders may be written to: each process compiles for itself
        compiled = numba.njit(nogil=True)(sweep)
    return compiled


def approximate(
    query_NW: np.ndarray, frames_MW: np.ndarray, offsets: np.ndarray, radius: int, metric: Metric
) -> Alignments:  # fmt: skip
    """``fastdtw``, clip by clip; its coarser levels compare means of frames."""
    from fastdtw import fastdtw

    apart = _cosine if metric == "cosine" else _squared
    pairs = [fastdtw(query_NW, frames_MW[low:high], radius, apart) for low, high in pairwise(offsets.tolist())]
    return Alignments(
        np.array([cost for cost, _ in pairs], np.float64), np.array([len(path) for _, path in pairs], np.int64)
    )


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return max(1.0 - float(one @ other) / (float(one @ one) * float(other @ other) or 1.0) ** 0.5, 0.0)


def _squared(one: np.ndarray, other: np.ndarray) -> float:
    gap = one - other
    return float(gap @ gap)


BACKENDS: dict[Backend, Callable[..., Alignments]] = {"exact": exact, "fastdtw": approximate}
