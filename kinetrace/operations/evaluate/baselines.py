"""What stands beside each figure: answers that need no video, fitted on the truth of the training clips alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from kinetrace.metrics import temporal
from kinetrace.operations.data.recordings import NULL

NOTHING = (NULL, "")  # no operation in the clip, or none after it
GRID = "window"  # the kind of clips that cover a recording evenly


def operations(labels: "pd.Series[str]", vocabulary: Sequence[str]) -> np.ndarray:
    """``[N]`` int64: a column of labels as ``temporal``'s metrics take it."""
    return temporal.indices(labels.tolist(), vocabulary, NOTHING)


def true_spans(clips: pd.DataFrame) -> np.ndarray:
    """``[N, 2]`` seconds from the clip's start: the span of its operation; NaN where it has none."""
    spans = clips[["op_start", "op_end"]].to_numpy(np.float64)
    found: np.ndarray = np.where(clips.label.isin(NOTHING).to_numpy(bool)[:, None], np.nan, spans)
    return found


def whole_clip(clips: pd.DataFrame) -> np.ndarray:
    """``[N, 2]`` seconds from the clip's start: all of it."""
    lengths = (clips.end - clips.start).to_numpy(np.float64)
    return np.stack([np.zeros(len(lengths)), lengths], axis=1)


@dataclass(frozen=True)
class Trivial:
    """Of the training clips, over K labels.

    ``operation_K`` and ``next_K``: shares of clips with that operation, and with that one next; ``bigram_KK``:
    probability of the next operation (column) after an operation (row); ``moment_K``: share of time; ``span_2``: mean
    start and end of the clip's operation, and ``span_by_kind`` those of clips of a kind.
    """

    operation_K: np.ndarray
    next_K: np.ndarray
    bigram_KK: np.ndarray
    moment_K: np.ndarray
    span_2: np.ndarray
    span_by_kind: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, train: pd.DataFrame, vocabulary: Sequence[str]) -> Self:
        """Fit all of them on the clips ``train``."""
        current, following = (operations(train[name], vocabulary) for name in ("label", "next_label"))
        overall = _shares(_histogram(following, len(vocabulary)))
        spans = pd.DataFrame(true_spans(train), index=train.kind.astype(str)).dropna()
        return cls(
            operation_K=_shares(_histogram(current, len(vocabulary))),
            next_K=overall,
            bigram_KK=_bigram(current, following, overall),
            moment_K=_shares(_time(train, vocabulary)),
            span_2=spans.mean().to_numpy(),
            span_by_kind={str(kind): rows.mean().to_numpy() for kind, rows in spans.groupby(level=0)},
        )

    def majority_operation(self, clips: int) -> np.ndarray:
        """``[N, K]``: the same scores for each of ``clips`` clips, of which the commonest operation is first."""
        return np.tile(_decided(self.operation_K), (clips, 1))

    def majority_next(self, clips: int) -> np.ndarray:
        """``[N, K]``: the same for the operation that comes next."""
        return np.tile(_decided(self.next_K), (clips, 1))

    def majority_moments(self, moments: int) -> np.ndarray:
        """``[T]`` int64: the operation that takes most of the time, at each of ``moments`` moments."""
        return np.full(moments, self.moment_K.argmax(), np.int64)

    def bigram(self, current: np.ndarray) -> np.ndarray:
        """``[N, K]``: probabilities of the next operation after ``current`` ``[N]``, the true or the predicted one.

        Where that is not in the vocabulary, as ``majority_next``.
        """
        rows = np.vstack([self.bigram_KK, self.next_K])
        found: np.ndarray = rows[np.where(current >= 0, current, len(rows) - 1)]
        return found

    def position(self, clips: pd.DataFrame) -> np.ndarray:
        """``[N, 2]``: the mean true start and end over training clips of the same kind, or over all of them."""
        spans = [self.span_by_kind.get(kind, self.span_2) for kind in clips.kind.astype(str)]
        return np.array(spans, np.float64).reshape(-1, 2)


def _bigram(current: np.ndarray, following: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """``[K, K]``: shares of clips by row, with one more clip whose next operation is that of ``overall``.

    So equals are told apart by ``overall``, and what follows an operation never seen is ``overall`` itself.
    """
    size = len(overall)
    known = (current >= 0) & (following >= 0)
    cells = _histogram(current[known] * size + following[known], size**2).reshape(size, size) + overall
    return _shares(cells)


def _time(train: pd.DataFrame, vocabulary: Sequence[str]) -> np.ndarray:
    """``[K]`` seconds of each operation in the clips that cover recordings evenly, context left out."""
    grid = train[train.kind == GRID]
    lengths = whole_clip(grid)[:, 1].tolist()
    rows = [
        (label, min(end, length) - max(start, 0.0))
        for listed, length in zip(grid.segments, lengths, strict=True)
        for start, end, label in json.loads(listed)
    ]
    labels, seconds = pd.Series([label for label, _ in rows], dtype=str), np.array([seconds for _, seconds in rows])
    places = operations(labels, vocabulary)
    kept = places >= 0
    return np.bincount(places[kept], np.maximum(seconds[kept], 0), minlength=len(vocabulary))


def _decided(shares_K: np.ndarray) -> np.ndarray:
    """Of equals the first is a little ahead: a metric takes a tie for no answer."""
    found: np.ndarray = shares_K - 1e-9 * np.arange(len(shares_K))
    return found


def _histogram(places: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(places[places >= 0], minlength=size)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Counts along the last axis as shares; 0 where there is nothing."""
    total = counts.sum(axis=-1, keepdims=True)
    found: np.ndarray = counts / np.where(total > 0, total, 1)
    return found
