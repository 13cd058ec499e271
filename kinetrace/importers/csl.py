"""A folder in CSL-Daily's layout, adopted as it is: arrays and JSON files byte for byte."""

import shutil
from pathlib import Path

from kinetrace.conventions import SPLITS, UNKNOWN
from kinetrace.errors import KinetraceError
from kinetrace.files import inside, write_json
from kinetrace.importers.recording import Delivered, shortened
from kinetrace.tokens.data import annotations, reader

EXPECTED = f"{reader.FOLDER}/<name>.npy, {annotations.ANNOTATIONS} and perhaps {annotations.SPLITS}"


def convert(folder: Path, target: Path, fps: float | None = None) -> Delivered:
    """Copy the arrays, good and bad, and the JSON files; ``fps`` goes before what ``layout.json`` says.

    Judging a clip is the contract's part. An array outside ``folder`` (a link) is left out and named.

    Raises:
        KinetraceError: a file of the layout is missing, or a JSON file is not what it should be.
    """
    files, entries = _arrays(folder), annotations.annotations(folder)
    if entries is None:
        raise KinetraceError(f"{folder / annotations.ANNOTATIONS} is missing: expected {EXPECTED}")
    listed = annotations.splits(folder)
    rate = fps or reader.layout(folder).fps
    delivered = Delivered()
    copied = [name for name, source in files.items() if _copied(folder, source, target, delivered)]
    shutil.copyfile(folder / annotations.ANNOTATIONS, target / annotations.ANNOTATIONS)
    if listed is None:
        write_json(target / annotations.SPLITS, {split: [] for split in SPLITS})
    else:
        shutil.copyfile(folder / annotations.SPLITS, target / annotations.SPLITS)
    write_json(target / reader.LAYOUT, {"fps": rate})
    lost = sorted({*entries, *(listed or {})} - set(copied))
    delivered.notes.extend(filter(None, [shortened("names without an array, left to validate:", lost)]))
    known = [entries[name] for name in copied if name in entries]
    delivered.clips = len(copied)
    delivered.subjects = len({entry.signer for entry in known} or {UNKNOWN})
    delivered.labels = len({entry.text or entry.gloss for entry in known})
    return delivered


def _arrays(folder: Path) -> dict[str, str]:
    if not (folder / reader.FOLDER).is_dir():
        raise KinetraceError(f"there is no folder {folder / reader.FOLDER}: expected {EXPECTED}")
    return reader.arrays(folder)


def _copied(folder: Path, source: str, target: Path, delivered: Delivered) -> bool:
    try:
        path = inside(folder, source)
        if not path.is_file():
            raise KinetraceError("no such file")
    except (KinetraceError, OSError, RuntimeError):  # leads outside, nowhere or in a circle
        delivered.skipped.append(f"{source} (no file of this folder)")
        return False
    (target / source).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target / source)
    return True
