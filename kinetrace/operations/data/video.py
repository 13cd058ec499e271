"""Recordings behind one small interface, be they video files or folders of frames: what is in them, and any part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.frame_folder import FrameFolder
from kinetrace.operations.data.pictures import Damaged, Picture
from kinetrace.operations.data.video_file import VideoFile

ROUNDING = 0.0007  # seconds: containers and file names round times to milliseconds
SLACK = 0.5  # seconds: so much longer than its duration the last picture may be shown


@dataclass(frozen=True)
class Probe:
    """What is in a recording.

    ``duration`` in seconds; ``fps``: the mean rate of what was recorded (0 of a single frame without a duration);
    ``started``: unix seconds by the frames' names or the container's creation time, else None; ``broken_at``: the
    index of the first frame that cannot be decoded, for the ``reason``, else None and "". Of a broken recording the
    other figures are of the frames before that.
    """

    duration: float
    fps: float
    frames: int
    width: int
    height: int
    started: float | None
    broken_at: int | None
    reason: str


@dataclass(frozen=True)
class Frames:
    """Pictures of a recording at ``times_T`` (float64 seconds); ``shown``: the one that is seen at each."""

    times_T: np.ndarray
    shown: Sequence[Picture]

    @cached_property
    def luma_THW(self) -> np.ndarray:
        """uint8, in the recording's own size."""
        return np.stack([picture.luma_HW for picture in self.shown])

    def picture(self, index: int, size: int) -> np.ndarray:
        """RGB uint8 ``[size, size, 3]`` of frame ``index``, squeezed by area interpolation."""
        return self.shown[index].rgb(size)


def probe(path: Path) -> Probe:
    """Decode all of the video file or folder of frames at ``path`` once, one picture in memory.

    A damaged recording, or none at all, is described and not refused. Containers that state no length (MPEG-TS,
    files that were written live) do not show where they were cut off between two frames.

    Raises:
        KinetraceError: there is nothing at ``path``.
    """
    source, count, first, last, reason = _source(path, 1), 0, None, None, None
    try:
        for picture in _steady(source.pictures()):
            count, first, last = count + 1, first or picture, picture
    except Damaged as damaged:
        reason = str(damaged)
    if first is None or last is None:
        return Probe(0.0, 0.0, 0, 0, 0, None, 0, reason or "no frame in it")
    span = last.time - first.time
    end = last.end if last.duration or count == 1 else last.time + span / (count - 1)
    fps = (count - 1) / span if span else 1 / last.duration if last.duration else 0.0
    size = first.frame.width, first.frame.height
    return Probe(
        round(end, 6), round(fps, 6), count, *size, source.started, None if reason is None else count, reason or ""
    )


def decode(path: Path, start: float, end: float, fps: float, threads: int = 1) -> Frames:
    """``round((end - start) * fps)`` pictures of the recording at ``path``: frame i as seen at ``start + i / fps``.

    Raises:
        KinetraceError: see ``pictures_at``.
    """
    return decode_at(path, start + np.arange(round((end - start) * fps)) / fps, threads)


def decode_at(path: Path, times_T: np.ndarray, threads: int = 1) -> Frames:
    """The pictures seen at each of ``times_T``, rising seconds of the recording; all are held in memory, undone.

    Raises:
        KinetraceError: see ``pictures_at``.
    """
    return Frames(times_T, tuple(pictures_at(path, times_T, threads)))


def pictures_at(path: Path, times_T: np.ndarray, threads: int = 1) -> Iterator[Picture]:
    """For each of ``times_T``, rising, the last picture shown by then; the first one where the video begins later.

    ``threads`` of the decoder. Reads from the key frame before the first time to the last time.

    Raises:
        KinetraceError: nothing is at ``path``, a picture is damaged, or the recording ends before the last time.
    """
    if not len(times_T):
        return
    pictures = _until(path, _steady(_source(path, threads).pictures(float(times_T[0]))), float(times_T[-1]))
    shown = next(pictures)
    following = next(pictures, None)
    for time in times_T:
        while following is not None and following.time <= time + ROUNDING:
            shown, following = following, next(pictures, None)
        if following is None and time > shown.end + SLACK:
            raise KinetraceError(f"{path}: ends at {shown.end:.2f} s, but a picture at {time:.2f} s is asked for")
        yield shown


def _source(path: Path, threads: int) -> VideoFile | FrameFolder:
    if not path.exists():
        raise KinetraceError(f"{path} is missing: expected a video file, or a folder of frames")
    return FrameFolder(path) if path.is_dir() else VideoFile(path, threads)


def _steady(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """The same, refused (Damaged) from where their size changes."""
    size = None
    for picture in pictures:
        found = picture.frame.width, picture.frame.height
        size = size or found
        if found != size:
            raise Damaged(f"the size changes from {size[0]} × {size[1]} to {found[0]} × {found[1]}", picture.time)
        yield picture


def _until(path: Path, pictures: Iterator[Picture], last: float) -> Iterator[Picture]:
    """The same as far as ``last`` needs them: what is damaged later does no harm."""
    try:
        yield from pictures
    except Damaged as damaged:
        if damaged.time is None or damaged.time <= last + ROUNDING:
            where = "" if damaged.time is None else f" at {damaged.time:.2f} s"
            raise KinetraceError(f"{path}{where}: {damaged}; record it anew, or leave it out") from None
