"""Any folder of videos with a table of operations in seconds: ``operations.csv``, or ``<video>.csv`` beside each."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kinetrace import csvtable
from kinetrace.conventions import UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.found import VIDEOS, Found, judged, ordered, unique, within
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.rules import PLAIN_NAME

TABLE, FOLDER = "operations.csv", "videos"
REQUIRED = ("start", "end", "label")
EXPECTED = f"a folder of videos with {TABLE} (video_file, start, end, label) or <video>.csv beside each"
DECIMAL = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Row:
    """One line of a table as it is written; ``place`` names file and line."""

    place: str
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.fields.get(name, "").strip()


@dataclass(frozen=True)
class Told:
    """What tables say of one video: ``name`` is its path in the folder, or where there is none what is written;
    ``problem`` where its table cannot be read."""

    name: str
    rows: list[Row] = field(default_factory=list)
    problem: str = ""


def holds(folder: Path) -> bool:
    """Whether ``folder`` is in this layout."""
    return (folder / TABLE).is_file() or any((folder / name).with_suffix(".csv").is_file() for name in videos(folder))


def videos(folder: Path) -> list[str]:
    """The videos below ``folder``, hidden ones apart, as relative paths in order."""
    every = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and not path.is_dir())
    found = (path.relative_to(folder) for path in every)
    return sorted(path.as_posix() for path in found if not any(part[0] == "." for part in path.parts))


def told(folder: Path, path: Path | None = None) -> list[Told]:
    """Every video that the tables name or the folder holds, with its rows.

    ``path``: the table; by default ``operations.csv`` of ``folder``, or else the tables beside its videos.

    Raises:
        KinetraceError: the one table cannot be read, has no rows, or names no videos where there are several.
    """
    if path or (folder / TABLE).is_file():
        return _of_table(folder, path or folder / TABLE)
    return [_beside(folder, name) for name in videos(folder)]


def _of_table(folder: Path, path: Path) -> list[Told]:
    rows, present = _rows(path), videos(folder)
    if not rows:
        raise KinetraceError(f"{path} has no rows: expected one an operation")
    only = present[0] if len(present) == 1 else ""
    if not only and "video_file" not in rows[0].fields:
        raise KinetraceError(
            f"{path} has no column video_file, and {folder} holds {len(present)} videos: name each row's video there"
        )
    grouped, places = dict[str, Told](), dict[str, str]()
    for row in rows:
        name = row.text("video_file").replace("\\", "/") or only
        if name not in places:
            places[name] = place_of(folder, name) or name
        grouped.setdefault(places[name], Told(places[name])).rows.append(row)
    return [*grouped.values(), *(Told(name) for name in present if name not in grouped)]


def _beside(folder: Path, name: str) -> Told:
    path = (folder / name).with_suffix(".csv")
    if not path.is_file():
        return Told(name)
    try:
        within(folder, path.relative_to(folder).as_posix())
        return Told(name, _rows(path))
    except KinetraceError as error:
        return Told(name, problem=str(error))


def _rows(path: Path) -> list[Row]:
    table = csvtable.read(path, REQUIRED)
    texts = ({str(name): str(value) for name, value in row.items()} for row in table.to_dict("records"))
    return [Row(f"{path.name}, line {line}", row) for line, row in zip(table.index, texts, strict=True)]


def place_of(folder: Path, name: str) -> str:
    """The path relative to ``folder`` that ``name`` means, also below ``videos/``; "" where there is no such file."""
    for candidate in (name, f"{FOLDER}/{name}"):
        try:
            if within(folder, candidate).is_file() and not PurePosixPath(candidate).is_absolute():
                return PurePosixPath(candidate).as_posix()
        except KinetraceError:
            continue
    return ""


def video(folder: Path, name: str) -> str:
    """The path of the video ``name``, relative to ``folder``; nothing outside is ever looked at.

    Raises:
        KinetraceError: there is no such file, or it lies outside ``folder``.
    """
    if not name:
        raise KinetraceError("video_file is empty, and there are several videos: name one")
    place = place_of(folder, name)
    if not place:
        within(folder, name)  # says what is wrong
    if not re.search(PLAIN_NAME, place):
        raise KinetraceError(f"{name!r} is no plain path of a file: give one inside the folder, without ..")
    return place


def recordings(folder: Path, path: Path | None = None) -> list[Found]:
    """Every video with its recording, or the reason why there is none.

    Without ``subject`` the person is unknown, without ``session`` it is named after the video.

    Raises:
        KinetraceError: as ``told``.
    """
    return unique(_found(folder, item) for item in told(folder, path))


def _found(folder: Path, item: Told) -> Found:
    first = item.rows[0] if item.rows else Row("", {})
    subject, session = first.text("subject") or UNKNOWN, first.text("session") or _stem(item.name)
    found = Found(_safe(subject), _safe(session), item.name)
    if not item.rows and not item.problem:
        return Found(found.user, found.session, found.source, absent="no row of a table names this video")

    def build() -> Recording:
        if item.problem:
            raise KinetraceError(item.problem)
        source = video(folder, item.name)
        _one("subject", item.rows)
        _one("session", item.rows)
        segments = ordered((_segment(row), row.place) for row in item.rows)
        return Recording(found.user, subject, found.session, source, segments)

    return judged(folder, found, build)


def _stem(place: str) -> str:
    return PurePosixPath(place.removeprefix(f"{FOLDER}/")).with_suffix("").as_posix() if place else ""


def _safe(name: str) -> str:
    return re.sub(r"^-|[^\w-]+", "_", name)[:80] or "_"


def _one(name: str, rows: list[Row]) -> None:
    given = rows[0].text(name)
    for row in rows:
        if row.text(name) != given:
            raise KinetraceError(
                f"{row.place}: {name} is {row.text(name)!r}, expected {given!r} as in the video's first row"
            )


def _segment(row: Row) -> Segment:
    label = row.text("label")
    if not label.isprintable() or not label:
        raise KinetraceError(f"{row.place}: label is {label[:60]!r}, expected the operation's name")
    return Segment(_seconds(row, "start"), _seconds(row, "end"), NULL if label.casefold() == "null" else label)


def _seconds(row: Row, name: str) -> float:
    text = row.text(name)
    value = float(text) if DECIMAL.fullmatch(text) else math.nan
    if not 0 <= value < math.inf:
        raise KinetraceError(f"{row.place}: {name} is {text[:60]!r}, expected seconds of the video such as 12.5")
    return value
