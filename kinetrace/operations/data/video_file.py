"""A recording as a video file, decoded by PyAV."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from kinetrace.operations.data.pictures import Damaged, Picture
from kinetrace.operations.data.reading import Reading

FORMATS = ("mov", "matroska", "avi", "mpegts", "mpeg", "asf", "flv", "ogg")  # no playlist that would open other files
SEEKABLE = ("mov", "matroska")  # whose index and times are exact; others are decoded from their beginning
BACK = (0.0, 4.0)  # seconds before what is wanted, until a key frame is found that suffices
HOLE = 1.5  # usual intervals: a wider one lacks a picture


class Undecodable(Exception):
    """The decoder refused a packet, after so many ``packets``, whose picture is ``due``."""

    def __init__(self, packets: int, due: float | None) -> None:
        super().__init__(packets, due)
        self.packets, self.due = packets, due


@dataclass(frozen=True)
class VideoFile:
    """A video in one of ``FORMATS``; its first video stream counts, cover pictures apart.

    Rotation in the metadata is ignored: pictures are as stored. ``threads`` of the decoder; with more than one, some
    damage in a file goes unnoticed.
    """

    path: Path
    threads: int = 1

    @property
    def started(self) -> float | None:
        """Unix seconds of ``creation_time`` in the metadata, which most cameras set as they start; else None."""
        with self._open() as state:
            said = state.container.metadata.get("creation_time") or state.stream.metadata.get("creation_time", "")
        with suppress(ValueError):
            time = datetime.fromisoformat(said)
            return time.timestamp() if time.year > 1970 and time.tzinfo else None  # 1904 and 1970 mean unset
        return None

    def pictures(self, start: float = 0.0) -> Iterator[Picture]:
        """From the last picture shown at ``start``, or one before it, on.

        Raises:
            Damaged: a packet cannot be decoded, or the file ends before the length that it states.
        """
        shown = float("-inf")
        for begin in [start - back for back in BACK if start > back]:
            known = shown
            with suppress(Damaged):  # no key frame, or pictures lean on some before it: read from further back
                for picture in self._sought(begin, start):
                    if picture.time > known:
                        yield picture
                        shown = picture.time
                return
        yield from (picture for picture in self._read() if picture.time > shown)

    def _sought(self, begin: float, start: float) -> Iterator[Picture]:
        """From the key frame before ``begin``; Damaged where it comes after ``start``."""
        with closing(self._read(begin)) as pictures:
            first = next(pictures, None)
            if first is None or first.time > start:
                raise Damaged("no key frame before it")
            yield first
            yield from pictures

    def _read(self, begin: float | None = None) -> Generator[Picture, None, None]:
        """From the key frame before ``begin``, or from the beginning, in the order of showing."""
        count = 0
        try:
            for picture in self._decoded(begin):
                yield picture
                count += 1
            return
        except Undecodable as failed:
            packets, due = failed.packets, failed.due
        whole = islice(self._decoded(begin, packets), count, None)  # with a packet a decoder may refuse a good picture
        yield from (picture for picture in whole if due is None or picture.time < due)
        raise Damaged("a frame is cut off or damaged", due)

    def _decoded(self, begin: float | None, limit: int | None = None) -> Iterator[Picture]:
        """The same, or Undecodable; of the first ``limit`` packets."""
        with self._open() as state:
            if begin is not None:
                _seek(state, begin)
            for packet in _demuxed(state, limit):
                yield from _pictures(packet, state)
            yield from _drained(state, limit is not None)
            if begin is None and limit is None:
                _refuse_short(state)

    @contextmanager
    def _open(self) -> Iterator[Reading]:
        options = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}
        try:
            container = av.open(str(self.path.resolve()), options=options, metadata_errors="replace")
        except (av.FFmpegError, ValueError):
            raise Damaged("no video that can be opened: expected an mp4, mkv, webm or avi file, not cut off") from None
        with container:
            yield Reading(container, self._stream(container))

    def _stream(self, container: InputContainer) -> VideoStream:
        streams = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
        stream = next(streams, None)
        if stream is None:
            raise Damaged("no video stream in the file")
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self.threads
        stream.codec_context.options = {"err_detect": "explode"}  # say so rather than guess what is missing
        return stream


def _seek(state: Reading, time: float) -> None:
    if state.kind not in SEEKABLE:
        raise Damaged("decoded from its beginning")
    try:
        state.container.seek(int((time + state.origin) / state.base), stream=state.stream)
    except av.FFmpegError:
        raise Damaged("cannot be sought") from None


def _demuxed(state: Reading, limit: int | None) -> Iterator[av.Packet]:
    try:
        packets = (packet for packet in state.container.demux(state.stream) if packet.size)
        yield from islice(packets, limit)
    except av.FFmpegError:
        raise Undecodable(state.packets, None) from None


def _pictures(packet: av.Packet, state: Reading) -> Iterator[Picture]:
    try:
        frames = [] if packet.is_corrupt else packet.decode()
    except av.FFmpegError:
        packet.is_corrupt = True
    if packet.is_corrupt:
        raise Undecodable(state.packets, state.due(packet))
    state.accept(packet)
    yield from map(state.picture, frames)


def _refuse_short(state: Reading) -> None:
    """Some containers stop without an error where a file is cut off."""
    if state.lacks(state.end):
        raise Damaged(f"ends at {state.end:.2f} s of {state.stated:.2f} s", state.end)


def _drained(state: Reading, damaged: bool = False) -> Iterator[Picture]:
    """What the decoder still holds, up to the first hole where the file is damaged or shorter than it says."""
    before, usual = state.last, state.usual
    held, reason = _held(state)
    short = damaged or reason is not None or state.lacks(state.end)
    for picture in held:
        if short and before and usual and picture.time - before.time > HOLE * usual:
            break
        yield picture
        before = picture
    if reason:
        raise reason


def _held(state: Reading) -> tuple[list[Picture], Damaged | None]:
    pictures: list[Picture] = []
    try:
        for frame in state.stream.codec_context.decode(None):
            pictures.append(state.picture(frame))
    except Damaged as damaged:
        return pictures, damaged
    except av.FFmpegError:
        return pictures, Damaged("a frame cannot be decoded", state.end)
    return pictures, None
