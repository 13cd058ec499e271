"""How well a predicted span of time covers the true one, a span a clip."""

import numpy as np


def tiou(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Temporal intersection over union of one true and one predicted span a clip, both half-open.

    The union is that of the two spans, as in ActivityNet's ``segment_iou``, not their hull with the gap between.
    A predicted span that is empty, reversed or not a number is a miss: 0.

    Args:
        true: ``[N, 2]`` start and end in seconds; NaN where the clip holds no operation.
        predicted: ``[N, 2]``.

    Returns:
        ``[N]`` float64 from 0 to 1; NaN where the true span is.

    Raises:
        ValueError: a true span is empty or reversed, or there are not as many predicted ones.
    """
    true, predicted = (np.asarray(spans, np.float64).reshape(-1, 2) for spans in (true, predicted))
    _check(true, predicted)
    answered = predicted[:, 0] < predicted[:, 1]
    given = np.where(answered[:, None], predicted, 0)
    shared = np.minimum(true[:, 1], given[:, 1]) - np.maximum(true[:, 0], given[:, 0])
    shared = np.where(answered, np.maximum(shared, 0), 0)
    union = (true[:, 1] - true[:, 0]) + (given[:, 1] - given[:, 0]) - shared
    found: np.ndarray = np.where(np.isnan(true).any(axis=1), np.nan, shared / union)
    return found


def _check(true: np.ndarray, predicted: np.ndarray) -> None:
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} true and {len(predicted)} predicted spans: expected one of each a clip")
    if (empty := np.flatnonzero(true[:, 0] >= true[:, 1])).size:
        raise ValueError(f"true span {empty[0]} is {true[empty[0]].tolist()}: expected its end after its start")


def reached(overlaps: np.ndarray, threshold: float) -> np.ndarray:
    """``[N]``: 1 where ``tiou`` reaches the threshold, 0 where not, NaN where that is; the mean is tIoU@threshold."""
    found: np.ndarray = np.where(np.isnan(overlaps), np.nan, overlaps >= threshold)
    return found
