"""``annotations.json`` and ``split_files.json`` of the CSL-Daily layout, as far as they can be trusted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinetrace.clips import COLUMNS, FACT
from kinetrace.conventions import UNKNOWN, UNUSED
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json

ANNOTATIONS, SPLITS = "annotations.json", "split_files.json"
LISTS = {"train": "train", "val": "val", "dev": "val", "test": "test"}  # a list's name to the split's
USED = ("name", "text", "gloss", "num_frames", "signer")
OWN = ("gloss", "split")  # columns of ours that a further field may not replace


@dataclass(frozen=True)
class Entry:
    """What ``annotations.json`` says of one clip; texts as they were written, "" where a field is absent.

    ``num_frames`` is text, for the contract to judge; ``fields``: the further fields as text; ``times``: how many
    entries have this name; ``problem``: why the entry is no object of fields.
    """

    text: str = ""
    gloss: str = ""
    num_frames: str = ""
    signer: str = UNKNOWN
    fields: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    problem: str | None = None


def annotations(raw: Path) -> dict[str, Entry] | None:
    """The entries by clip name, None where the file is absent.

    Raises:
        KinetraceError: the file is no JSON, or neither an object by name nor a list of objects with a ``name``.
    """
    path = raw / ANNOTATIONS
    if not path.is_file():
        return None
    content = _json(path)
    entries: dict[str, Entry] = {}
    for name, value in _named(path, content):
        known = entries.get(name)
        entries[name] = Entry(**{**vars(known), "times": known.times + 1}) if known else _entry(value)
    return entries


def splits(raw: Path) -> dict[str, str] | None:
    """The split of each listed name, several joined by `` and ``; None where the file is absent.

    Raises:
        KinetraceError: the file is no JSON, or no object of lists of names under train, val or dev, and test.
    """
    path = raw / SPLITS
    if not path.is_file():
        return None
    content = _json(path)
    wrong = set(content) - set(LISTS) if isinstance(content, dict) else {type(content).__name__}
    if wrong:
        raise KinetraceError(
            f"{path}: found {', '.join(sorted(wrong))}; expected lists under train, val (or dev), test"
        )
    found: dict[str, set[str]] = {}
    for key, names in content.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise KinetraceError(f"{path}, {key}: expected a list of clip names")
        for name in names:
            found.setdefault(_plain(name), set()).add(LISTS[key])
    return {name: " and ".join(sorted(where)) for name, where in found.items()}


def split_of(name: str, listed: Mapping[str, str]) -> str:
    """The split of a clip; ``unused`` where no list has it."""
    return listed.get(name, UNUSED)


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except (ValueError, RecursionError) as error:
        raise KinetraceError(f"{path} is not valid JSON: {error}") from None


def _named(path: Path, content: Any) -> list[tuple[str, Any]]:
    if isinstance(content, dict):
        return [(_plain(name), value) for name, value in content.items()]
    if not isinstance(content, list):
        raise KinetraceError(f"{path}: found a {type(content).__name__}; expected an object by clip name, or a list")
    for number, value in enumerate(content, 1):
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            raise KinetraceError(f"{path}, entry {number}: expected an object with the field name")
    return [(_plain(value["name"]), value) for value in content]


def _plain(name: str) -> str:
    """A clip's name without the suffix of its array."""
    return name.removesuffix(".npy")


def _entry(value: Any) -> Entry:
    if not isinstance(value, dict):
        return Entry(problem=f"its entry is {json.dumps(value, ensure_ascii=False)}, expected an object of fields")
    gloss = value.get("gloss")
    joined = " ".join(map(_text, gloss)) if isinstance(gloss, list) else _text(gloss)
    further = {_column(name): _text(found) for name, found in value.items() if name not in USED}
    signer = _text(value.get("signer")) or UNKNOWN
    return Entry(_text(value.get("text")), joined, _text(value.get("num_frames")), signer, further)


def _text(value: Any) -> str:
    """A JSON value as one string; nothing for null."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _column(name: str) -> str:
    """A further field's column; one that would hide a column of ours is called ``given_*``."""
    return f"given_{name}" if name in COLUMNS or name in OWN or name.startswith(FACT) else name
