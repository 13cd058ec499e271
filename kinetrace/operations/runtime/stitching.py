"""What is said of overlapping windows, put together moment by moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stitched:
    """``posteriors_TK`` of the moments of a recording, rows sum to 1; ``seen_T``: which ones a window covers."""

    posteriors_TK: np.ndarray
    seen_T: np.ndarray


def stitch(starts: Sequence[float], frames_CTK: np.ndarray, fps: float, moments: int) -> Stitched:
    """The mean of all windows over each of ``moments``, ``fps`` a second; where there is none, nothing is preferred.

    ``starts``: of each window in seconds; ``frames_CTK``: what is said of its own moments, from its start on.
    """
    count, labels = frames_CTK.shape[1:]
    sums_TK, hits_T = np.zeros((moments, labels)), np.zeros(moments)
    for start, said_TK in zip(starts, frames_CTK, strict=True):
        first = round(start * fps)
        last = max(min(first + count, moments), first)
        sums_TK[first:last] += said_TK[: last - first]
        hits_T[first:last] += 1
    seen_T = hits_T > 0
    means_TK = sums_TK / np.maximum(hits_T, 1)[:, None]
    return Stitched(np.where(seen_T[:, None], means_TK, 1 / labels), seen_T)
