"""What a frame shows: a small convolutional network over the picture and what moves in it.

Shape suffixes: B clips, n frames, P pixels, W width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

COLOURS, LIVELY = 3, 2  # channels: of colour, and of what moves
DARK = 1.0  # the least spread of a clip's colours, of 255
STAGES = (4, 2, 1, 1)  # the width over that of each stage
STEM, HALVE = (7, 4, 3), (3, 2, 1)  # kernel, stride, padding: of the first stage, and of those after it


class FrameEncoder(nn.Module):
    """Frames to features: strided convolutions, then all places side by side, as a camera stands still.

    Colours are those of the clip set to mean 0 and spread 1, so that neither light nor a person's clothes matter much.
    Two channels show what moves: the change of brightness since the frame before, and how far each place is from its
    mean over the clip, which tells hands and what they hold from the table. Batch norm needs no statistics at
    inference, and the exporter folds it into the convolutions; a batch holds frames of many clips.
    """

    def __init__(self, pixels: int, width: int, dropout: float) -> None:
        super().__init__()
        channels, side = [COLOURS + LIVELY, *(width // share for share in STAGES)], pixels
        layers: list[nn.Module] = []
        for place, (seen, made) in enumerate(pairwise(channels)):
            kernel, stride, padding = HALVE if place else STEM
            layers += [nn.Conv2d(seen, made, kernel, stride, padding, bias=False), nn.BatchNorm2d(made), nn.SiLU()]
            side = -(-side // stride)
        self.convolutions = nn.Sequential(*layers)
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
        self.out = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(side * side * width, width))

    def forward(self, frames_BnPP3: Tensor, times_Bn: Tensor) -> Tensor:
        """``[B, n, W]`` of uint8 frames in their order in time; one that has the time before it again counts once."""
        x_BnPP3 = _levelled(frames_BnPP3.float(), _fresh(times_Bn))
        grey_BnPP1 = x_BnPP3.mean(-1, keepdim=True)
        change_BnPP1 = torch.cat([torch.zeros_like(grey_BnPP1[:, :1]), grey_BnPP1[:, 1:] - grey_BnPP1[:, :-1]], 1)
        usual_B1PP3 = _mean(x_BnPP3, _fresh(times_Bn), (1,))
        unusual_BnPP1 = (x_BnPP3 - usual_B1PP3).abs().mean(-1, keepdim=True)
        x_MPP5 = torch.cat([x_BnPP3, change_BnPP1, unusual_BnPP1], -1).flatten(0, 1)
        features_MW: Tensor = self.out(self.convolutions(x_MPP5.permute(0, 3, 1, 2)))
        return features_MW.view(frames_BnPP3.shape[0], frames_BnPP3.shape[1], -1)


def _fresh(times_Bn: Tensor) -> Tensor:
    """``[B, n, 1, 1, 1]``: 1 for a frame, 0 for one that is shown again to fill a batch."""
    later_Bn = torch.cat([torch.ones_like(times_Bn[:, :1], dtype=torch.bool), times_Bn[:, 1:] > times_Bn[:, :-1]], 1)
    return later_Bn[..., None, None, None]


def _mean(values_BnPP3: Tensor, fresh_Bn111: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Over ``axes``, of which the frames are one; those that are shown again do not count."""
    counted_BnPP3 = torch.where(fresh_Bn111, values_BnPP3, 0)
    frames_B1111 = fresh_Bn111.sum(1, keepdim=True)
    found: Tensor = counted_BnPP3.mean(axes, keepdim=True) * (values_BnPP3.shape[1] / frames_B1111)
    return found


def _levelled(values_BnPP3: Tensor, fresh_Bn111: Tensor) -> Tensor:
    """Each colour of each clip with mean 0 and spread 1."""
    centred_BnPP3 = values_BnPP3 - _mean(values_BnPP3, fresh_Bn111, (1, 2, 3))
    spread_B1113 = _mean(centred_BnPP3.square(), fresh_Bn111, (1, 2, 3)).sqrt()
    return centred_BnPP3 / spread_B1113.clamp_min(DARK)
