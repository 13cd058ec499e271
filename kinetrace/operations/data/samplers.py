"""Which frames of a clip a model sees, by name; none of the samplers reads a label unless it is told to in training.

``uniform``: even in time. ``entropy``: as published, the *level* of the grey histogram's Shannon entropy, smoothed
causally, not its change. ``motion``: mean optical flow. ``hybrid``: both, and even coverage of the clip.
"""

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from kinetrace.operations.data.flow import motion
from kinetrace.operations.params import SamplerParams

GREYS = 256
WIDTH = 160  # about so many columns are counted: every other one or fewer of a wider picture
REACH = 0.5  # seconds from a true boundary to where its boost has faded
ROUNDING = 1e-6  # seconds: two times so much closer than the gap still keep it
DECIMALS = 9  # of scores and seconds: what differs less is a tie


class Recall(NamedTuple):
    """``hits`` of ``total`` boundaries."""

    hits: int
    total: int


def choose(
    luma_THW: np.ndarray, times_T: np.ndarray, params: SamplerParams, boundaries: Sequence[float] | None = None
) -> np.ndarray:
    """The frames that ``params.name`` chooses, as sorted indices ``[n]`` int64, n = min(params.frames, T).

    The first and the last frame are always chosen, and then the best score that keeps ``params.gap`` seconds to those
    before; none that would leave too little room for the rest; a tie goes to the earlier one. Only where n frames
    cannot keep the gap do the remaining ones halve the widest holes. ``uniform`` knows neither score nor gap.

    Args:
        luma_THW: uint8, in any size.
        times_T: rising seconds.
        boundaries: true times where an operation ends, in training: ``params.boundary_boost`` raises the scores
            (0 to 1) near them.
    """
    count = min(params.frames, len(times_T))
    if params.name == "uniform" or count in (2, len(times_T)):
        return even(times_T, count)
    score_T: np.ndarray = SCORES[params.name](luma_THW, params)
    if boundaries is not None:
        score_T = score_T + params.boundary_boost * nearness(times_T, boundaries)
    return spread(score_T, times_T, count, params.gap, params.coverage if params.name == "hybrid" else 0.0)


def entropy(luma_THW: np.ndarray) -> np.ndarray:
    """``[T]`` Shannon entropy in bits of each picture's 256-bin grey histogram."""
    step = max(1, round(luma_THW.shape[2] / WIDTH))
    small_THW = [np.ascontiguousarray(luma_HW[::step, ::step]) for luma_HW in luma_THW]
    counts = [cv2.calcHist([small_HW], [0], None, [GREYS], [0, GREYS]).ravel() for small_HW in small_THW]
    share_TB = np.array(counts, np.float64) / small_THW[0].size
    bits_T: np.ndarray = -np.sum(share_TB * np.log2(np.where(share_TB, share_TB, 1)), axis=1)
    return bits_T


def smoothed(values_T: np.ndarray, keep: float) -> np.ndarray:
    """``s_t = keep * s_(t-1) + (1 - keep) * x_t``, from ``s_0 = x_0``."""
    level, levels = values_T[0], []
    for value in values_T:
        level = keep * level + (1 - keep) * value
        levels.append(level)
    return np.array(levels)


def normalized(values_T: np.ndarray) -> np.ndarray:
    """From 0, the least, to 1, the most; all 0 where they are the same."""
    least, most = values_T.min(), values_T.max()
    return np.round((values_T - least) / (most - least), DECIMALS) if most - least > 10**-DECIMALS else 0 * values_T


def nearness(times_T: np.ndarray, boundaries: Sequence[float]) -> np.ndarray:
    """1 at a boundary, falling to 0 at ``REACH`` seconds from the nearest one."""
    if not len(boundaries):
        return np.zeros(len(times_T))
    return np.maximum(0.0, 1 - _away(times_T, np.asarray(boundaries)) / REACH)


def even(times_T: np.ndarray, count: int) -> np.ndarray:
    """``count`` different frames, each near its even place in time, the first and the last one included."""
    chosen: list[int] = []
    for place, target in enumerate(np.linspace(times_T[0], times_T[-1], count) if count else []):
        least = chosen[-1] + 1 if chosen else 0
        most = len(times_T) - count + place
        chosen.append(least + _nearest(times_T[least : most + 1], target))
    return np.array(chosen, np.int64)


def spread(score_T: np.ndarray, times_T: np.ndarray, count: int, gap: float, coverage: float) -> np.ndarray:
    """The first, the last, and the frames of the highest gain in turn until there are ``count`` (at least 2).

    The gain is ``(1 - coverage) * score + coverage * distance``, the distance that to the nearest chosen frame in
    shares of even spacing, 1 at most. See ``choose`` for the gap.
    """
    room = Room(times_T, gap)
    chosen, open_T = [0, len(times_T) - 1], np.ones(len(times_T), bool)
    spare = room.between(*chosen) - (count - 2)
    open_T[chosen] = False
    while len(chosen) < count and open_T.any():
        gain_T = (1 - coverage) * score_T + coverage * _distance(times_T, chosen, count) if coverage else score_T
        best = int(np.argmax(np.where(open_T, gain_T, -np.inf)))
        open_T[best] = False
        before, after = _neighbours(chosen, best)
        lost = room.between(before, after) - room.between(before, best) - room.between(best, after) - 1
        if room.keeps(before, best) and room.keeps(best, after) and lost <= max(spare, 0):
            chosen.insert(bisect(chosen, best), best)
            spare -= lost
    return np.array(_filled(chosen, times_T, count), np.int64)


class Room:
    """How many frames fit between two when all are ``gap`` seconds apart."""

    def __init__(self, times_T: np.ndarray, gap: float) -> None:
        self.times, self.gap = times_T.tolist(), gap - ROUNDING
        following = np.searchsorted(times_T, times_T + self.gap)
        self.following = np.maximum(following, np.arange(1, len(times_T) + 1)).tolist()

    def keeps(self, before: int, after: int) -> bool:
        """Whether the two are far enough apart."""
        return bool(self.times[after] - self.times[before] >= self.gap)

    def between(self, before: int, after: int) -> int:
        """The most frames between the two."""
        count, place = 0, self.following[before]
        while place < after and self.keeps(place, after):
            count, place = count + 1, self.following[place]
        return count


def _nearest(times_T: np.ndarray, target: float) -> int:
    return int(np.argmin(np.round(np.abs(times_T - target), DECIMALS)))


def _away(times_T: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Seconds from each time to the nearest of ``others``."""
    away_T: np.ndarray = np.abs(times_T[:, None] - others[None]).min(axis=1)
    return away_T


def _distance(times_T: np.ndarray, chosen: Sequence[int], count: int) -> np.ndarray:
    """Seconds to the nearest frame of ``chosen`` in shares of even spacing."""
    usual = (times_T[-1] - times_T[0]) / (count - 1)
    share_T: np.ndarray = np.round(np.minimum(1.0, _away(times_T, times_T[chosen]) / usual), DECIMALS)
    return share_T


def _neighbours(chosen: Sequence[int], frame: int) -> tuple[int, int]:
    place = bisect(chosen, frame)
    return chosen[place - 1], chosen[place]


def _filled(chosen: list[int], times_T: np.ndarray, count: int) -> list[int]:
    """As many as ``count``: each further one halves the widest hole."""
    while len(chosen) < count:
        holes = [(a, b) for a, b in pairwise(chosen) if b - a > 1]
        a, b = max(holes, key=lambda hole: round(times_T[hole[1]] - times_T[hole[0]], DECIMALS))
        middle = a + 1 + _nearest(times_T[a + 1 : b], (times_T[a] + times_T[b]) / 2)
        chosen.insert(bisect(chosen, middle), middle)
    return chosen


def boundary_recall(times: Sequence[float], boundaries: Sequence[float], tolerance: float = 0.25) -> Recall:
    """How many ``boundaries`` have a chosen frame within ``tolerance`` seconds; all in seconds of the clip."""
    near = [min((abs(time - boundary) for time in times), default=np.inf) <= tolerance for boundary in boundaries]
    return Recall(sum(near), len(near))


def _entropies(luma_THW: np.ndarray, params: SamplerParams) -> np.ndarray:
    return normalized(smoothed(entropy(luma_THW), params.smoothing))


def _motions(luma_THW: np.ndarray, params: SamplerParams) -> np.ndarray:
    return normalized(motion(luma_THW, params.flow))


def _both(luma_THW: np.ndarray, params: SamplerParams) -> np.ndarray:
    mean_T: np.ndarray = (_entropies(luma_THW, params) + _motions(luma_THW, params)) / 2
    return mean_T


SCORES: dict[str, Callable[[np.ndarray, SamplerParams], np.ndarray]] = {
    "entropy": _entropies,
    "motion": _motions,
    "hybrid": _both,
}
