"""One WebDataset tar: samples by key, and bytes that depend on the clips alone."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.files import digest, digest_of, npy_bytes
from kinetrace.workload import Clip

VERSION = 1  # of the format, as the index says it
RELATIVE = ("label_id", "split")  # may change when other clips come: in the index, not in a tar


@dataclass(frozen=True)
class Tar:
    """A tar's SHA-256, its bytes, and of each clip's ``.npy``: offset, size in bytes, rows, width."""

    sha256: str
    size: int
    places: list[list[int]]


def content(clips: Sequence[Clip]) -> str:
    """Digest of what decides the bytes of a tar of ``clips``."""
    return digest_of([record(clip) for clip in clips])


def write_tar(path: Path, clips: Sequence[Clip], read: Callable[[Clip], np.ndarray]) -> Tar:
    """Write ``<key>.json`` and ``<key>.npy`` of each clip.

    The bytes are those of ``webdataset.TarWriter(mtime=0)``, without its import of torch in every worker.
    """
    shapes = []
    with tarfile.open(path, "w") as archive:
        for clip in clips:
            frames = np.ascontiguousarray(read(clip), dtype="<f4")
            shapes.append(frames.shape)
            _add(archive, f"{key(clip['clip_id'])}.json", _json(record(clip)))
            _add(archive, f"{key(clip['clip_id'])}.npy", npy_bytes(frames))
    places = [[*place, *shape] for place, shape in zip(_places(path), shapes, strict=True)]
    return Tar(digest(path), path.stat().st_size, places)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), 0, 0o444
    member.uname = member.gname = "bigdata"
    archive.addfile(member, io.BytesIO(content))


def _places(path: Path) -> list[tuple[int, int]]:
    with tarfile.open(path) as archive:
        return [(member.offset_data, member.size) for member in archive if member.name.endswith(".npy")]


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
