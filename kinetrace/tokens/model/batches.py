"""Clips as windows of frames, and the order in which training sees them.

Shape suffixes: W windows, F = 399 raw values, N chunks, L frames a chunk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from kinetrace.shards import Shards
from kinetrace.tokens.data.chunks import Chunks, cut_windows, starts
from kinetrace.tokens.model.network import Windows
from kinetrace.tokens.params import ChunkParams

SIZE = 2048  # windows cut at once: it bounds the memory


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

    def batches(self, size: int, together: int = 0) -> "list[Plan]":
        """As few parts of about ``size`` windows as there can be, all about the same; see ``split``."""
        return [part for part in self.split(-(-len(self) // size), together) if len(part)]

    def split(self, count: int, together: int = 0) -> "list[Plan]":
        """``count`` consecutive parts, some empty where there are few windows.

        Windows of a clip that follow each other with the stride ``together`` are not parted.
        """
        firsts = np.flatnonzero(~np.concatenate([[False], self.follows(together)]))
        wanted = np.arange(count) * len(self) // max(count, 1)
        edges = [*firsts[np.searchsorted(firsts, wanted, side="right") - 1].tolist(), len(self)]
        return [self.take(slice(*bounds)) for bounds in pairwise(edges)]

    def follows(self, stride: int) -> np.ndarray:
        """``[W - 1]`` bool: whether each window but the first is the clip's next one after the window before it."""
        following: np.ndarray = (np.diff(self.clips) == 0) & (np.diff(self.starts) == stride)
        return following


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
        lengths = _played(self.lengths, speeds)
        wanted = np.zeros(len(self), int) if phases is None else phases
        phases = np.where(lengths - wanted >= self.params.length, wanted, 0)
        pairs = zip(lengths, phases, strict=True)
        first = [phase + starts(frames - phase, self.params.length, self.params.stride) for frames, phase in pairs]
        clips = np.repeat(np.arange(len(self)), [len(part) for part in first])
        return Plan(clips, np.concatenate([*first, np.zeros(0, int)]).astype(int), speeds[clips])

    def everywhere(self) -> Plan:
        """Every clip cut from each of its first ``stride`` frames: all windows that a change of phase gives."""
        plans = [self.plan(np.full(len(self), phase)) for phase in range(self.params.stride)]
        fields = zip(*((plan.clips, plan.starts, plan.speeds) for plan in plans), strict=True)
        return Plan(*(np.concatenate(field) for field in fields))

    def frames(self, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        """``[W, L, 399]``: the frames of each window, and ``[W, L]`` bool, which of them the clip has.

        What the clip does not have repeats its last frame. Between two frames a point is on the line between them, as
        surely as the less sure of the two.
        """
        frames_W = self.lengths[plan.clips]
        steps_WL = plan.starts[:, None] + np.arange(self.params.length)
        played_W1 = _played(frames_W, plan.speeds)[:, None]
        places_WL = np.minimum(steps_WL, played_W1 - 1) * plan.speeds[:, None]
        low_WL = np.floor(places_WL).astype(int)
        high_WL, share_WL = np.minimum(low_WL + 1, frames_W[:, None] - 1), (places_WL - low_WL).astype(np.float32)
        frames_WLF = self._gathered(plan.clips, low_WL)
        if np.any(share_WL):
            _mix(frames_WLF, self._gathered(plan.clips, high_WL), share_WL)
        return frames_WLF, steps_WL < played_W1

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

    def each(self, plan: Plan, size: int = SIZE) -> Iterator[dict[str, Windows]]:
        """The present chunks of each part among the windows of ``plan``, ``size`` windows at a time."""
        for batch in plan.batches(size):
            yield windows(self.chunks(batch))

    def present(self, plan: Plan) -> dict[str, Windows]:
        """All of them at once: about 24 kB a window."""
        parts = list(self.each(plan))
        return {part: joined([found[part] for found in parts]) for part in self.params.parts}


def _played(frames: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """How many frames a clip of ``frames`` frames has when it is played at its speed."""
    return (np.floor((frames - 1) / speeds) + 1).astype(int)


def _mix(frames_WLF: np.ndarray, later_WLF: np.ndarray, share_WL: np.ndarray) -> None:
    """Move ``frames`` on to ``later``, by a share of the way, in place."""
    lower_WLP = np.minimum(frames_WLF[..., 2::3], later_WLF[..., 2::3])
    scores_WLP = np.where(share_WL[..., None] > 0, lower_WLP, frames_WLF[..., 2::3])
    later_WLF -= frames_WLF
    later_WLF *= share_WL[..., None]
    frames_WLF += later_WLF
    frames_WLF[..., 2::3] = scores_WLP


def windows(chunks: Chunks) -> dict[str, Windows]:
    """The present chunks of each part, as tensors."""
    return {part: _of_part(chunks, part) for part in chunks.values}


def _of_part(chunks: Chunks, part: str) -> Windows:
    present = chunks.present[part]
    values = torch.from_numpy(np.moveaxis(chunks.values[part], -1, 0)[:, present]).movedim(0, -1)
    return Windows(values, torch.from_numpy(chunks.known[part][present]), torch.from_numpy(chunks.mask[present]))


def joined(parts: Sequence[Windows]) -> Windows:
    """All windows as one."""
    return Windows(
        torch.cat([part.values_BLK5 for part in parts]),
        torch.cat([part.known_BK for part in parts]),
        torch.cat([part.mask_BL for part in parts]),
    )
