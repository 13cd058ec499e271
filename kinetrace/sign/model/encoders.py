"""Encoders by name behind one interface: channels and mask to tokens, padded or not the same.

Shape suffixes: B clips, T frames, N tokens (every second frame), C channels, W width.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from kinetrace.layers import AttentionBlock, sinusoids

KERNEL = 17  # frames a depthwise convolution sees, as in the best landmark models of public competitions


class DepthwiseBlock(nn.Module):
    """Depthwise convolution over time and an inverted bottleneck, residual; padding never leaks in."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.conv = nn.Conv1d(2 * width, 2 * width, KERNEL, padding=KERNEL // 2, groups=2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTW: Tensor, mask_BT1: Tensor) -> Tensor:
        hidden = F.silu(self.widen(self.norm(x_BTW))) * mask_BT1
        hidden = F.silu(self.conv(hidden.mT).mT)
        return x_BTW + self.dropout(self.narrow(hidden))


class Halve(nn.Module):
    """Every second frame through a strided convolution; the mask goes along."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, width, 5, stride=2, padding=2)

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> tuple[Tensor, Tensor]:
        mask_BN1 = mask_BT1[:, ::2]
        return self.conv((x_BTC * mask_BT1).mT).mT * mask_BN1, mask_BN1


class Encoder(nn.Module):
    """Stem, blocks at the full rate, halving, blocks at half rate; subclasses say which blocks."""

    def __init__(self, channels: int, width: int, depth: int, dropout: float, recompute: bool) -> None:
        super().__init__()
        self.stem = nn.Linear(channels, width)
        self.halve = Halve(width, width)
        self.recompute = recompute
        self.full_rate, self.half_rate = self.blocks(width, depth, dropout)
        self.norm = nn.LayerNorm(width)

    def blocks(self, width: int, depth: int, dropout: float) -> tuple[nn.ModuleList, nn.ModuleList]:
        """The blocks before and after halving."""
        raise NotImplementedError

    def forward(self, x_BTC: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens ``[B, N, W]`` and their mask ``[B, N]``."""
        mask_BT1 = mask_BT[..., None].to(x_BTC.dtype)
        x_BTW = self.stem(x_BTC) * mask_BT1
        x_BTW = self._through(self.full_rate, x_BTW, mask_BT1)
        x_BNW, mask_BN1 = self.halve(x_BTW, mask_BT1)
        x_BNW = self._through(self.half_rate, self.placed(x_BNW), mask_BN1)
        return self.norm(x_BNW) * mask_BN1, mask_BN1[..., 0] > 0

    def placed(self, x_BNW: Tensor) -> Tensor:
        """Tokens with their position in time."""
        return x_BNW + sinusoids(x_BNW)

    def _through(self, blocks: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
        for block in blocks:
            again = self.recompute and self.training
            x = checkpoint(block, x, mask, use_reentrant=False) if again else block(x, mask)
        return x


class ConvEncoder(Encoder):
    """Depthwise convolutions with Transformer blocks behind them."""

    def blocks(self, width: int, depth: int, dropout: float) -> tuple[nn.ModuleList, nn.ModuleList]:
        before = nn.ModuleList([DepthwiseBlock(width, dropout)])
        after = nn.ModuleList()
        for _ in range(depth):
            after.extend([DepthwiseBlock(width, dropout), AttentionBlock(width, dropout)])
        return before, after


class TransformerEncoder(Encoder):
    """A strided convolution and Transformer blocks."""

    def blocks(self, width: int, depth: int, dropout: float) -> tuple[nn.ModuleList, nn.ModuleList]:
        return nn.ModuleList(), nn.ModuleList(AttentionBlock(width, dropout) for _ in range(2 * depth))


class GruBlock(nn.Module):
    """A bidirectional GRU, residual; the backward direction starts at each clip's own last token."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.ahead, self.back = nn.GRU(width, width // 2), nn.GRU(width, width // 2)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BNW: Tensor, mask_BN1: Tensor) -> Tensor:
        x = self.norm(x_BNW) * mask_BN1
        ahead = _recur(self.ahead, x)
        back = reversed_in_time(_recur(self.back, reversed_in_time(x, mask_BN1)), mask_BN1)
        both = torch.cat([ahead, back], -1)
        return x_BNW + self.dropout(both) * mask_BN1


def _recur(gru: nn.GRU, x_BNW: Tensor) -> Tensor:
    """States ``[B, N, H]``; in an ONNX graph its own GRU operator, since torch 2.13 fails to decompose ``aten.gru``."""
    x_NBW = x_BNW.transpose(0, 1)
    states_NBH: Tensor = _onnx_gru(gru, x_NBW) if torch.onnx.is_in_onnx_export() else gru(x_NBW)[0]
    return states_NBH.transpose(0, 1)


def _onnx_gru(gru: nn.GRU, x_NBW: Tensor) -> Tensor:
    """https://onnx.ai/onnx/operators/onnx__GRU.html: gates in the order z, r, h where torch has r, z, n."""

    def gates(weights: Tensor) -> Tensor:
        reset, update, new = weights.chunk(3)
        return torch.cat([update, reset, new])[None]

    input_weights, state_weights, input_bias, state_bias = (gates(weights) for weights in gru.all_weights[0])
    inputs = (x_NBW, input_weights, state_weights, torch.cat([input_bias, state_bias], -1))
    size = gru.hidden_size
    shape = [x_NBW.shape[0], 1, x_NBW.shape[1], size]
    attributes: dict[str, Any] = {"hidden_size": size, "linear_before_reset": 1}
    states: Tensor = torch.onnx.ops.symbolic("GRU", inputs, attributes, dtype=x_NBW.dtype, shape=shape)
    return states[:, 0]


class GruEncoder(Encoder):
    """A strided convolution and bidirectional GRUs (with the motion-aware pooling: SignTalk's deployed encoder)."""

    def blocks(self, width: int, depth: int, dropout: float) -> tuple[nn.ModuleList, nn.ModuleList]:
        return nn.ModuleList(), nn.ModuleList(GruBlock(width, dropout) for _ in range(depth))

    def placed(self, x_BNW: Tensor) -> Tensor:
        """A recurrence knows its position."""
        return x_BNW


def reversed_in_time(x_BNW: Tensor, mask_BN1: Tensor) -> Tensor:
    """Each clip's own tokens in reverse order, padding left where it is."""
    lengths_B1 = mask_BN1[..., 0].sum(-1, keepdim=True).long()
    place_BN = torch.arange(x_BNW.shape[1], device=x_BNW.device)[None]
    source_BN = torch.where(place_BN < lengths_B1, lengths_B1 - 1 - place_BN, place_BN)
    return x_BNW.gather(1, source_BN[..., None].expand_as(x_BNW))


ENCODERS: dict[str, Callable[..., Encoder]] = {
    "conv": ConvEncoder,
    "gru": GruEncoder,
    "transformer": TransformerEncoder,
}
