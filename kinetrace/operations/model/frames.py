"""What a frame shows: a small convolutional network over the picture and its change since the one before.

Shape suffixes: B clips, n frames, P pixels, W width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

BYTE, COLOURS = 255.0, 3
STAGES = (4, 2, 1, 1)  # the width over that of each stage
STEM, HALVE = (7, 4, 3), (3, 2, 1)  # kernel, stride, padding: of the first stage, and of those after it


class FrameEncoder(nn.Module):
    """Frames to features: strided convolutions, then all places side by side, as a camera stands still.

    The change of brightness since the frame before is a fourth channel: hands that come and go tell operations
    apart that look alike. Colours are normalized by ``normalize``. Batch norm needs no statistics at inference, and
    the exporter folds it into the convolutions; a batch holds frames of many clips.
    """

    mean_4: Tensor
    std_4: Tensor

    def __init__(self, pixels: int, width: int, dropout: float) -> None:
        super().__init__()
        channels, side = [COLOURS + 1, *(width // share for share in STAGES)], pixels
        layers: list[nn.Module] = []
        for place, (seen, made) in enumerate(pairwise(channels)):
            kernel, stride, padding = HALVE if place else STEM
            layers += [nn.Conv2d(seen, made, kernel, stride, padding, bias=False), nn.BatchNorm2d(made), nn.SiLU()]
            side = -(-side // stride)
        self.convolutions = nn.Sequential(*layers)
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
        self.out = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(side * side * width, width))
        self.register_buffer("mean_4", torch.tensor([*[0.5 * BYTE] * COLOURS, 0.0]))
        self.register_buffer("std_4", torch.full((COLOURS + 1,), 0.25 * BYTE))

    def normalize(self, frames_nPP3: Tensor) -> None:
        """Take mean and spread of the colours of these frames, uint8; a change is measured by the mean spread."""
        values_M3 = frames_nPP3.double().flatten(0, -2)
        self.mean_4[:COLOURS] = values_M3.mean(0)
        self.std_4[:COLOURS] = values_M3.std(0).clamp_min(1)
        self.std_4[COLOURS] = self.std_4[:COLOURS].mean()

    def forward(self, frames_BnPP3: Tensor) -> Tensor:
        """``[B, n, W]`` of uint8 frames in their order in time."""
        x_BnPP3 = frames_BnPP3.to(self.mean_4.dtype)
        grey_BnPP1 = x_BnPP3.mean(-1, keepdim=True)
        change_BnPP1 = torch.cat([torch.zeros_like(grey_BnPP1[:, :1]), grey_BnPP1[:, 1:] - grey_BnPP1[:, :-1]], 1)
        x_MPP4 = torch.cat([x_BnPP3, change_BnPP1], -1).flatten(0, 1)
        normed_MPP4 = torch.addcmul(-self.mean_4 / self.std_4, x_MPP4, 1 / self.std_4)
        features_MW: Tensor = self.out(self.convolutions(normed_MPP4.permute(0, 3, 1, 2)))
        return features_MW.view(frames_BnPP3.shape[0], frames_BnPP3.shape[1], -1)
