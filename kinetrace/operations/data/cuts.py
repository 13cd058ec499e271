"""Recordings cut into clips: around boundaries, in the middle of operations, and on a grid that covers all."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from kinetrace import files
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.operations.params import CutParams

Kind = Literal["boundary", "middle", "window"]
SAME = 0.05  # seconds within which two edges are one boundary
MILLISECONDS = 3  # decimals of a clip's times


@dataclass(frozen=True)
class Cut:
    """A clip of a recording: ``start`` in seconds of its video, ``context`` seconds that are there before it."""

    name: str
    kind: Kind
    start: float
    context: float


@dataclass(frozen=True)
class Target:
    """What is true of a clip, in seconds from its start.

    ``label``, ``[start, end)``: the operation that takes most of the clip, as far as it lies inside; ``next``: the
    operation after it, "" at the recording's end; ``segments``: all that runs in clip and context, Null too.
    """

    label: str
    start: float
    end: float
    next: str
    segments: tuple[Segment, ...]


def cuts(recording: Recording, duration: float, params: CutParams) -> list[Cut]:
    """The clips of a recording whose video lasts ``duration`` seconds; none if it is too short.

    No two windows begin at once, and no two others.

    Where a boundary lies in its clips is jittered by a pure function of (seed, user, session, boundary).
    """
    last = math.floor((duration - params.seconds) * 10**MILLISECONDS) / 10**MILLISECONDS
    if last < 0:
        return []
    placed: dict[tuple[bool, float], Cut] = {}
    for name, kind, wanted in (*_windows(last, params), *_boundaries(recording, params), *_middles(recording, params)):
        start = round(min(max(wanted, 0.0), last), MILLISECONDS)
        cut = Cut(f"{recording.user}-{recording.session}-{name}", kind, start, min(params.context, start))
        placed.setdefault((kind == "window", start), cut)
    return list(placed.values())


def _windows(last: float, params: CutParams) -> Iterator[tuple[str, Kind, float]]:
    """The last one ends with the video."""
    for number in range(math.ceil(last / params.stride - 1e-9) + 1):
        yield f"w{number:04d}", "window", number * params.stride


def _boundaries(recording: Recording, params: CutParams) -> Iterator[tuple[str, Kind, float]]:
    for number, (time, ended) in enumerate(boundaries(recording.segments)):
        reach = params.wide_window if ended in params.wide else params.window
        key = [params.seed, recording.user, recording.session, number]
        random = np.random.default_rng(int(files.digest_of(key)[:16], 16))
        for place, jitter in enumerate(random.uniform(-reach, reach, params.per_boundary)):
            share = (place + 1) / (params.per_boundary + 1)
            yield f"b{number:04d}-{place}", "boundary", time + float(jitter) - share * params.seconds


def _middles(recording: Recording, params: CutParams) -> Iterator[tuple[str, Kind, float]]:
    for number, segment in enumerate(_work(recording.segments)):
        yield f"m{number:04d}", "middle", (segment.start + segment.end - params.seconds) / 2


def boundaries(segments: Sequence[Segment]) -> list[tuple[float, str]]:
    """Time and ended operation of each change of operation; a break (Null or nothing) has two."""
    found: list[tuple[float, str]] = []
    for before, after in pairwise(_filled(segments)):
        if before.label != after.label:
            found.append((before.end, before.label))
    return found


def _filled(segments: Sequence[Segment]) -> list[Segment]:
    """The segments with Null where nothing is said, edges within ``SAME`` made one."""
    filled: list[Segment] = []
    for segment in segments:
        if filled and segment.start - filled[-1].end > SAME:
            filled.append(Segment(filled[-1].end, segment.start, NULL))
        filled.append(segment)
    return filled


def _work(segments: Sequence[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.label != NULL]


def target(recording: Recording, cut: Cut, seconds: float) -> Target:
    """What is true of the clip ``cut``; the label Null where no operation runs in it."""
    told = [part for segment in recording.segments if (part := _within(segment, cut, -cut.context, seconds))]
    work = _work(recording.segments)
    proper = [(part, whole.end) for whole in work if (part := _within(whole, cut, 0.0, seconds))]
    if not proper:
        return Target(NULL, 0.0, seconds, "", tuple(told))
    main, until = max(proper, key=lambda pair: pair[0].end - pair[0].start)
    after = next((segment.label for segment in work if segment.start >= until - SAME), "")
    return Target(main.label, main.start, main.end, after, tuple(told))


def _within(segment: Segment, cut: Cut, low: float, high: float) -> Segment | None:
    """The part of ``segment`` between ``low`` and ``high`` seconds of the clip; None where there is none."""
    edges = (min(max(time - cut.start, low), high) for time in (segment.start, segment.end))
    start, end = (round(edge, MILLISECONDS) for edge in edges)
    return Segment(start, end, segment.label) if end > start else None
