"""Who made what the champion, when and why: JSON Lines that are only appended to, each bound to the one before.

``previous`` is the SHA-256 of the line before and ``hash`` that of the entry itself, so that a changed, removed
or inserted line is found. Lines cut off the end leave no trace in the file.
"""

import fcntl
import getpass
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kinetrace.errors import KinetraceError
from kinetrace.files import digest_of

START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """A decision: ``before`` and ``after`` are bundle digests of the champion, ``""`` for none."""

    when: str  # UTC, ISO 8601
    who: str
    workload: str
    action: str  # promote, refuse or rollback
    before: str
    after: str
    why: str

    @classmethod
    def now(cls, root: Path, workload: str, action: str, before: str, after: str, why: str) -> "Entry":
        """An entry by the person at the keyboard, at this moment."""
        when = datetime.now(UTC).isoformat(timespec="microseconds")
        return cls(when, person(root), workload, action, before, after, why)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Entry":
        """The entry of a line."""
        names = {"before": "from", "after": "to"}
        return cls(**{name: values[names.get(name, name)] for name in cls.__dataclass_fields__})

    def as_dict(self) -> dict[str, str]:
        """As it stands in the ledger: ``from`` and ``to`` by those names."""
        values = asdict(self)
        return values | {"from": values.pop("before"), "to": values.pop("after")}


def append(path: Path, entry: Entry) -> None:
    """Add ``entry`` and wait until it is on disk; safe for many writers. An entry already there is not repeated.

    A line that a killed writer left half-written is cut off, and the new entry says so under ``cut``.

    Raises:
        KinetraceError: an earlier line was altered.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        whole, cut = _split(stream.read())
        known = _parse(path, whole)
        if any(entry == Entry.of(values) for values in known):
            return
        stream.truncate(len(whole))
        stream.write(_line(entry, known, cut))
        stream.flush()
        os.fsync(stream.fileno())


def entries(path: Path, workload: str | None = None) -> list[Entry]:
    """All entries in order, or those of one workload; the chain is verified on the way.

    Raises:
        KinetraceError: names the first line that was altered.
    """
    content = path.read_bytes() if path.is_file() else b""
    known = [Entry.of(values) for values in _parse(path, _split(content)[0])]
    return [entry for entry in known if workload in (None, entry.workload)]


def person(root: Path) -> str:
    """The git user of the workspace, else the user of this machine."""
    try:
        command = ["git", "config", "user.email"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return getpass.getuser()
    return done.stdout.strip() or getpass.getuser()


def _split(content: bytes) -> tuple[bytes, bytes]:
    """The whole lines, and what stands after the last of them."""
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _line(entry: Entry, known: list[dict[str, Any]], cut: bytes) -> bytes:
    values: dict[str, Any] = entry.as_dict() | {"previous": known[-1]["line"] if known else START}
    if cut:
        values["cut"] = cut.decode(errors="backslashreplace")
    values["hash"] = digest_of(values)
    return (json.dumps(values, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _parse(path: Path, whole: bytes) -> list[dict[str, Any]]:
    """The entries, each with the SHA-256 of its own line under ``line``."""
    found: list[dict[str, Any]] = []
    previous = START
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        values = _checked(line, previous)
        if values is None:
            raise KinetraceError(
                f"{path}, line {number}: the ledger was altered here (it no longer follows from the line before): "
                f"restore it from a copy, or move it away to begin a new one"
            )
        previous = hashlib.sha256(line).hexdigest()
        found.append(values | {"line": previous})
    return found


def _checked(line: bytes, previous: str) -> dict[str, Any] | None:
    try:
        values: dict[str, Any] = json.loads(line)
        own = values.pop("hash")
        Entry.of(values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return values if own == digest_of(values) and values.get("previous") == previous else None
