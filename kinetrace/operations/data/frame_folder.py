"""A recording as a folder of JPEG files that are named by their time, as OpenPack publishes Kinect's colour frames."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import av

from kinetrace.operations.data.pictures import Damaged, Picture

NAME = re.compile(r"\d{8}_\d{6}_\d{3}")  # local time: 20220329_142511_030
ZONE = timezone(timedelta(hours=9))  # OpenPack was recorded in Japan
SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class FrameFolder:
    """The JPEG files in ``path`` and the folders below; the earliest name is second 0."""

    path: Path

    @cached_property
    def files(self) -> list[tuple[float, Path]]:
        """Unix seconds and file, in order.

        Raises:
            Damaged: there is none, or a name is no time.
        """
        found = [path for path in self.path.rglob("*") if path.suffix.lower() in SUFFIXES]
        if not found:
            raise Damaged("no .jpg file in the folder or below")
        return sorted((_unix(path), path) for path in found)

    @property
    def started(self) -> float:
        """Unix seconds of the first frame, from its name."""
        return self.files[0][0]

    def pictures(self, start: float = 0.0) -> Iterator[Picture]:
        """From the last picture shown at ``start`` on; each is shown until the next, the last one as the one before.

        Raises:
            Damaged: a file cannot be decoded.
        """
        times = [round(unix - self.started, 3) for unix, _ in self.files]
        first = max((place for place, time in enumerate(times) if time <= start), default=0)
        spans = [after - time for time, after in pairwise(times)]
        spans.append(spans[-1] if spans else 0.0)
        for place in range(first, len(times)):
            yield Picture(times[place], spans[place], _decoded(self.files[place][1], times[place]))


def _unix(path: Path) -> float:
    if not NAME.fullmatch(path.stem):
        raise Damaged(f"{path.name} has no time for a name: expected one such as 20220329_142511_030.jpg")
    try:
        return datetime.strptime(path.stem + "000", "%Y%m%d_%H%M%S_%f").replace(tzinfo=ZONE).timestamp()
    except ValueError:
        raise Damaged(f"{path.name} has no real time for a name") from None


def _decoded(path: Path, time: float) -> av.VideoFrame:
    codec = av.VideoCodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    codec.options = {"err_detect": "explode"}
    try:
        [frame] = codec.decode(av.Packet(path.read_bytes()))
    except (av.FFmpegError, ValueError):
        raise Damaged(f"{path.name} is no whole JPEG picture", time) from None
    if frame.is_corrupt:
        raise Damaged(f"{path.name} is damaged", time)
    return frame
