"""Clips of the shards as batches: the frames that a sampler chose, with their times.

Shape suffixes: B clips, n frames, P pixels, N moments.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kinetrace.operations.data.pictures import decode_jpeg
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.pictures import brightness, chosen
from kinetrace.operations.params import SamplerParams

DECODERS = 2  # threads


class Samples(Protocol):
    """``kinetrace.shards.Shards``, or what is read like them."""

    @property
    def clips(self) -> pd.DataFrame: ...

    def sample(self, index: int) -> dict[str, bytes]: ...


@dataclass(frozen=True)
class Look:
    """What is seen of one clip: ``frames_nPP3`` uint8, ``times_n`` in seconds from its start, moments ``present_N``."""

    frames_nPP3: np.ndarray
    times_n: np.ndarray
    present_N: np.ndarray


@dataclass(frozen=True)
class Seen:
    """Looks at B clips, as the network takes them."""

    frames_BnPP3: Tensor
    times_Bn: Tensor
    present_BN: Tensor

    @classmethod
    def of(cls, looks: Sequence[Look]) -> "Seen":
        """Those with fewer frames than others show their last one again."""
        most = max(len(look.times_n) for look in looks)
        places = [np.minimum(np.arange(most), len(look.times_n) - 1) for look in looks]
        frames = [look.frames_nPP3[place] for look, place in zip(looks, places, strict=True)]
        times = [look.times_n[place] for look, place in zip(looks, places, strict=True)]
        present = np.stack([look.present_N for look in looks])
        return cls(torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(times)), torch.from_numpy(present))

    def to(self, device: torch.device) -> "Seen":
        return Seen(self.frames_BnPP3.to(device), self.times_Bn.to(device), self.present_BN.to(device))


@dataclass(frozen=True)
class Corpus:
    """The clips of ``shards`` through a sampler; what it chose of a clip is kept."""

    shards: Samples
    geometry: Geometry
    pixels: int
    sampler: SamplerParams
    _choices: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.shards.clips)

    @property
    def clip_ids(self) -> list[str]:
        return list(self.shards.clips.clip_id)

    def look(self, index: int) -> Look:
        """Clip ``index`` as at inference."""
        return self.at(index, self.choice(index))

    def choice(self, index: int, boundaries: Sequence[float] | None = None) -> np.ndarray:
        """Which frames of clip ``index`` the sampler chooses; ``boundaries`` are told in training alone."""
        if index not in self._choices:
            self._choices[index] = self._chosen(index, boundaries)
        return self._choices[index]

    def _chosen(self, index: int, boundaries: Sequence[float] | None) -> np.ndarray:
        return chosen(lambda: self._brightness(index), self.times(index), self.sampler, boundaries)

    def _brightness(self, index: int) -> np.ndarray:
        pictures = self.shards.sample(index)
        return brightness([decode_jpeg(pictures[name]) for name in sorted(pictures)])

    def times(self, index: int) -> np.ndarray:
        """``[T]`` float32: when the frames of clip ``index`` are, in seconds from its start."""
        clip = self.shards.clips.iloc[index]
        return self.geometry.frame_times(int(clip.num_frames), float(clip.context))

    def at(self, index: int, places_n: np.ndarray) -> Look:
        """These frames of clip ``index``; no other is decoded."""
        pictures = self.shards.sample(index)
        once, where_n = np.unique(places_n, return_inverse=True)
        frames = np.stack([decode_jpeg(pictures[f"{place:03d}.jpg"], self.pixels) for place in once.tolist()])
        present_N = self.geometry.present_N(float(self.shards.clips.context.iloc[index]))
        return Look(frames[where_n], self.times(index)[places_n], present_N)

    def batches(self, size: int) -> Iterator[Seen]:
        """All clips in their order, as at inference."""
        with ThreadPoolExecutor(DECODERS) as pool:
            for start in range(0, len(self), size):
                yield Seen.of(list(pool.map(self.look, range(start, min(start + size, len(self))))))
