"""OpenPack's layout: ``<user>/annotation/openpack-operations/<session>.csv`` and ``<user>/kinect/color*/``."""

from dataclasses import dataclass
from pathlib import Path

from kinetrace.conventions import UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.operations.data import annotations
from kinetrace.operations.data.clock import local, started
from kinetrace.operations.data.found import NAME, VIDEOS, Found, judged, ordered, unique, within
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.operations.data.vocabulary import subject_of

ANNOTATIONS = f"annotation/{annotations.OPERATIONS}"
EXPECTED = (
    f"OpenPack's layout (<user>/{ANNOTATIONS}/<session>.csv with <user>/kinect/color/<session>.mp4 "
    "or <user>/kinect/color/frames/<session>/)"
)


@dataclass(frozen=True)
class Session:
    """What there is of one session of a user: None for what there is not."""

    name: str
    annotation: Path | None
    media: Path | None  # video, or folder of frames


def users(folder: Path) -> list[Path]:
    """The folders of users in ``folder``, or ``folder`` itself where it is one user's; empty in another layout."""
    if _is_user(folder):
        return [folder]
    return [path for path in sorted(folder.iterdir()) if path.name[0] != "." and _is_user(path)]


def _is_user(folder: Path) -> bool:
    return (folder / ANNOTATIONS).is_dir() or bool(_colours(folder))


def _colours(user: Path) -> list[Path]:
    """The folders of RGB, the plain one first."""
    return sorted(path for path in user.glob("kinect/color*") if path.is_dir())


def sessions(user: Path) -> list[Session]:
    """All that have an annotation or a video, by name."""
    told = {path.stem: path for path in sorted((user / ANNOTATIONS).glob("*.csv")) if path.name[0] != "."}
    media = _media(user)
    return [Session(name, told.get(name), media.get(name)) for name in sorted({*told, *media})]


def _media(user: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for colour in _colours(user):
        for path in sorted(colour.iterdir()):
            if path.suffix.lower() in VIDEOS and path.name[0] != ".":
                found.setdefault(path.stem, path)
        for path in sorted(colour.glob("frames/*")):
            if path.is_dir():
                found.setdefault(path.name, path)
    return found


def owner(user: Path, alone: bool) -> str:
    """Whose a user's folder is: as it is named, or where it is the whole data set as the annotations say."""
    if not alone:
        return user.name
    for session in sessions(user):
        try:
            return annotations.operations(session.annotation)[0].user if session.annotation else UNKNOWN
        except (KinetraceError, OSError, IndexError):
            continue
    return UNKNOWN


def recordings(folder: Path) -> list[Found]:
    """Every session of every user, with its recording or the reason why there is none. Nothing outside is looked at.

    Operations keep their true times where they begin before the video or end after it; those that end before it
    begins are left out.
    """
    homes = users(folder)
    named = [(home, owner(home, alone=home == folder)) for home in homes]
    return unique(_found(folder, user, session) for home, user in named for session in sessions(home))


def _found(folder: Path, user: str, session: Session) -> Found:
    place = session.media or session.annotation
    source = place.relative_to(folder).as_posix() if place else ""
    told = Found(user, session.name, source)
    if session.annotation is None:
        return Found(user, session.name, source, absent=f"no annotation: expected {ANNOTATIONS}/{session.name}.csv")
    if session.media is None:
        return Found(user, session.name, source, absent=f"no video: expected kinect/color/{session.name}.mp4")
    annotation, media = session.annotation, session.media
    return judged(folder, told, lambda: _recording(folder, told, annotation, media))


def _recording(folder: Path, told: Found, annotation: Path, media: Path) -> Recording:
    for name in (told.user, told.session):
        if not NAME.fullmatch(name):
            raise KinetraceError(f"{name!r} is no plain name: use letters, digits, _ and -")
    for path in (annotation, media):
        within(folder, path.relative_to(folder).as_posix())
    operations = annotations.operations(annotation, told.user)
    segments = _segments(operations, started(folder, media), annotation)
    return Recording(told.user, subject_of(told.user), told.session, told.source, segments)


def _segments(operations: list[annotations.Operation], began: float, path: Path) -> tuple[Segment, ...]:
    """The operations in seconds of the video, to the microsecond."""
    segments = ordered((_segment(told, began), f"{path}, line {told.line}") for told in operations)
    inside = tuple(segment for segment in segments if segment.end > 0)
    if not segments:
        raise KinetraceError(f"{path} has no rows: expected one an operation")
    if all(segment.label == NULL for segment in inside):
        last = local(max(operation.end for operation in operations))
        raise KinetraceError(f"no operation after the video began, {local(began)}: the last one ended {last}")
    return inside


def _segment(told: annotations.Operation, began: float) -> Segment:
    return Segment(round(told.start - began, 6), round(told.end - began, 6), told.operation)
