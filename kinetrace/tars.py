"""One WebDataset tar: samples by key, and bytes that depend on the clips alone."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.files import digest, digest_of, npy_bytes
from kinetrace.workload import Clip

VERSION = 1  # of the format, as the index says it
ARRAY = "npy"
RELATIVE = ("label_id", "split")  # may change when other clips come: in the index, not in a tar


@dataclass(frozen=True)
class Tar:
    """A tar's SHA-256, its bytes, and of each clip: offset, size in bytes, rows, width.

    For an array the place is that of its ``.npy``, ``rows`` × ``width`` its shape. For pictures, ``rows`` of them, it
    is that of all their members from the first header on, and ``width`` is 0.
    """

    sha256: str
    size: int
    places: list[list[int]]


def content(clips: Sequence[Clip]) -> str:
    """Digest of what decides the bytes of a tar of ``clips``."""
    return digest_of([record(clip) for clip in clips])


def array(frames: np.ndarray) -> dict[str, bytes]:
    """The sample of a clip that is an array, ``[T, F]``."""
    return {ARRAY: npy_bytes(np.ascontiguousarray(frames, dtype="<f4"))}


def write_tar(path: Path, clips: Sequence[Clip], sample: Callable[[Clip], Mapping[str, bytes]]) -> Tar:
    """Write ``<key>.json`` of each clip and what ``sample`` gives for it, by extension.

    The bytes are those of ``webdataset.TarWriter(mtime=0)``, without its import of torch in every worker.
    """
    places = []
    with tarfile.open(path, "w") as archive:
        for clip in clips:
            name = key(clip["clip_id"])
            _add(archive, f"{name}.json", _json(record(clip)))
            start, members = archive.offset, sample(clip)
            for extension, content in members.items():
                _add(archive, f"{name}.{extension}", content)
            places.append(_place(start, archive.offset, members))
    return Tar(digest(path), path.stat().st_size, places)


def _place(start: int, end: int, members: Mapping[str, bytes]) -> list[int]:
    """The place of ``members`` that lie from ``start`` to ``end``, with headers and padding."""
    if ARRAY not in members:
        return [start, end - start, len(members), 0]
    content = members[ARRAY]
    return [start + tarfile.BLOCKSIZE, len(content), *np.load(io.BytesIO(content), allow_pickle=False).shape]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), 0, 0o444
    member.uname = member.gname = "bigdata"
    archive.addfile(member, io.BytesIO(content))


def key(clip_id: str) -> str:
    """A name that tar and WebDataset take as it is (no dots, ASCII, short), unique by its digest."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", clip_id)[:48]
    return f"{readable}-{hashlib.sha256(clip_id.encode()).hexdigest()[:16]}"


def record(clip: Clip) -> dict[str, Any]:
    """What a tar says of a clip: its row as JSON values, without what depends on other clips."""
    return {name: _plain(value) for name, value in sorted(clip.items()) if name not in RELATIVE}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False, default=str).encode()
