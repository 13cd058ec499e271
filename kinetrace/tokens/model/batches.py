"""Clips as windows of frames, and the order in which training sees them.

Shape suffixes: W windows, S frames a window, F = 399 raw values, N chunks, L frames a chunk.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kinetrace.shards import Shards
from kinetrace.tokens.data.chunks import Chunks, cut_windows, starts
from kinetrace.tokens.model.network import Windows
from kinetrace.tokens.params import ChunkParams


@dataclass(frozen=True)
class Plan:
    """Windows by clip and first frame, both ``[W]``."""

    clips: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)

    def batches(self, size: int) -> "list[Plan]":
        """Parts of ``size`` windows, in order; the last may hold fewer."""
        cuts = range(0, len(self), size)
        return [Plan(self.clips[cut : cut + size], self.starts[cut : cut + size]) for cut in cuts]

    def share(self, rank: int, ranks: int) -> "Plan":
        """What one of several processes takes."""
        return Plan(self.clips[rank::ranks], self.starts[rank::ranks])


@dataclass(frozen=True)
class Corpus:
    """The clips of a split: memory-mapped frames and their lengths."""

    shards: Shards
    lengths: np.ndarray
    clip_ids: list[str]
    params: ChunkParams

    @classmethod
    def of(cls, shards: Shards, params: ChunkParams) -> "Corpus":
        """All clips of ``shards``."""
        return cls(shards, shards.clips.num_frames.to_numpy(), shards.clips.clip_id.tolist(), params)

    def __len__(self) -> int:
        return len(self.clip_ids)

    def plan(self, phases: np.ndarray) -> Plan:
        """The windows of every clip, as ``starts`` cuts a clip whose first ``phases`` ``[clips]`` frames are left out.

        A clip that is too short for its phase is cut from its first frame.
        """
        length, stride = self.params.length, self.params.stride
        phases = np.where(self.lengths - phases >= length, phases, 0)
        pairs = zip(self.lengths, phases, strict=True)
        first = [phase + starts(frames - phase, length, stride) for frames, phase in pairs]
        clips = np.repeat(np.arange(len(self)), [len(part) for part in first])
        return Plan(clips, np.concatenate([*first, np.zeros(0, int)]).astype(int))

    def shuffled(self, seed: int, epoch: int) -> Plan:
        """Every clip cut once, from another frame in each epoch; a pure function of seed, epoch and clip names."""
        draws = np.array([draw(seed, epoch, clip_id) for clip_id in self.clip_ids], dtype=np.uint64)
        plan = self.plan((draws % np.uint64(self.params.stride)).astype(int))
        order = np.random.default_rng([seed, epoch]).permutation(len(plan))
        return Plan(plan.clips[order], plan.starts[order])

    def frames(self, plan: Plan, span: int) -> tuple[np.ndarray, np.ndarray]:
        """``[W, S, 399]``, ``span`` frames from each start, and how many of them the clip has, ``[W]``.

        What the clip does not have repeats its last frame.
        """
        frames_WSF = np.empty((len(plan), span, self.shards.frames(0).shape[1]), np.float32)
        counts_W = np.minimum(self.lengths[plan.clips] - plan.starts, span)
        for row, clip, start, count in zip(frames_WSF, plan.clips, plan.starts, counts_W, strict=True):
            row[:count] = self.shards.frames(clip)[start : start + count]
            row[count:] = row[count - 1]
        return frames_WSF, counts_W

    def chunks(self, plan: Plan) -> Chunks:
        """The windows of ``plan`` as they are, cut into parts."""
        frames_NLF, counts_N = self.frames(plan, self.params.length)
        return cut_windows(frames_NLF, np.arange(self.params.length) < counts_N[:, None], plan.starts, self.params)

    def present(self, plan: Plan, size: int = 4096) -> dict[str, Windows]:
        """The present chunks of each part among the windows of ``plan``."""
        parts = [windows(self.chunks(batch)) for batch in plan.batches(size)]
        return {part: joined([found[part] for found in parts]) for part in self.params.parts}


def draw(*names: object) -> int:
    """64 random bits that are a pure function of ``names``."""
    key = hashlib.blake2b(":".join(map(str, names)).encode(), digest_size=8).digest()
    return int.from_bytes(key, "little")


def windows(chunks: Chunks) -> dict[str, Windows]:
    """The present chunks of each part, as tensors."""
    return {part: _of_part(chunks, part) for part in chunks.values}


def _of_part(chunks: Chunks, part: str) -> Windows:
    present = chunks.present[part]
    arrays = (chunks.values[part][present], chunks.known[part][present], chunks.mask[present])
    values, known, mask = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return Windows(values, known, mask)


def joined(parts: Sequence[Windows]) -> Windows:
    """All windows as one."""
    return Windows(
        torch.cat([part.values_BLK5 for part in parts]),
        torch.cat([part.known_BK for part in parts]),
        torch.cat([part.mask_BL for part in parts]),
    )
