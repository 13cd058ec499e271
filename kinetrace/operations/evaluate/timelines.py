"""Whole recordings put together again from their windows: what was true and what a model says, moment by moment."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.operations.data.recordings import NULL, Segment
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.runtime.stitching import stitch

NOTHING = -1  # in place of a label: Null, or nothing known
WINDOW = "window"
RECORDING = ["subject", "session", "source"]  # columns that name one


@dataclass(frozen=True)
class Timeline:
    """One recording at T moments, ``fps`` a second from its start.

    ``true_T``: places in the vocabulary, -1 where no operation runs; ``posteriors_TK``: what the model says, rows sum
    to 1; ``seen_T``: which moments a window covers.
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
    """``[T]``: the place of the label that runs at each moment, half-open; -1 for none."""
    places = {label: place for place, label in enumerate(labels)}
    found = np.full(moments, NOTHING)
    for segment in segments:
        first, last = (int(np.ceil(time * fps - 1e-6)) for time in (segment.start, segment.end))
        found[max(first, 0) : max(last, 0)] = places.get(segment.label, NOTHING)
    return found


def segments(windows: pd.DataFrame) -> list[Segment]:
    """The segments of one recording, in seconds of its video, out of its windows; parts of one are joined."""
    parts = sorted(set(_parts(windows)), key=lambda part: (part.start, part.end))
    joined: list[Segment] = []
    for part in parts:
        if joined and joined[-1].label == part.label and part.start <= joined[-1].end + 1e-3:
            joined[-1] = Segment(joined[-1].start, max(joined[-1].end, part.end), part.label)
        else:
            joined.append(part)
    return joined


def _parts(windows: pd.DataFrame) -> Iterator[Segment]:
    for start, told in zip(windows.start, windows.segments, strict=True):
        for low, high, label in json.loads(told):
            if high > 0:  # what lies in the context is in the window before
                yield Segment(round(start + max(low, 0.0), 3), round(start + high, 3), label)


def work(clips: pd.DataFrame) -> list[list[Segment]]:
    """The operations of each recording of ``clips`` in order, Null left out: what a grammar learns from."""
    groups = clips[clips.kind == WINDOW].groupby(RECORDING, sort=True)
    return [[segment for segment in segments(part) if segment.label != NULL] for _, part in groups]
