"""From probabilities of spans to one span: the one that overlaps most with what may be true.

Shape suffixes: C clips, T moments, [first, last] moment of a span; S = T (T + 1) / 2 spans.
"""

from functools import cache

import numpy as np


def decode(spans_CTT: np.ndarray, fps: float) -> np.ndarray:
    """``[C, 2]`` float32 seconds: of each clip the span with the largest expected temporal IoU.

    The likeliest span may have little mass around it; this one is best on average under the given probabilities.

    Args:
        spans_CTT: probability that the operation runs from moment i to the end of moment j; 0 where j < i.
        fps: moments a second.
    """
    count = spans_CTT.shape[-1]
    first_S, last_S = np.triu_indices(count)
    best_C = (spans_CTT[:, first_S, last_S] @ _overlaps(count)).argmax(1)
    return np.stack([first_S[best_C] / fps, (last_S[best_C] + 1) / fps], axis=1).astype(np.float32)


@cache
def _overlaps(count: int) -> np.ndarray:
    """``[S, S]`` IoU of every span with every other."""
    first_S, last_S = np.triu_indices(count)
    spans_S2 = np.stack([first_S, last_S + 1], axis=1).astype(np.float32)
    return overlap(spans_S2[:, None], spans_S2[None])


def overlap(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Temporal IoU of spans ``[..., 2]`` (start, end) with others; 0 where both are empty."""
    shared = np.minimum(some[..., 1], others[..., 1]) - np.maximum(some[..., 0], others[..., 0])
    shared = np.maximum(shared, 0)
    lengths = (some[..., 1] - some[..., 0]) + (others[..., 1] - others[..., 0])
    found: np.ndarray = shared / np.maximum(lengths - shared, 1e-9)
    return found
