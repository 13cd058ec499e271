"""A video stream while it is read: the times of its pictures, and the length that its container states."""

import heapq
import statistics
from contextlib import suppress
from dataclasses import dataclass, field

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kinetrace.operations.data.pictures import Damaged, Picture

LACKING = {"mov": 0.5, "matroska": 1.5, "avi": 1.5}  # usual intervals: so much too short, a file was cut off


@dataclass
class Reading:
    """A stream while it is read; second 0 is where the earliest stream of its file starts."""

    container: InputContainer
    stream: VideoStream
    slots: list[float] = field(default_factory=list)  # of AVI, where only packets have times: when one is due
    packets: int = 0
    intervals: list[float] = field(default_factory=list)
    last: Picture | None = None

    def __post_init__(self) -> None:
        self.kind = self.container.format.name.split(",")[0]
        self.base = float(self.stream.time_base or 1 / av.time_base)  # seconds a tick
        self.origin = max(0.0, (self.container.start_time or 0) / av.time_base)  # sound cut at the front moves nothing

    @property
    def usual(self) -> float:
        """The median interval between pictures in seconds, 0 before the second."""
        return statistics.median(self.intervals) if self.intervals else 0.0

    @property
    def end(self) -> float:
        """Of the last picture."""
        return self.last.end if self.last else 0.0

    def due(self, packet: av.Packet) -> float | None:
        """When the packet's picture is to be shown."""
        return None if packet.pts is None else packet.pts * self.base - self.origin

    def accept(self, packet: av.Packet) -> None:
        """Count a packet, and note when it is due."""
        self.packets += 1
        if self.kind == "avi" and packet.dts is not None:
            heapq.heappush(self.slots, packet.dts * self.base)

    def picture(self, frame: av.VideoFrame) -> Picture:
        """The next picture, never before the last one.

        Raises:
            Damaged: parts of it are guesses of the decoder.
        """
        time = self.end
        if self.slots:
            time = heapq.heappop(self.slots) - self.origin
        elif frame.pts is not None:
            time = frame.pts * self.base - self.origin
        if frame.is_corrupt:
            raise Damaged("a picture is damaged", time)
        if self.last:
            time = max(time, self.last.time)
            self.intervals.append(time - self.last.time)
        self.last = Picture(time, (frame.duration or 0) * self.base, frame)
        return self.last

    @property
    def stated(self) -> float:
        """Where the container says that the stream ends, in seconds; 0 where it does not say."""
        stream, tag = self.stream, self.stream.metadata.get("DURATION", "")
        if self.kind == "avi":
            return float(stream.frames / (stream.average_rate or 1))
        with suppress(ValueError):
            hours, minutes, seconds = map(float, tag.split(":"))  # of Matroska: 00:00:10.333000000
            return 3600 * hours + 60 * minutes + seconds - self.origin
        if stream.duration is not None:
            return (stream.duration + (stream.start_time or 0)) * self.base - self.origin
        alone = len(self.container.streams) == 1
        return (self.container.duration or 0) / av.time_base if alone else 0.0

    def lacks(self, end: float) -> bool:
        """Whether a stream that ends at ``end`` is shorter than its container says."""
        missing = self.stated - end
        return self.kind in LACKING and missing > LACKING[self.kind] * self.usual + 0.001  # rounded to milliseconds
