"""When the video of an OpenPack session began: annotations tell the time of day, videos seconds."""

import os
from datetime import datetime
from pathlib import Path

from kinetrace import csvtable
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.found import within

MILLISECONDS = (10**11, 10**14)  # Unix times from 1973 to 5138: seconds or nanoseconds lie outside


def started(folder: Path, media: Path) -> float:
    """Unix seconds at which ``media`` below ``folder``, a video or a folder of frames, began: by a CSV beside it with
    the column ``unixtime`` (milliseconds, the first row's), else by the frames' names or the container's creation time.

    Raises:
        KinetraceError: nothing says it, what does is not what it should be, or the video cannot be opened.
    """
    for beside in sidecars(media)[:1]:
        within(folder, beside.relative_to(folder).as_posix())
        return _sidecar(beside)
    time = _recorded(media)
    if time is None:
        expected = media.parent / f"{stem(media)}.csv"
        raise KinetraceError(
            f"{media}: nothing says when it began: give {expected} with the column unixtime, milliseconds of each frame"
        )
    return time


def stem(media: Path) -> str:
    """The session that a video or a folder of frames is named after."""
    return media.name if media.is_dir() else media.stem


def sidecars(media: Path) -> list[Path]:
    """The CSV beside a video, or beside a folder of frames or ``frames/``, that says when it began; or none."""
    places = (media.parent, media.parent.parent) if media.is_dir() else (media.parent,)
    found = (place / f"{stem(media)}.csv" for place in places)
    return [path for path in found if os.path.lexists(path)]


def local(unix: float) -> str:
    """A moment as OpenPack writes it, to the millisecond."""
    from kinetrace.operations.data.frame_folder import ZONE

    return datetime.fromtimestamp(unix, ZONE).isoformat(" ", "milliseconds")


def _recorded(media: Path) -> float | None:
    from kinetrace.operations.data.frame_folder import FrameFolder
    from kinetrace.operations.data.pictures import Damaged
    from kinetrace.operations.data.video_file import VideoFile

    try:
        return FrameFolder(media).started if media.is_dir() else VideoFile(media).started
    except Damaged as damaged:
        raise KinetraceError(f"{media} is broken at frame 0: {damaged}") from None


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
