"""What is true of clips, as numbers that losses and metrics read.

Shape suffixes: C clips, N moments with context, K labels.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.vocabulary import order
from kinetrace.operations.model.geometry import Geometry

NOTHING = -1  # no operation, or one that is not in the vocabulary: neither loss nor metric counts it


def vocabulary(clips: pd.DataFrame) -> tuple[str, ...]:
    """The operations of the training clips in their order.

    Raises:
        KinetraceError: there are fewer than two.
    """
    found = order(clips.label)
    if len(found) < 2:
        raise KinetraceError(
            f"the training clips show {len(found)} operations ({', '.join(found)}): expected 2 or more"
        )
    return found


@dataclass(frozen=True)
class Targets:
    """Labels as places in the vocabulary or ``NOTHING``; ``span_C2`` in seconds from the clip's start, float32."""

    operation_C: np.ndarray
    span_C2: np.ndarray
    next_C: np.ndarray
    moment_CN: np.ndarray

    @classmethod
    def of(cls, clips: pd.DataFrame, labels: Sequence[str], geometry: Geometry) -> "Targets":
        """Of a clip table, row by row."""
        place = {label: number for number, label in enumerate(labels)}
        moments = [_moments(json.loads(segments), place, geometry.times_N) for segments in clips.segments]
        return cls(
            np.array([place.get(label, NOTHING) for label in clips.label], np.int64),
            clips[["op_start", "op_end"]].fillna(0).to_numpy(np.float32),
            np.array([place.get(label, NOTHING) for label in clips.next_label], np.int64),
            np.array(moments, np.int64).reshape(-1, geometry.count),
        )

    def __len__(self) -> int:
        return len(self.operation_C)

    def take(self, rows: np.ndarray) -> "Targets":
        """Of some clips."""
        return Targets(self.operation_C[rows], self.span_C2[rows], self.next_C[rows], self.moment_CN[rows])


def _moments(segments: Sequence[Sequence], place: Mapping[str, int], times_N: np.ndarray) -> np.ndarray:
    """What runs at each moment; segments are half-open."""
    found_N = np.full(len(times_N), NOTHING)
    for start, end, label in segments:
        found_N[(times_N >= start) & (times_N < end)] = place.get(label, NOTHING)
    return found_N
