"""Clips in memory and the order in which training sees them.

Shape suffixes: B clips, T frames, F = 540 raw values.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kinetrace.sign.data.frames import thinned


class Source(Protocol):
    """Clips by number, such as ``Shards``: a clip table, and frames ``[T, 540]`` float32."""

    @property
    def clips(self) -> pd.DataFrame: ...

    def frames(self, index: int) -> np.ndarray: ...


GLOSS = "gloss"  # the clip table's column


@dataclass(frozen=True)
class Corpus:
    """The clips of a split: their frames, one label index, sentence and name each."""

    shards: Source
    labels: np.ndarray  # [N] the sentence's number in the data set
    lengths: np.ndarray  # [N] frames
    sentences: list[str]
    clip_ids: list[str]
    glosses: list[str]  # the signs of each clip in their order, between spaces; empty where they are not known
    max_frames: int

    @classmethod
    def of(cls, shards: Source, max_frames: int) -> "Corpus":
        """All clips of ``shards``."""
        clips = shards.clips
        lengths = clips.num_frames.clip(upper=max_frames).to_numpy()
        glosses = clips[GLOSS].fillna("").tolist() if GLOSS in clips else [""] * len(clips)
        texts, names = clips.text.tolist(), clips.clip_id.tolist()
        return cls(shards, clips.label_id.to_numpy(), lengths, texts, names, glosses, max_frames)

    def __len__(self) -> int:
        return len(self.clip_ids)

    def frames(self, index: int) -> np.ndarray:
        """``[T, 540]``, thinned evenly when longer than ``max_frames``."""
        return thinned(self.shards.frames(index), self.max_frames)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Padded frames ``[B, T, 540]`` and lengths ``[B]``."""
        clips = [self.frames(index) for index in indices]
        lengths = np.array([len(clip) for clip in clips])
        padded = np.zeros((len(clips), lengths.max(), clips[0].shape[1]), np.float32)
        for row, clip in zip(padded, clips, strict=True):
            row[: len(clip)] = clip
        return torch.from_numpy(padded), torch.from_numpy(lengths)

    def by_length(self, size: int) -> list[np.ndarray]:
        """Every clip once, clips of like length together: for evaluation."""
        order = np.argsort(self.lengths, kind="stable")
        return [order[start : start + size] for start in range(0, len(order), size)]


WINDOW = 4  # batches among which groups are sorted by length: less padding, still a random order


def balanced_batches(
    labels: np.ndarray, lengths: np.ndarray, labels_per_batch: int, clips_per_label: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Every clip once an epoch, in groups of ``clips_per_label`` clips of one label, clips of like length together.

    A pure function of its arguments.

    Args:
        labels: ``[N]`` label of each clip.
        lengths: ``[N]`` its frames.
        labels_per_batch: groups a batch.
        clips_per_label: clips a group; the last group of a label may hold fewer.
        seed: of the training.
        epoch: counts from 0.
    """
    generator = np.random.default_rng([seed, epoch])
    groups: list[tuple[float, np.ndarray]] = []
    for label in np.unique(labels):
        clips = generator.permutation(np.flatnonzero(labels == label))
        pieces = [clips[start : start + clips_per_label] for start in range(0, len(clips), clips_per_label)]
        # a label's groups are spread evenly over the epoch, so that a batch seldom holds a label twice
        groups += [((place + generator.random()) / len(pieces), piece) for place, piece in enumerate(pieces)]
    ordered = [piece for _, piece in sorted(groups, key=lambda group: group[0])]
    batches = []
    for start in range(0, len(ordered), WINDOW * labels_per_batch):
        window = ordered[start : start + WINDOW * labels_per_batch]
        window = sorted(window, key=lambda piece: float(lengths[piece].max()))
        batches += [np.concatenate(window[i : i + labels_per_batch]) for i in range(0, len(window), labels_per_batch)]
    return [batches[index] for index in generator.permutation(len(batches))]
