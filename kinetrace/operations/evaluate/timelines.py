"""Whole recordings put together again from their windows: what was true and what a model says, moment by moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.metrics import temporal
from kinetrace.operations.data.recordings import NULL, Segment
from kinetrace.operations.data.sequences import RECORDING, WINDOW, segments
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.runtime.stitching import stitch

NOTHING, UNKNOWN = temporal.NULL, temporal.UNKNOWN  # in place of a label: no operation, one that nobody was taught


@dataclass(frozen=True)
class Timeline:
    """One recording at T moments, ``fps`` a second from its start.

    ``true_T``: places in the vocabulary, -1 where no operation runs, -2 where one runs that it lacks;
    ``posteriors_TK``: what the model says, rows sum to 1; ``seen_T``: which moments a window covers.
    """

    name: str
    subject: str
    true_T: np.ndarray
    posteriors_TK: np.ndarray
    seen_T: np.ndarray
    fps: float


def timelines(clips: pd.DataFrame, predicted: Predicted, labels: Sequence[str]) -> list[Timeline]:
    """The recordings of which ``clips``, with their ``predicted``, hold windows, sorted by subject and session.

    Where windows overlap, their posteriors are averaged.
    """
    windows = clips.reset_index(drop=True)
    groups = windows[windows.kind == WINDOW].groupby(RECORDING, sort=True)
    return [_timeline(part, predicted, labels) for _, part in groups]


def _timeline(part: pd.DataFrame, predicted: Predicted, labels: Sequence[str]) -> Timeline:
    fps = predicted.fps
    moments = round(part.end.max() * fps)
    said = stitch(part.start.tolist(), predicted.frames_CTK[part.index], fps, moments)
    truth_T = true_labels(segments(part), moments, fps, labels)
    first = part.iloc[0]
    return Timeline(f"{first.subject}-{first.session}", first.subject, truth_T, said.posteriors_TK, said.seen_T, fps)


def true_labels(segments: Sequence[Segment], moments: int, fps: float, labels: Sequence[str]) -> np.ndarray:
    """``[T]``: the place of the label that runs at each moment; -1 for none, -2 for one beyond ``labels``."""
    places = {label: place for place, label in enumerate(labels)}
    found = np.full(moments, NOTHING)
    for segment in segments:
        first, last = (int(np.ceil(time * fps - 1e-6)) for time in (segment.start, segment.end))
        found[max(first, 0) : max(last, 0)] = NOTHING if segment.label == NULL else places.get(segment.label, UNKNOWN)
    return found
