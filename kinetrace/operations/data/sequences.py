"""What runs in whole recordings, out of the windows that cover them."""

import json
from collections.abc import Iterator

import pandas as pd

from kinetrace.operations.data.recordings import NULL, Segment

WINDOW = "window"  # the kind of clips that cover a recording
RECORDING = ["subject", "session", "source"]  # columns that name one


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
