"""Results of work on one clip, kept by the clip's content: repeated work is looked up.

The store lies outside stage outputs (DVC deletes those before a stage runs) and is safe to delete.
"""

import ast
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from kinetrace.errors import KinetraceError
from kinetrace.files import digest_of
from kinetrace.parallel import clip_map
from kinetrace.workload import Clip, Job

CHUNK = 256  # clips a transaction: what a killed run loses at most
LEFTOVER = 86_400.0  # seconds after which an unfinished object belongs to a killed writer


class Store:
    """Values of one function: keyed by its name and parameters, and by the clip's digest."""

    def __init__(self, folder: Path, function: str, params: Any = None) -> None:
        self._prefix = digest_of([function, params])
        self._objects = folder / "objects"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._database = _connect(folder / "clips.db")

    def _key(self, digest: str) -> str:
        return hashlib.sha256(f"{self._prefix}:{digest}".encode()).hexdigest()

    def get(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The known values among ``digests``."""
        return dict(self._select("value", digests))

    def missing(self, digests: Sequence[str]) -> set[str]:
        """Those of ``digests`` that have no value."""
        return set(digests) - {digest for digest, _ in self._select("1", digests)}

    def _select(self, column: str, digests: Sequence[str]) -> Iterator[tuple[str, Any]]:
        query = f"SELECT {column} FROM result WHERE key = ?"
        for digest in digests:
            row = self._database.execute(query, (self._key(digest),)).fetchone()
            if row is not None:
                yield digest, row[0]

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values by digest, all or none."""
        pairs = [(self._key(digest), value) for digest, value in values.items()]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO result VALUES (?, ?)", pairs)

    def object(self, digest: str) -> Path:
        """Where a large value (a shard) is kept; the file may not exist yet."""
        key = self._key(digest)
        return self._objects / key[:2] / key[2:]

    def map(
        self, function: Callable[[Clip], bytes], clips: Sequence[Clip], jobs: int, label: str
    ) -> Iterator[tuple[str, bytes]]:
        """(digest, value) of every clip in order; only clips never seen are read and computed."""
        self._fill(function, clips, jobs, label)
        digests = [clip["digest"] for clip in clips]
        return (pair for start in range(0, len(clips), CHUNK) for pair in self._stored(digests[start : start + CHUNK]))

    def _stored(self, digests: Sequence[str]) -> list[tuple[str, bytes]]:
        values = self.get(digests)
        return [(digest, values[digest]) for digest in digests]

    def _fill(self, function: Callable[[Clip], bytes], clips: Sequence[Clip], jobs: int, label: str) -> None:
        missing = self.missing([clip["digest"] for clip in clips])
        todo = [clip for digest, clip in {clip["digest"]: clip for clip in clips}.items() if digest in missing]
        fresh: dict[str, bytes] = {}
        for clip, value in zip(todo, clip_map(function, todo, jobs, label), strict=True):
            fresh[clip["digest"]] = value
            if len(fresh) >= CHUNK:
                self.put(fresh)
                fresh = {}
        self.put(fresh)


def _connect(path: Path) -> sqlite3.Connection:
    """A database that readers and one writer share; a killed writer leaves the last complete transaction."""
    try:
        database = sqlite3.connect(path, timeout=60)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    except sqlite3.DatabaseError as error:
        raise KinetraceError(f"{path}: {error}; it only saves time: delete {path.parent} and run again") from None
    return database


@contextmanager
def new_object(path: Path) -> Iterator[Path]:
    """Yield a file of this writer's own to write to; it becomes ``path`` when complete.

    Unlike ``files.staged`` any number of processes may write the same object: the last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*"):
        with suppress(FileNotFoundError):  # another writer has just finished with it
            if time.time() - leftover.stat().st_mtime > LEFTOVER:
                leftover.unlink()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def reading(job: Job, module: str) -> list[str]:
    """What decides a clip's value beside its bytes: the workload's reading, and the code of ``module``."""
    return [job.workload.name, job.workload.reading(job.raw), code_of(module)]


def code_of(*modules: str) -> str:
    """Digest of the sources of ``modules`` and of all that they import of their own package, at any depth."""
    sources: dict[str, str] = {}
    pending = list(modules)
    while pending:
        name = pending.pop()
        if name not in sources:
            sources[name] = _source(name).read_text(encoding="utf-8")
            pending += _imports(sources[name], name.partition(".")[0])
    return digest_of(sources)


def _source(module: str) -> Path:
    package, *rest = module.split(".")
    folder = Path(str(import_module(package).__file__)).parent
    return folder.joinpath(*rest).with_suffix(".py") if rest else folder / "__init__.py"


def _imports(source: str, package: str) -> list[str]:
    """Modules of ``package`` that ``source`` imports."""
    nodes = list(ast.walk(ast.parse(source)))
    direct = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    direct += [str(node.module) for node in named]
    direct += [f"{node.module}.{alias.name}" for node in named for alias in node.names]
    return [name for name in direct if name.startswith(f"{package}.") and _source(name).is_file()]
