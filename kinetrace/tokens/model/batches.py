"""Clips as windows of frames, and the order in which training sees them.

Shape suffixes: W windows, F = 399 raw values, N chunks, L frames a chunk.
"""

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
    """Windows, each ``[W]``: which clip, the first frame at the clip's ``speeds``, and frames a step of time."""

    clips: np.ndarray
    starts: np.ndarray
    speeds: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)

    def take(self, rows: np.ndarray | slice) -> "Plan":
        """Some of the windows."""
        return Plan(self.clips[rows], self.starts[rows], self.speeds[rows])

    def batches(self, size: int) -> "list[Plan]":
        """Parts of ``size`` windows, in order; the last may hold fewer."""
        return [self.take(slice(first, first + size)) for first in range(0, len(self), size)]


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

    def plan(self, phases: np.ndarray | None = None, speeds: np.ndarray | None = None) -> Plan:
        """The windows of every clip, as ``starts`` cuts a clip played at its speed without its first ``phases`` frames.

        A clip that is too short for its phase is cut from its first frame. ``phases`` int and ``speeds``, ``[clips]``.
        """
        speeds = np.ones(len(self)) if speeds is None else speeds
        lengths = (np.floor((self.lengths - 1) / speeds) + 1).astype(int)
        wanted = np.zeros(len(self), int) if phases is None else phases
        phases = np.where(lengths - wanted >= self.params.length, wanted, 0)
        pairs = zip(lengths, phases, strict=True)
        first = [phase + starts(frames - phase, self.params.length, self.params.stride) for frames, phase in pairs]
        clips = np.repeat(np.arange(len(self)), [len(part) for part in first])
        return Plan(clips, np.concatenate([*first, np.zeros(0, int)]).astype(int), speeds[clips])

    def frames(self, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        """``[W, L, 399]``: the frames of each window, and ``[W, L]`` bool, which of them the clip has.

        What the clip does not have repeats its last frame. Between two frames a point is on the line between them, as
        surely as the less sure of the two.
        """
        places_WL = (plan.starts[:, None] + np.arange(self.params.length)) * plan.speeds[:, None]
        last_W1 = self.lengths[plan.clips][:, None] - 1
        inside_WL = places_WL <= last_W1
        places_WL = np.minimum(places_WL, np.where(inside_WL, places_WL, -np.inf).max(1, keepdims=True))
        low_WL = np.floor(places_WL).astype(int)
        high_WL, share_WL = np.minimum(low_WL + 1, last_W1), (places_WL - low_WL).astype(np.float32)
        frames_WLF = self._gathered(plan.clips, low_WL)
        between = np.any(share_WL > 0, axis=1)
        later_WLF = self._gathered(plan.clips[between], high_WL[between])
        frames_WLF[between] = _between(frames_WLF[between], later_WLF, share_WL[between])
        return frames_WLF, inside_WL

    def _gathered(self, clips_W: np.ndarray, index_WL: np.ndarray) -> np.ndarray:
        width = self.shards.frames(0).shape[1]
        found = np.empty((*index_WL.shape, width), np.float32)
        for row, clip, index in zip(found, clips_W, index_WL, strict=True):
            row[:] = self.shards.frames(clip)[index]
        return found

    def chunks(self, plan: Plan) -> Chunks:
        """The windows of ``plan`` as they are, cut into parts."""
        frames_NLF, mask_NL = self.frames(plan)
        return cut_windows(frames_NLF, mask_NL, plan.starts, self.params)

    def present(self, plan: Plan, size: int = 4096) -> dict[str, Windows]:
        """The present chunks of each part among the windows of ``plan``."""
        parts = [windows(self.chunks(batch)) for batch in plan.batches(size)]
        return {part: joined([found[part] for found in parts]) for part in self.params.parts}


def _between(frames_WLF: np.ndarray, later_WLF: np.ndarray, share_WL: np.ndarray) -> np.ndarray:
    mixed = frames_WLF + share_WL[..., None] * (later_WLF - frames_WLF)
    scores = np.minimum(frames_WLF[..., 2::3], later_WLF[..., 2::3])
    mixed[..., 2::3] = np.where(share_WL[..., None] > 0, scores, frames_WLF[..., 2::3])
    return mixed


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
