"""OpenPack, or one user's folder of it, as it is: annotations and RGB; depth, keypoints and sensors stay behind."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kinetrace.errors import KinetraceError
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered
from kinetrace.importers.videos import counted
from kinetrace.operations.data import annotations, openpack
from kinetrace.operations.data.clock import sidecars
from kinetrace.operations.data.found import NAME, within
from kinetrace.operations.data.frame_folder import SUFFIXES


def convert(folder: Path, target: Path) -> Delivered:
    """Copy of each session the annotations and its one RGB video (or frames) with the CSV that says when it began.

    Judging a recording is the contract's part. A link that leads outside ``folder`` is left out and named.

    Raises:
        KinetraceError: ``folder`` is not in OpenPack's layout.
    """
    if not folder.is_dir() or not (users := openpack.users(folder)):
        raise KinetraceError(f"{folder} holds no user of OpenPack: expected {openpack.EXPECTED}")
    delivered = Delivered(noun="recording")
    for user in users:
        name = openpack.owner(user, alone=user == folder)
        if NAME.fullmatch(name):
            _copy_user(folder, user, target / name, delivered)
        else:
            delivered.skipped.append(f"{name!r} (no plain name of a user)")
    if not target.is_dir():
        raise recording.nothing(delivered)
    delivered.notes.extend(_differences(target))
    return counted(openpack.recordings(target), delivered)


def _copy_user(folder: Path, user: Path, target: Path, delivered: Delivered) -> None:
    for session in openpack.sessions(user):
        for path in _files(folder, user, session):
            try:
                within(folder, path.relative_to(folder).as_posix())
            except KinetraceError as error:
                delivered.skipped.append(str(error))
                continue
            place = target / path.relative_to(user)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _files(folder: Path, user: Path, session: openpack.Session) -> Iterator[Path]:
    """What is taken of a session, links not yet followed."""
    for kind in annotations.KINDS:
        path = user / "annotation" / kind / f"{session.name}.csv"
        if os.path.lexists(path):
            yield path
    if session.media is None:
        return
    yield from sidecars(session.media)
    if session.media.is_dir() and session.media.resolve().is_relative_to(folder.resolve()):
        yield from sorted(path for path in session.media.rglob("*") if path.suffix.lower() in SUFFIXES)
    else:
        yield session.media


def _differences(target: Path) -> Iterator[str]:
    """A note for each session of which two annotation files disagree."""
    kind = f"{annotations.OPERATIONS}-1hz"
    for path in sorted(target.glob(f"*/annotation/{kind}/*.csv")):
        user, beside = path.parents[2].name, path.parents[1] / annotations.OPERATIONS / path.name
        try:
            given = annotations.slots(path, user)
            differ = annotations.disagreements(annotations.operations(beside, user), given)
        except KinetraceError:
            continue  # told of the recording, or of no use to anyone
        if differ:
            yield f"{user} {path.stem}: {len(differ):,} of {len(given.id_S):,} seconds differ in {kind}"
