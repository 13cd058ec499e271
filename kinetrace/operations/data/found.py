"""What a data set holds, told recording by recording: one that cannot be used has its reason, none is lost silently."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from kinetrace.errors import KinetraceError
from kinetrace.files import inside
from kinetrace.operations.data.recordings import NULL, Recording, Segment

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
OVERLAP = 0.05  # seconds by which an operation may outlast the start of the next: less than a frame at 15 Hz
NAME = re.compile(r"[\w-]{1,80}")  # of users and sessions, which become names of clips


@dataclass(frozen=True)
class Found:
    """A recording that a data set says it has.

    ``source``: the video or the folder of frames, or else the file that names it, relative to the data set's folder.
    ``recording`` is None where ``problem`` says why it cannot be used, or ``absent`` what was never delivered: its
    video, or its annotation.
    """

    user: str
    session: str
    source: str
    recording: Recording | None = None
    problem: str = ""
    absent: str = ""


def ordered(segments: Iterable[tuple[Segment, str]]) -> tuple[Segment, ...]:
    """The segments by time, each given with the place that says it (``"line 7"``).

    Where one outlasts the start of the next by at most ``OVERLAP`` it ends with that start.

    Raises:
        KinetraceError: one ends before it starts, or two overlap by more.
    """
    told = sorted(segments, key=lambda pair: (pair[0].start, pair[0].end))
    for segment, place in told:
        if not segment.end > segment.start:
            raise KinetraceError(f"{place}: {_span(segment)} ends before it starts or when it starts")
    for (before, first), (after, second) in pairwise(told):
        if before.end - after.start > OVERLAP or before.start == after.start:
            raise KinetraceError(f"{second}: {_span(after)} overlaps {_span(before)} of {first}")
    ends = [after.start for after, _ in told[1:]] + [float("inf")]
    return tuple(replace(segment, end=min(segment.end, end)) for (segment, _), end in zip(told, ends, strict=False))


def _span(segment: Segment) -> str:
    return f"{segment.label!r} {segment.start:.3f}–{segment.end:.3f} s"


def within(folder: Path, name: str) -> Path:
    """The file or folder ``name`` of ``folder``, followed through links.

    Raises:
        KinetraceError: it leads outside, nowhere or in a circle, or is no path at all.
    """
    try:
        path = inside(folder, name)
        path.stat()
    except KinetraceError:
        raise KinetraceError(f"{name!r} leads outside the data folder: give a path inside it") from None
    except (OSError, RuntimeError, ValueError):
        raise KinetraceError(f"{name!r} is missing") from None
    return path


def judged(folder: Path, found: Found, build: Callable[[], Recording]) -> Found:
    """``found`` with the recording that ``build`` gives, or with the problem it raises, told without ``folder``."""
    try:
        return replace(found, recording=build())
    except (KinetraceError, OSError) as error:
        return replace(found, problem=str(error).replace(f"{folder}{os.sep}", ""))


def outside(recording: Recording, duration: float) -> str:
    """What is wrong where most of the operations lie outside the recording's video of ``duration`` seconds, else ""."""
    work = [segment for segment in recording.segments if segment.label != NULL]
    if not work:
        return "no operation is annotated"
    inside = sum(max(min(segment.end, duration) - max(segment.start, 0), 0) for segment in work)
    if inside >= sum(segment.end - segment.start for segment in work) / 2:
        return ""
    span = f"{work[0].start:.1f} to {work[-1].end:.1f} s"
    return f"its operations run from {span}, most of it outside its video of {duration:.1f} s: are they in seconds?"


def unique(found: Iterable[Found]) -> list[Found]:
    """The same, where clips of two would have the same names the later one with that problem."""
    kept: dict[str, Found] = {}
    told = []
    for item in found:
        first = kept.setdefault(f"{item.user}-{item.session}".casefold(), item) if item.recording else item
        if first is not item:
            problem = f"user {item.user} and session {item.session} are those of {first.source!r}: give each its own"
            item = replace(item, recording=None, problem=problem)
        told.append(item)
    return told
