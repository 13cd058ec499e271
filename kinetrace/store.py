"""Results of work on one clip, kept by the clip's content: repeated work is looked up.

The store lies outside stage outputs (DVC deletes those before a stage runs) and is safe to delete.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kinetrace.files import digest_of, write_bytes
from kinetrace.parallel import clip_map
from kinetrace.workload import Clip

CHUNK = 256  # clips a transaction: what a killed run loses at most


class Store:
    """Values of one function: keyed by its name, version and parameters, and by the clip's digest."""

    def __init__(self, folder: Path, function: str, version: int, params: Any = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._prefix = digest_of([function, version, params])
        self._objects = folder / "objects"
        self._database = sqlite3.connect(folder / "clips.db", timeout=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def _key(self, digest: str) -> str:
        return hashlib.sha256(f"{self._prefix}:{digest}".encode()).hexdigest()

    def get(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The known values among ``digests``."""
        found = {}
        for digest in digests:
            row = self._database.execute("SELECT value FROM result WHERE key = ?", (self._key(digest),)).fetchone()
            if row is not None:
                found[digest] = row[0]
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values by digest, all or none."""
        pairs = [(self._key(digest), value) for digest, value in values.items()]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO result VALUES (?, ?)", pairs)

    def object(self, digest: str) -> Path:
        """Where a large value (a shard) is kept; the file may not exist yet."""
        key = self._key(digest)
        return self._objects / key[:2] / key[2:]

    def put_object(self, digest: str, content: bytes) -> Path:
        """Keep a large value as a file of its own."""
        path = self.object(digest)
        write_bytes(path, content)
        return path

    def map(
        self, function: Callable[[Clip], bytes], clips: Sequence[Clip], jobs: int, label: str
    ) -> Iterator[tuple[str, bytes]]:
        """(digest, value) of every clip in order; only clips never seen are read and computed."""
        known = self.get([clip["digest"] for clip in clips])
        missing = [clip for clip in clips if clip["digest"] not in known]
        fresh: dict[str, bytes] = {}
        for clip, value in zip(missing, clip_map(function, missing, jobs, label), strict=True):
            fresh[clip["digest"]] = value
            if len(fresh) >= CHUNK:
                self.put(fresh)
                known |= fresh
                fresh = {}
        self.put(fresh)
        known |= fresh
        return ((clip["digest"], known[clip["digest"]]) for clip in clips)


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, by link where the disk allows, else by copy."""
    try:
        os.link(source, target)
    except OSError:
        target.write_bytes(source.read_bytes())
