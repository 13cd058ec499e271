"""From raw landmarks to the encoder's input, inside the graph: centring, masking, normalization, differences.

Shape suffixes: B clips, T frames, F = 540 raw values, P points, C channels.
"""

import numpy as np
import torch
from torch import Tensor, nn

from kinetrace.sign.data.features import SMALLEST_UNIT
from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VALUES_A_POINT, columns

UPPER_BODY = 23  # pose points from here on are hips and legs, which a seated signer's camera does not see
EPSILON = 1e-6


def frame_mask(lengths_B: Tensor, frames: int) -> Tensor:
    """``[B, T]`` bool: which frames belong to the clip."""
    return torch.arange(frames, device=lengths_B.device)[None] < lengths_B[:, None]


class Frontend(nn.Module):
    """Raw frames ``[B, T, 540]`` and mask ``[B, T]`` to channels ``[B, T, C]``.

    Coordinates get the middle of the shoulders as origin and the clip's mean shoulder distance as unit, then the
    global mean of each value and the pooled deviation of its part. Channels are x and y of every point, x, y and z
    of hand points relative to their wrist, differences to one and two frames before, and one flag a part.
    A part that is all zeros was not detected: it becomes zero *after* normalizing, never a learned position.
    """

    def __init__(self, parts: list[str], mean_F: np.ndarray, std_F: np.ndarray) -> None:
        super().__init__()
        self.parts = parts
        for part in parts:
            mean, deviation = _part_statistics(part, mean_F, std_F)
            self.register_buffer(f"{part}_mean", mean)
            self.register_buffer(f"{part}_deviation", deviation)
        points = sum(_points(part) for part in parts)
        hands = sum(_points(part) for part in parts if part.endswith("hand"))
        self.channels = 3 * 2 * points + 3 * hands + len(parts)
        self.steps = slice(2 * points, 4 * points)  # the channels that hold differences to the frame before
        of_hands = [index for index, part in enumerate(parts) if part.endswith("hand")]
        self.owners = [index for index, part in enumerate(parts) for _ in range(2 * _points(part))]
        self.owners += [index for index in of_hands for _ in range(3 * _points(parts[index]))]

    def forward(self, frames_BTF: Tensor, mask_BT: Tensor) -> Tensor:
        """``[B, T, C]``, zero where the mask is."""
        centre_BT3, unit_B, placed_BT = body_frame(frames_BTF, mask_BT)
        positions, extras, flags = [], [], []
        for part in self.parts:
            points_BTPV = split_points(frames_BTF, part)[:, :, : _points(part)]
            seen_BT1 = placed_BT[..., None] & (points_BTPV != 0).flatten(2).any(-1, keepdim=True)
            body_BTP3 = (points_BTPV[..., :3] - centre_BT3[:, :, None]) / unit_B[:, None, None, None]
            positions.append(torch.where(seen_BT1, self._normalized(part, body_BTP3[..., :2].flatten(2)), 0.0))
            if part.endswith("hand"):
                wrist_BTP3 = body_BTP3 - body_BTP3[:, :, :1]
                extras.append(3.0 * wrist_BTP3.flatten(2) * seen_BT1)
            flags.append(seen_BT1.to(frames_BTF.dtype))
        position_BTC = torch.cat(positions, -1)
        seen_BTC = torch.cat([flag.expand_as(part) for flag, part in zip(flags, positions, strict=True)], -1)
        steps = [lagged(position_BTC, seen_BTC, lag) for lag in (1, 2)]
        return torch.cat([position_BTC, *steps, *extras, *flags], -1)

    def places(self, channels_BTC: Tensor) -> tuple[Tensor, Tensor]:
        """The channels that are no differences and no flags, and which of them were seen (bool), both ``[B, T, O]``.

        Positions, then hands from their wrist; channel ``o`` belongs to the part ``owners[o]``.
        """
        positions = self.steps.start
        wrists = slice(3 * positions, self.channels - len(self.parts))
        values_BTO = torch.cat([channels_BTC[..., :positions], channels_BTC[..., wrists]], -1)
        return values_BTO, channels_BTC[..., -len(self.parts) :][..., self.owners] > 0

    def _normalized(self, part: str, xy_BTC: Tensor) -> Tensor:
        return (xy_BTC - self.get_buffer(f"{part}_mean")) / self.get_buffer(f"{part}_deviation")


def _points(part: str) -> int:
    every = (PARTS[part].stop - PARTS[part].start) // VALUES_A_POINT[part]
    return UPPER_BODY if part == "pose" else every


def _part_statistics(part: str, mean_F: np.ndarray, std_F: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean ``[2P]`` of x and y, and one deviation for the whole part: a still point stays still."""
    values = np.arange(PARTS[part].start, PARTS[part].stop).reshape(-1, VALUES_A_POINT[part])
    xy = values[: _points(part), :2].ravel()
    deviation = max(float(np.sqrt(np.mean(np.square(std_F[xy])))), EPSILON)
    return torch.tensor(mean_F[xy], dtype=torch.float32), torch.tensor(deviation, dtype=torch.float32)


def split_points(frames_BTF: Tensor, part: str) -> Tensor:
    """``[B, T, P, 3 or 4]``: the points of one part."""
    values_BTC = frames_BTF[..., PARTS[part]]
    return values_BTC.reshape(*values_BTC.shape[:-1], -1, VALUES_A_POINT[part])


def body_frame(frames_BTF: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Middle of the shoulders ``[B, T, 3]``, mean shoulder distance ``[B]``, and which frames they place ``[B, T]``.

    A frame without a pose has no origin. A clip without a usable pose keeps its own coordinates, as in ``features``.
    """
    left = frames_BTF[..., columns("pose", LEFT_SHOULDER)][..., :3]
    right = frames_BTF[..., columns("pose", RIGHT_SHOULDER)][..., :3]
    seen_BT = mask_BT & (frames_BTF[..., PARTS["pose"]] != 0).any(-1)
    gap_BT = (left - right)[..., :2].square().sum(-1).add(EPSILON**2).sqrt()
    unit_B = (gap_BT * seen_BT).sum(-1) / seen_BT.sum(-1).clamp(min=1)
    usable_B = unit_B > SMALLEST_UNIT
    centre_BT3 = torch.where(usable_B[:, None, None], (left + right) / 2, 0.0)
    return centre_BT3, torch.where(usable_B, unit_B, 1.0), mask_BT & (seen_BT | ~usable_B[:, None])


def lagged(values_BTC: Tensor, seen_BTC: Tensor, lag: int) -> Tensor:
    """``[B, T, C]``: difference to ``lag`` frames before, zero where either was not seen."""
    earlier_BTC, known_BTC = (nn.functional.pad(x, (0, 0, lag, 0))[:, :-lag] for x in (values_BTC, seen_BTC))
    return (values_BTC - earlier_BTC) * seen_BTC * known_BTC
