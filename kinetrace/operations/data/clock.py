"""When the video of an OpenPack session began: annotations tell the time of day, videos seconds."""

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kinetrace import csvtable
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.found import PICTURES, within

JAPAN = timezone(timedelta(hours=9))  # where OpenPack was recorded; its frames are named by local time
FRAME = re.compile(r"(\d{8})_(\d{6})_(\d{3,6})")  # 20220329_142511_030: date, time, fraction of a second
MILLISECONDS = (10**11, 10**14)  # Unix times from 1973 to 5138: seconds or nanoseconds lie outside
OLDEST = 2000  # the year; containers write 1904 or 1970 where nobody set a clock
# What a stranger's file may be: playlists (HLS, concat) would open other files.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,asf"


@dataclass(frozen=True)
class Clock:
    """``started`` in Unix seconds; ``duration`` in seconds, None where the container does not say."""

    started: float
    duration: float | None

    def __str__(self) -> str:
        return datetime.fromtimestamp(self.started, JAPAN).isoformat(" ", "milliseconds")


def clock(folder: Path, media: Path) -> Clock:
    """When ``media`` below ``folder``, a video or a folder of frames, began: by a CSV beside it with the column
    ``unixtime`` (milliseconds, the first row's), else by the frames' names, else by the container's creation time.

    Raises:
        KinetraceError: nothing says it, or what does is not what it should be.
    """
    started, duration = _frames(media) if media.is_dir() else _header(media)
    for beside in sidecars(media)[:1]:
        within(folder, beside.relative_to(folder).as_posix())
        return Clock(_sidecar(beside), duration)
    if started is None:
        raise KinetraceError(
            f"{media}: nothing says when it began: give {media.parent / media.stem}.csv with the column unixtime, "
            "milliseconds of the first frame"
        )
    return Clock(started, duration)


def sidecars(media: Path) -> list[Path]:
    """The CSV beside a video, or beside a folder of frames or ``frames/``, that says when it began; or none."""
    places = (media.parent, media.parent.parent) if media.is_dir() else (media.parent,)
    found = (place / f"{media.name if media.is_dir() else media.stem}.csv" for place in places)
    return [path for path in found if os.path.lexists(path)]


def frame_time(name: str) -> float | None:
    """Unix seconds of a frame by its file's name, None where that is no time."""
    found = FRAME.fullmatch(Path(name).stem)
    if not found:
        return None
    date, time, fraction = found.groups()
    try:
        moment = datetime.strptime(date + time, "%Y%m%d%H%M%S").replace(tzinfo=JAPAN)
    except ValueError:
        return None
    return moment.timestamp() + float(f"0.{fraction}")


def first_picture(folder: Path, backwards: bool = False) -> Path | None:
    """The first picture below ``folder`` in the order of paths, or the last; only the folders on the way are listed."""
    for home, folders, names in os.walk(folder):
        pictures = [name for name in names if name.lower().endswith(PICTURES)]
        if pictures:
            return Path(home) / (max if backwards else min)(pictures)
        folders.sort(reverse=backwards)
    return None


def _frames(folder: Path) -> tuple[float | None, float | None]:
    edges = [first_picture(folder), first_picture(folder, backwards=True)]
    first, last = (frame_time(path.name) if path else None for path in edges)
    return first, None if first is None or last is None else last - first


def _header(video: Path) -> tuple[float | None, float | None]:
    """Creation time and duration as the container says them; no frame is decoded."""
    import av

    try:
        with av.open(str(video), options={"format_whitelist": CONTAINERS}) as container:
            said, length = container.metadata.get("creation_time", ""), container.duration
    except (av.error.FFmpegError, OSError) as error:
        raise KinetraceError(f"{video} cannot be opened: {error.strerror or 'no video'}") from None
    return _created(said), None if length is None else length / av.time_base


def _created(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo and moment.year >= OLDEST else None


def _sidecar(path: Path) -> float:
    table = csvtable.read(path, ("unixtime",))
    if table.empty:
        raise KinetraceError(f"{path} has no rows: expected one a frame with its unixtime in milliseconds")
    text = str(table["unixtime"].iloc[0]).strip()
    number = int(text) if text.isdecimal() and len(text) < 18 else 0
    if not MILLISECONDS[0] < number < MILLISECONDS[1]:
        line = table.index[0]
        raise KinetraceError(f"{path}, line {line}: unixtime is {text[:60]!r}, expected milliseconds since 1970")
    return number / 1000
