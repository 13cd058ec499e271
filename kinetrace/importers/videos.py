"""Any folder of videos with a table of operations in seconds, as a data set of ``operations``."""

import shutil
from pathlib import Path, PurePosixPath

from kinetrace.errors import KinetraceError
from kinetrace.importers import recording
from kinetrace.importers.recording import Delivered, Names
from kinetrace.operations.data import table, writer
from kinetrace.operations.data.found import Found
from kinetrace.operations.data.recordings import NULL


def convert(folder: Path, target: Path, path: Path | None = None) -> Delivered:
    """Copy the videos, good and bad, into ``videos/`` and the rows of ``path``, or of the tables in ``folder``.

    Judging a recording is the contract's part: a row whose video is not in ``folder`` keeps the path it was given.

    Raises:
        KinetraceError: ``folder`` has no table, or one that cannot be read, or no video of it is there.
    """
    if not folder.is_dir() or not (path or table.holds(folder)):
        raise KinetraceError(f"{folder} holds no table: expected {table.EXPECTED}, or give --table TABLE.csv")
    names, rows, delivered = Names(), list[dict[str, str]](), Delivered(noun="recording")
    (target / table.FOLDER).mkdir(parents=True)
    told = table.told(folder, path)
    # The lost ones take their names first: no other video may come to lie where such a row points.
    for item in sorted(told, key=lambda item: bool(table.place_of(folder, item.name))):
        if item.problem:
            delivered.skipped.append(item.problem)
            continue
        name = _copied(folder, item.name, target, names, delivered)
        rows.extend({**row.fields, "video_file": name} for row in item.rows)
    if not any((target / table.FOLDER).iterdir()):
        raise recording.nothing(delivered)
    writer.write(target, rows)
    return counted(table.recordings(target), delivered)


def _copied(folder: Path, name: str, target: Path, names: Names, delivered: Delivered) -> str:
    """The video's new name; the given one where ``folder`` has no such file."""
    suffix = PurePosixPath(name).suffix
    safe = names.give(name, name.removeprefix(f"{table.FOLDER}/").removesuffix(suffix))
    try:
        source = table.video(folder, name)
    except KinetraceError as error:
        delivered.skipped.append(str(error))
        return name
    place = f"{table.FOLDER}/{safe}{suffix.lower()}"
    shutil.copyfile(folder / source, target / place)
    return place


def counted(found: list[Found], delivered: Delivered) -> Delivered:
    """``delivered`` with what a data set has, and what of it ``validate`` will refuse and why."""
    usable = [item.recording for item in found if item.recording]
    refused = [f"{item.source}: {item.problem}" for item in found if item.problem]
    absent = [f"{item.source}: {item.absent}" for item in found if item.absent]
    delivered.clips = len(usable)
    delivered.subjects = len({item.subject for item in usable})
    delivered.labels = len({segment.label for item in usable for segment in item.segments} - {NULL})
    notes = (recording.shortened("unusable, left to validate:", refused), recording.shortened("incomplete:", absent))
    delivered.notes.extend(filter(None, notes))
    return delivered
