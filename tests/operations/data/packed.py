"""Data sets in OpenPack's layout for tests, sound and hostile."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kinetrace.operations.data.vocabulary import OPERATIONS

BEGAN = datetime(2022, 3, 29, 14, 25, 0, tzinfo=timezone(timedelta(hours=9)))
HEADER = "uuid,user,session,box,id,operation,start,end,actions"
Span = tuple[float, float, int]  # start and end in seconds of the video, and the operation's id
SPANS: tuple[Span, ...] = ((1.0, 4.5, 100), (4.5, 9.0, 300), (11.0, 15.25, 8100), (15.25, 20.0, 1000))


def moment(seconds: float) -> str:
    """As OpenPack writes it."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat(" ", "microseconds")


def line(user: str, session: str, span: Span) -> str:
    start, end, number = span
    name = OPERATIONS.get(number, "Null")
    return f"op:1,{user},{session},1,{number},{name},{moment(start)},{moment(end)},act:1;act:2"


def annotate(home: Path, session: str, user: str | None = None, spans: Iterable[Span] = SPANS) -> Path:
    """``openpack-operations`` of one session of the user whose folder is ``home``."""
    path = home / "annotation" / "openpack-operations" / f"{session}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [HEADER, *(line(user or home.name, session, span) for span in spans)]
    path.write_text("\n".join(lines) + "\n")
    return path


def record(home: Path, session: str, began: float | None = 0.0, suffix: str = ".mp4") -> Path:
    """A file that stands for a video, and beside it when it ``began``."""
    path = home / "kinect" / "color" / f"{session}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no video")
    if began is not None:
        first = round((BEGAN.timestamp() + began) * 1000)
        path.with_suffix(".csv").write_text(f"unixtime\n{first}\n{first + 67}\n")
    return path


def frames(home: Path, session: str, seconds: Iterable[float], colour: str = "color") -> Path:
    """Files named as Kinect's frames, a folder a minute."""
    root = home / "kinect" / colour / "frames" / session
    for at in seconds:
        time = BEGAN + timedelta(seconds=at)
        folder = root / time.strftime("%Y/%m/%d/%H/%M")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{time.strftime('%Y%m%d_%H%M%S')}_{time.microsecond // 1000:03d}.jpg").write_bytes(b"jpeg")
    return root


def dataset(folder: Path) -> Path:
    """Two people of three ids, a session each."""
    for user in ("U0101", "U0108", "U0203"):
        annotate(folder / user, "S0100")
        record(folder / user, "S0100")
    return folder
