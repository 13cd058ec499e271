"""What a frame shows: a small convolutional network over the picture and its change since the one before.

Shape suffixes: B clips, n frames, P pixels, W width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

BYTE = 255.0
STAGES = (8, 4, 2, 1, 1)  # the width over that of each stage; each halves the picture


class FrameEncoder(nn.Module):
    """Frames to features: five strided convolutions, then all places side by side, as a camera stands still.

    The change of brightness since the frame before is a fourth channel: hands that come and go tell operations
    apart that look alike. Colours are normalized by ``normalize``. Batch norm needs no statistics at inference, and
    the exporter folds it into the convolutions; a batch holds frames of many clips.
    """

    mean_3: Tensor
    std_3: Tensor

    def __init__(self, pixels: int, width: int, dropout: float) -> None:
        super().__init__()
        channels, side = [4, *(width // share for share in STAGES)], pixels
        layers: list[nn.Module] = []
        for seen, made in pairwise(channels):
            layers += [nn.Conv2d(seen, made, 3, 2, 1, bias=False), nn.BatchNorm2d(made), nn.SiLU()]
            side = (side + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
        self.out = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(side * side * width, width))
        self.register_buffer("mean_3", torch.full((3,), 0.5))
        self.register_buffer("std_3", torch.full((3,), 0.25))

    def normalize(self, frames_nPP3: Tensor) -> None:
        """Take mean and spread of the colours of these frames, uint8."""
        values = frames_nPP3.double().flatten(0, -2) / BYTE
        self.mean_3.copy_(values.mean(0))
        self.std_3.copy_(values.std(0).clamp_min(1 / BYTE))

    def forward(self, frames_BnPP3: Tensor) -> Tensor:
        """``[B, n, W]`` of uint8 frames in their order in time."""
        x_BnPP3 = (frames_BnPP3 / BYTE - self.mean_3) / self.std_3
        grey_BnPP1 = x_BnPP3.mean(-1, keepdim=True)
        change_BnPP1 = torch.cat([torch.zeros_like(grey_BnPP1[:, :1]), grey_BnPP1[:, 1:] - grey_BnPP1[:, :-1]], 1)
        x_MPP4 = torch.cat([x_BnPP3, change_BnPP1], -1).flatten(0, 1)
        features_MW: Tensor = self.out(self.convolutions(x_MPP4.permute(0, 3, 1, 2)))
        return features_MW.view(frames_BnPP3.shape[0], frames_BnPP3.shape[1], -1)
