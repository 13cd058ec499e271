"""Augmentation of a whole batch at once; what a clip gets is a pure function of (seed, epoch, clip id, view).

Shape suffixes: B clips, T frames, F = 540 raw values, P points.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, WIDTH, mirror_columns
from kinetrace.sign.model.frontend import body_frame, frame_mask, split_points
from kinetrace.sign.model.network import VIEW_STRIDE
from kinetrace.sign.params import AugmentParams

HANDS = ("left_hand", "right_hand")
UNIFORMS = 16


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch: ``uniform_BU`` in [0, 1), ``hide_BT`` in [0, 1), ``noise_BTF`` normal."""

    uniform_BU: Tensor
    hide_BT: Tensor
    noise_BTF: Tensor

    @classmethod
    def of(cls, seed: int, epoch: int, clip_ids: Sequence[str], view: int, frames: int) -> "Draws":
        """Each clip has a generator of its own, so that neither batch nor order matters."""
        uniform = np.empty((len(clip_ids), UNIFORMS), np.float32)
        hide = np.empty((len(clip_ids), frames), np.float32)
        noise = np.empty((len(clip_ids), frames, WIDTH), np.float32)
        for row, clip_id in enumerate(clip_ids):
            key = hashlib.blake2b(f"{seed}:{epoch}:{view}:{clip_id}".encode(), digest_size=16).digest()
            bits = np.random.Philox(key=int.from_bytes(key, "little"))
            # two streams: how many frames are drawn must not decide what comes after them
            single, frame = np.random.Generator(bits), np.random.Generator(bits.jumped())
            single.random(out=uniform[row], dtype=np.float32)
            single.random(out=hide[row], dtype=np.float32)
            frame.standard_normal(out=noise[row], dtype=np.float32)
        return cls(torch.from_numpy(uniform), torch.from_numpy(hide), torch.from_numpy(noise))

    def cut(self, frames: int) -> "Draws":
        """The same numbers for the first ``frames`` frames."""
        return Draws(self.uniform_BU, self.hide_BT[:, :frames], self.noise_BTF[:, :frames])

    def signed(self, index: int, reach: float) -> Tensor:
        """``[B]`` uniform in ±reach."""
        return (2 * self.uniform_BU[:, index] - 1) * reach

    def happens(self, index: int, probability: float) -> Tensor:
        """``[B]`` bool."""
        return self.uniform_BU[:, index] < probability


def augment(
    frames_BTF: Tensor, lengths_B: Tensor, clip_ids: Sequence[str], params: AugmentParams, seed: int, epoch: int,
    view: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One randomly changed view of each clip, at half the frame rate: even frames for view 0, odd for view 1.

    Returns:
        frames ``[B, T', 540]`` and their lengths ``[B]``.
    """
    frames = math.ceil(frames_BTF.shape[1] / (1 - params.warp) / VIEW_STRIDE)
    draws = Draws.of(seed, epoch, clip_ids, view, frames)
    frames_BTF, lengths_B = resample(frames_BTF, lengths_B, 1 + draws.signed(0, params.warp), view, frames)
    draws = draws.cut(frames_BTF.shape[1])
    mask_BT = frame_mask(lengths_B, frames_BTF.shape[1])
    hidden_BT = draws.hide_BT < params.frame_dropout
    seen_BTF = observed(frames_BTF) & (mask_BT & ~hidden_BT)[..., None]
    frames_BTF = mirror(frames_BTF, draws.happens(1, params.mirror))
    seen_BTF = torch.where(draws.happens(1, params.mirror)[:, None, None], seen_BTF[..., _MIRROR], seen_BTF)
    frames_BTF = move(frames_BTF, mask_BT, draws, params)
    for index, hand in enumerate(HANDS):
        gone_B = draws.happens(2, params.hand_dropout) & ((draws.uniform_BU[:, 3] < 0.5) == bool(index))
        seen_BTF[..., PARTS[hand]] &= ~gone_B[:, None, None]
    return frames_BTF * seen_BTF, lengths_B


def two_views(
    frames_BTF: Tensor, lengths_B: Tensor, clip_ids: Sequence[str], params: AugmentParams, seed: int, epoch: int
) -> tuple[Tensor, Tensor]:
    """``[2B, T', 540]`` and ``[2B]``: all views of the even frames, then all of the odd ones."""
    views = [augment(frames_BTF, lengths_B, clip_ids, params, seed, epoch, view) for view in range(VIEW_STRIDE)]
    longest = max(frames.shape[1] for frames, _ in views)
    padded = [functional.pad(frames, (0, 0, 0, longest - frames.shape[1])) for frames, _ in views]
    return torch.cat(padded), torch.cat([lengths for _, lengths in views])


_MIRROR = torch.from_numpy(mirror_columns())


def observed(frames_BTF: Tensor) -> Tensor:
    """``[B, T, F]`` bool: a part that is all zeros in a frame was not detected there."""
    flags = [(frames_BTF[..., part] != 0).any(-1, keepdim=True).expand(-1, -1, _size(part)) for part in PARTS.values()]
    return torch.cat(flags, -1)


def _size(part: slice) -> int:
    return int(part.stop - part.start)


def resample(frames_BTF: Tensor, lengths_B: Tensor, speed_B: Tensor, view: int, frames: int) -> tuple[Tensor, Tensor]:
    """Every second frame at another speed, linear in between; a part missing on one side is taken from the nearer."""
    place_BT = (VIEW_STRIDE * torch.arange(frames)[None] + view) * speed_B[:, None]
    last_B1 = (lengths_B - 1)[:, None]
    new_lengths_B = (place_BT <= last_B1).sum(-1).clamp(min=1)
    place_BT = torch.minimum(place_BT, last_B1.to(place_BT.dtype))[:, : int(new_lengths_B.max())]
    before_BT = place_BT.floor().long()
    after_BT = torch.minimum(before_BT + 1, last_B1)
    before, after = _take(frames_BTF, before_BT), _take(frames_BTF, after_BT)
    weight_BTF = (place_BT - before_BT)[..., None].expand_as(before)
    weight_BTF = torch.where(observed(before) & observed(after), weight_BTF, weight_BTF.round())
    return torch.lerp(before, after, weight_BTF), new_lengths_B


def _take(frames_BTF: Tensor, index_BT: Tensor) -> Tensor:
    return frames_BTF.gather(1, index_BT[..., None].expand(-1, -1, frames_BTF.shape[-1]))


def mirror(frames_BTF: Tensor, chosen_B: Tensor) -> Tensor:
    """Left and right exchanged and x reflected, for the chosen clips; missing parts stay missing."""
    mirrored = frames_BTF[..., _MIRROR].clone()
    for part in PARTS:
        points = split_points(mirrored, part)
        seen = (points != 0).any((-2, -1))[..., None]
        points[..., 0] = torch.where(seen, 1 - points[..., 0], 0.0)
    return torch.where(chosen_B[:, None, None], mirrored, frames_BTF)


def move(frames_BTF: Tensor, mask_BT: Tensor, draws: Draws, params: AugmentParams) -> Tensor:
    """Yaw, roll, scale, shift and noise, with the shoulders as the frame of reference."""
    centre_BT3, unit_B, _ = body_frame(frames_BTF, mask_BT)
    unit = unit_B[:, None, None]
    yaw_B = draws.signed(4, math.radians(params.yaw))
    rows = _plane(draws, params)
    shift_B2 = torch.stack([draws.signed(8, params.shift), draws.signed(9, params.shift)], -1) * unit_B[:, None]
    moved = frames_BTF + draws.noise_BTF * params.noise * unit
    for index, part in enumerate(PARTS):
        points = split_points(moved, part)
        origin = centre_BT3[:, :, None] if part == "pose" else points[:, :, :1, :3]
        if part in HANDS:
            grow_B = 1 + draws.signed(10 + index, params.hand_scale)
            points[..., :3] = origin + (points[..., :3] - origin) * grow_B[:, None, None, None]
        turned = _turn(points[..., :3], origin, yaw_B)
        placed = centre_BT3[:, :, None, :2] + (turned[..., :2] - centre_BT3[:, :, None, :2]) @ rows[:, None]
        placed = placed + shift_B2[:, None, None]
        if part == "pose":
            anchors = [LEFT_SHOULDER, RIGHT_SHOULDER]
            placed[:, :, anchors] = points[:, :, anchors, :2]
        points[..., :2], points[..., 2] = placed, turned[..., 2]
    return moved


def _turn(points: Tensor, origin: Tensor, yaw_B: Tensor) -> Tensor:
    """Rotation about the vertical axis through ``origin``."""
    x, y, z = (points - origin).unbind(-1)
    cosine, sine = yaw_B.cos()[:, None, None], yaw_B.sin()[:, None, None]
    return origin + torch.stack([x * cosine + z * sine, y, z * cosine - x * sine], -1)


def _plane(draws: Draws, params: AugmentParams) -> Tensor:
    """``[B, 2, 2]``: roll and separate scales of x and y, for row vectors."""
    roll_B = draws.signed(5, math.radians(params.roll))
    x_B, y_B = 1 + draws.signed(6, params.scale), 1 + draws.signed(7, params.scale)
    top = torch.stack([roll_B.cos() * x_B, roll_B.sin() * y_B], -1)
    bottom = torch.stack([-roll_B.sin() * x_B, roll_B.cos() * y_B], -1)
    return torch.stack([top, bottom], 1)
