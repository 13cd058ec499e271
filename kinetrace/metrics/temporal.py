"""How well operations are named: that of a clip, the one after it, and the one of each second.

A label is its place in the vocabulary of K labels. ``NULL`` is where nothing is to be named, which no metric counts;
``UNKNOWN`` is a label that the vocabulary lacks, which no answer meets. Figures of clips are NaN where the clip does
not count; ``terms`` makes of them what ``bootstrap.interval`` and ``bootstrap.ratio`` take.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from kinetrace.metrics import retrieval

NULL, UNKNOWN = -1, -2
TICK = 6  # decimals of a second that tell two moments apart: times are sums of quotients


def indices(labels: Sequence[str], vocabulary: Sequence[str], nothing: Collection[str]) -> np.ndarray:
    """``[N]`` int64: the place of each label in the vocabulary; ``NULL`` for those in ``nothing``, else ``UNKNOWN``."""
    places = {label: place for place, label in enumerate(vocabulary)} | dict.fromkeys(nothing, NULL)
    return np.array([places.get(label, UNKNOWN) for label in labels], np.int64)


def terms(values: np.ndarray) -> np.ndarray:
    """``[N, 2]`` float64, numerator and denominator: each of ``values`` ``[N]`` and 1, or 0 and 0 where it is NaN."""
    counted = ~np.isnan(values)
    return np.stack([np.where(counted, values, 0), counted], axis=1).astype(np.float64)


def named(scores: np.ndarray, true: np.ndarray, k: int = 1) -> np.ndarray:
    """Whether the true label is among the ``k`` that score best.

    Operation classification accuracy (OCA) is the mean for the operation of a clip and k = 1; action anticipation
    accuracy (AA@k) for the operation after it, where clips without one, ``NULL``, are left out. Ties, and scores that
    are not a number, count against the system, as in ``retrieval.ranks``.

    Args:
        scores: ``[N, K]``, larger is more likely.
        true: ``[N]`` labels.

    Returns:
        ``[N]`` float64: 1, 0, or NaN where there is nothing to name.
    """
    labels = np.arange(np.shape(scores)[1])
    hits = (retrieval.ranks(scores, true, labels) <= k) & np.isin(true, labels)
    found: np.ndarray = np.where(true == NULL, np.nan, hits)
    return found


def last_of_seconds(times: np.ndarray) -> np.ndarray:
    """``[S]`` int64: of moments at ``times`` ``[T]``, in seconds and in order, the last one of each whole second.

    What OpenPack's toolkit takes for the label of a second (``resample_prediction_1Hz``). ``S`` counts the seconds
    that hold a moment.

    Raises:
        ValueError: the times are not in order.
    """
    seconds = np.floor(np.round(times, TICK))
    if (np.diff(seconds) < 0).any():
        raise ValueError(f"times go back at moment {np.diff(seconds).argmin() + 1}: expected them in order")
    return np.flatnonzero(np.append(seconds[1:] != seconds[:-1], True)[: len(seconds)])


def class_counts(true: Sequence[np.ndarray], predicted: Sequence[np.ndarray], classes: int) -> np.ndarray:
    """True positives, false positives and false negatives of each class in each recording, which are additive.

    Moments whose truth is ``NULL`` are dropped, whatever was predicted there. ``NULL`` predicted elsewhere misses the
    true class and claims none, as in OpenPack's toolkit (``drop_ignore_class``).

    Args:
        true: labels of each recording, one a second, ``[T]``.
        predicted: the same moments.

    Returns:
        ``[N, 3 * classes]`` int64: tp of all classes, then fp, then fn.

    Raises:
        ValueError: truth and prediction do not have the same moments.
    """
    pairs = zip(true, predicted, strict=True)
    rows = [_counts(np.asarray(right), np.asarray(answer), classes).ravel() for right, answer in pairs]
    return np.array(rows, np.int64).reshape(-1, 3 * classes)


def _counts(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """``[3, K]`` of one recording."""
    _check_moments(true, predicted)
    counted = true != NULL
    hits = _histogram(true[true == predicted], classes)
    claimed, present = (_histogram(labels[counted], classes) for labels in (predicted, true))
    return np.stack([hits, claimed - hits, present - hits])


def _histogram(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels[(labels >= 0) & (labels < classes)], minlength=classes)


def _check_moments(true: np.ndarray, predicted: np.ndarray) -> None:
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(f"truth {true.shape} and prediction {predicted.shape}: expected one label a moment in both")


def class_f1(counts: np.ndarray) -> np.ndarray:
    """``[R, K]`` of summed ``class_counts`` ``[R, 3 * K]``: 2 tp / (2 tp + fp + fn); 0 where a class never occurs."""
    hits, wrong, missed = np.moveaxis(np.asarray(counts, np.float64).reshape(len(counts), 3, -1), 1, 0)
    total = 2 * hits + wrong + missed
    found: np.ndarray = 2 * hits / np.where(total > 0, total, 1)
    return found


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """``[R]``: the mean of ``class_f1`` over all K classes, moments pooled over recordings, in OpenPack's way.

    scikit-learn's macro F1 over the whole list of classes with ``zero_division=0``: a class that is neither there nor
    predicted counts as 0, so that a test set which lacks a class cannot reach 1.
    """
    found: np.ndarray = class_f1(counts).mean(axis=1)
    return found


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """``[K, K]`` int64: how often the row's label was taken for the column's; ``NULL`` and ``UNKNOWN`` left out."""
    _check_moments(true, predicted)
    kept = (np.minimum(true, predicted) >= 0) & (np.maximum(true, predicted) < classes)
    cells = np.bincount(true[kept] * classes + predicted[kept], minlength=classes**2)
    return cells.reshape(classes, classes)


@dataclass(frozen=True)
class Pair:
    """Two labels, and the share of each that was taken for the other."""

    first: str
    second: str
    first_as_second: float
    second_as_first: float


def worst_pair(confusion: np.ndarray, labels: Sequence[str]) -> Pair | None:
    """The two of K ``labels`` with the largest sum of both shares of ``confusion`` ``[K, K]``; the first of equals.

    Shares, not counts, so that rare labels weigh as much as common ones, as in macro F1. The share of a label that
    does not occur is 0. None where no label was taken for another.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    mutual = np.triu(shares + shares.T, 1)
    if not mutual.any():
        return None
    first, second = (int(place) for place in np.unravel_index(mutual.argmax(), mutual.shape))
    return Pair(labels[first], labels[second], float(shares[first, second]), float(shares[second, first]))
