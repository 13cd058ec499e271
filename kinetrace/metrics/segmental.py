"""How well the segments of a recording are found, in order and in time: segmental F1 and edit score.

Conventions of the evaluation of MS-TCN (Abu Farha and Gall 2019, ``eval.py``, after Lea et al. 2016), which prints both
times 100. One thing differs from its first version and many copies: the last segment of a recording ends after its
last frame, not before it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from kinetrace.metrics.temporal import NULL


@dataclass(frozen=True)
class Segments:
    """S segments in order, not empty and not overlapping, ``[starts, ends)`` in frames or seconds; all ``[S]``."""

    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray


def segments(labels: np.ndarray, background: Collection[int] = (NULL,)) -> Segments:
    """Runs of equal ``labels`` ``[T]``, in frames; runs of a label of ``background`` are no segments.

    A segment goes on only where frames touch: the same label before and after background makes two.
    """
    labels = np.asarray(labels)
    bounds = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], bounds])[: len(labels)]
    ends = np.concatenate([bounds, [len(labels)]])[: len(labels)]
    kept = ~np.isin(labels[starts], list(background))
    return Segments(starts[kept], ends[kept], labels[starts][kept])


def at(segments: Segments, times: np.ndarray, background: int = NULL) -> np.ndarray:
    """``[T]`` int64: the label at each of ``times`` ``[T]``, in the unit of the segments; ``background`` between them.

    ``at(segments(labels), np.arange(len(labels)))`` gives frames back.
    """
    place = np.searchsorted(segments.starts, times, side="right") - 1
    inside = (place >= 0) & (times < np.append(segments.ends, -np.inf)[place])
    return np.where(inside, np.append(segments.labels, background)[place], background).astype(np.int64)


def without_null(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """``[T]``: ``predicted`` ``[T]`` with ``NULL`` where the truth is.

    For systems that always name something: what they say where there is nothing to say then makes no false segment.
    MS-TCN's evaluation counts it as one.
    """
    return np.where(true == NULL, NULL, predicted)


def match(true: Segments, predicted: Segments, overlap: float) -> np.ndarray:
    """True positives, false positives and false negatives of one recording, ``[3]`` int64.

    Each predicted segment goes to the true one of its label with which its intersection over union is largest, the
    first of equals. It is right if that reaches ``overlap`` and no segment before it took the same true one,
    even if another true one would do as well. MS-TCN divides by the hull of both segments instead of their union. They
    are the same where segments overlap, and where they do not both ways give no match, so the counts are equal.

    Raises:
        ValueError: ``overlap`` is not a share above 0.
    """
    if not 0 < overlap <= 1:
        raise ValueError(f"overlap is {overlap}: expected a share above 0, such as 0.1, 0.25 or 0.5")
    ours, theirs = _overlapping(true, predicted)
    starts, ends = (
        (mine[ours], other[theirs]) for mine, other in ((predicted.starts, true.starts), (predicted.ends, true.ends))
    )
    iou = (np.minimum(*ends) - np.maximum(*starts)) / (np.maximum(*ends) - np.minimum(*starts))
    iou = np.where(predicted.labels[ours] == true.labels[theirs], iou, 0)
    order = np.lexsort((theirs, -iou, ours))
    best = order[np.unique(ours[order], return_index=True)[1]]
    hits = len(np.unique(theirs[best[iou[best] >= overlap]]))
    return np.array([hits, len(predicted.labels) - hits, len(true.labels) - hits])


def _overlapping(true: Segments, predicted: Segments) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a predicted and a true segment that overlap, fewer than there are segments: ``[P]`` indices each."""
    first = np.searchsorted(true.ends, predicted.starts, side="right")
    several = np.searchsorted(true.starts, predicted.ends, side="left") - first
    ours = np.repeat(np.arange(len(several)), several)
    return ours, np.arange(len(ours)) + (first - several.cumsum() + several)[ours]


def counts(true: Sequence[Segments], predicted: Sequence[Segments], overlap: float) -> np.ndarray:
    """``[N, 3]`` int64, additive: ``match`` of each recording."""
    rows = [match(right, answer, overlap) for right, answer in zip(true, predicted, strict=True)]
    return np.array(rows, np.int64).reshape(-1, 3)


def f1_terms(counts: np.ndarray) -> np.ndarray:
    """``[N, 2]`` of ``counts`` ``[N, 3]``: 2 tp and 2 tp + fp + fn.

    Segmental F1@{10, 25, 50} pools counts over recordings: the quotient of the sums at an overlap of 0.1, 0.25, 0.5,
    which is ``bootstrap.ratio``.
    """
    hits, wrong, missed = np.moveaxis(np.asarray(counts), -1, 0)
    return np.stack([2 * hits, 2 * hits + wrong + missed], axis=-1).astype(np.float64)


def edit(true: Sequence[Segments], predicted: Sequence[Segments]) -> np.ndarray:
    """``[N]`` float64 from 0 to 1: how alike the orders of labels are; the edit score is the mean over recordings.

    1 - Levenshtein distance / the longer of both; segments' lengths do not matter. NaN where neither has a segment,
    for which MS-TCN divides by 0.
    """
    pairs = [(right.labels, answer.labels) for right, answer in zip(true, predicted, strict=True)]
    lengths = np.array([max(len(right), len(answer)) for right, answer in pairs], np.float64)
    distances = np.array([distance(right, answer) for right, answer in pairs], np.float64)
    return np.where(lengths > 0, 1 - distances / np.maximum(lengths, 1), np.nan)


def distance(first: np.ndarray, second: np.ndarray) -> int:
    """Fewest insertions, deletions and substitutions between two sequences of labels (Levenshtein 1966).

    Wagner and Fischer's table, a row at a time; deletions along a row are a running minimum of cost less place.
    """
    places = np.arange(len(second) + 1)
    row = places
    for number, label in enumerate(first, start=1):
        cheapest = np.minimum(row[:-1] + (second != label), row[1:] + 1)
        row = np.minimum.accumulate(np.append(number, cheapest) - places) + places
    return int(row[-1])
