"""Files that are complete or absent, and the same bytes for the same content."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from kinetrace.errors import KinetraceError

ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that the zip format can hold


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a path beside ``target`` to write to (file or folder); it replaces ``target`` on success.

    A writer that fails leaves nothing; a killed one leaves only a ``.partial`` or ``.old`` sibling, which the next
    call removes or puts back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, old = (target.with_name(f".{target.name}.{state}") for state in ("partial", "old"))
    _remove(partial)
    recover(target, old)
    try:
        yield partial
    except BaseException:
        _remove(partial)
        raise
    if os.path.lexists(target) and (target.is_dir() or partial.is_dir()):  # a rename replaces files only
        target.replace(old)
    partial.replace(target)
    _remove(old)


def replaceable(target: Path, what: str, patterns: Sequence[str] = ()) -> Path:
    """``target``, resolved: a folder that is absent, empty, or such as we write and may therefore replace.

    ``patterns`` describe what we write: each has a file in the folder, and each file there matches one. A pattern
    may name alternatives: ``operations.csv|*/annotation/*.csv``.

    Raises:
        KinetraceError: ``target`` is anything else, so no ``what``.
    """
    target = target.resolve()
    if not target.exists():
        return target
    reason = _not_ours(target, patterns) if target.is_dir() else "it is a file"
    if reason:
        raise KinetraceError(f"{target} exists: {reason}, so it is no {what}: name a new folder, or remove it first")
    return target


def _not_ours(folder: Path, patterns: Sequence[str]) -> str:
    """What keeps ``folder`` from being replaced, or ""."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
    names = [path.relative_to(folder).as_posix() for path in found]
    foreign = next((name for name in names if not any(_matches(name, pattern) for pattern in patterns)), "")
    if foreign:
        return f"it holds {foreign}"
    absent = next((pattern for pattern in patterns if not any(_matches(name, pattern) for name in names)), "")
    return f"it lacks {absent.replace('|', ' or ')}" if names and absent else ""


def _matches(name: str, pattern: str) -> bool:
    return any(fnmatchcase(name, alternative) for alternative in pattern.split("|"))


def recover(target: Path, aside: Path) -> None:
    """What a killed writer moved ``aside`` becomes ``target`` again, or goes when its successor is there."""
    if os.path.lexists(target):
        _remove(aside)
    elif os.path.lexists(aside):
        aside.replace(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write ``content`` to ``target`` in one step."""
    with staged(target) as partial:
        partial.write_bytes(content)


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as JSON with sorted keys; NaN and infinity are refused (ValueError)."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_bytes(target, (text + "\n").encode())


def written(path: Path) -> Path:
    """``path``, a file that a stage wrote.

    Raises:
        KinetraceError: no stage has written it yet.
    """
    if not path.is_file():
        raise KinetraceError(f"{path} is missing: run the stage before it, or make run")
    return path


def read_json(path: Path) -> Any:
    """Read a JSON file that a stage wrote; KinetraceError where it is missing."""
    return json.loads(written(path).read_text(encoding="utf-8"))


def write_npz(target: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as ``.npz`` with sorted names and fixed times: same arrays, same bytes."""
    members = {f"{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    write_bytes(target, zip_bytes(members, zipfile.ZIP_STORED))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz`` that a stage wrote, pickles refused; KinetraceError where it is missing."""
    with np.load(written(path), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def npy_bytes(array: np.ndarray) -> bytes:
    """The ``.npy`` file of ``array``, pickles refused."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def zip_bytes(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with sorted names, fixed times and permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.external_attr = 0o644 << 16
            info.compress_type = compression
            archive.writestr(info, members[name])
    return buffer.getvalue()


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value with sorted keys, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def inside(folder: Path, name: str) -> Path:
    """``folder / name``, refused when links or ``..`` lead out of ``folder``.

    Raises:
        KinetraceError: the resolved path lies outside ``folder``.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise KinetraceError(f"{name!r} leads outside {folder}: give a path inside that folder")
    return path
