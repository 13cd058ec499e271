"""Reading shards by index: an array is a view into a memory-mapped tar, nothing is copied or decoded."""

import io
import mmap
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.files import digest, read_json

INDEX, TABLE = "index.json", "index.parquet"


@dataclass(frozen=True)
class Shards:
    """Clips and where their frames lie.

    ``clips``: the clip table with ``split``, ``shard`` (file name), ``offset`` and ``size`` (bytes of the ``.npy``
    in the tar, or of all pictures), ``rows`` and ``width`` (its shape; 0 for pictures), in index order. Pickles
    without its open files.
    """

    folder: Path
    clips: pd.DataFrame

    @classmethod
    def open(cls, folder: Path) -> "Shards":
        """The shards that the stage ``shards`` wrote.

        Raises:
            KinetraceError: the index or a shard is missing, or a shard is truncated.
        """
        for name in (INDEX, TABLE):
            if not (folder / name).is_file():
                raise KinetraceError(f"{folder / name} is missing: run the stage shards")
        for name, entry in read_json(folder / INDEX)["shards"].items():
            size = (folder / name).stat().st_size if (folder / name).is_file() else 0
            if size != entry["bytes"]:
                raise KinetraceError(
                    f"{folder / name} has {size} of {entry['bytes']} bytes: run the stage shards again"
                )
        return cls(folder, read_table(folder / TABLE))

    def subset(self, split: str) -> "Shards":
        """The clips of one split."""
        return Shards(self.folder, self.clips[self.clips.split == split].reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.clips)

    def sample(self, index: int) -> dict[str, bytes]:
        """The pictures of clip ``index``, by extension (``000.jpg``) in their order."""
        clip = self.clips.iloc[index]
        held = self._map(clip.shard)[clip.offset : clip.offset + clip["size"]]
        with tarfile.open(fileobj=io.BytesIO(held)) as archive:
            members = [(member.name.partition(".")[2], archive.extractfile(member)) for member in archive]
        return {extension: stream.read() for extension, stream in members if stream}

    def frames(self, index: int) -> np.ndarray:
        """``[T, F]`` float32 of clip ``index``: a read-only view, valid as long as it is held."""
        shard, start, rows, width = self._places[index]
        view = np.frombuffer(self._map(shard), np.float32, rows * width, start)
        return view.reshape(rows, width)

    @property
    def digest(self) -> str:
        """The identity of all shards together: SHA-256 of the index, which holds every shard's."""
        return digest(self.folder / INDEX)

    @cached_property
    def _places(self) -> list[tuple[str, int, int, int]]:
        """Shard, first byte of the values, rows and width; the values are the last bytes of a ``.npy``."""
        table = self.clips
        starts = table.offset + table["size"] - 4 * table.rows * table.width
        return list(zip(table.shard, starts.tolist(), table.rows.tolist(), table.width.tolist(), strict=True))

    @cached_property
    def _maps(self) -> dict[str, mmap.mmap]:
        return {}

    def _map(self, shard: str) -> mmap.mmap:
        if shard not in self._maps:
            with (self.folder / shard).open("rb") as stream:
                self._maps[shard] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[shard]

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "clips": self.clips}
