"""Layers that more than one workload builds its network from.

Shape suffixes: B rows, N tokens, W width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 4


class AttentionBlock(nn.Module):
    """Pre-norm self-attention and feed-forward; keys outside the mask are never seen."""

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BNW: Tensor, mask_BN1: Tensor) -> Tensor:
        x_BNW = x_BNW + self.dropout(self._attend(self.norm_attention(x_BNW), mask_BN1))
        fed_BNW: Tensor = x_BNW + self.dropout(self.feed(self.norm_feed(x_BNW)))
        return fed_BNW

    def _attend(self, x_BNW: Tensor, mask_BN1: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.query_key_value(x_BNW).chunk(3, -1)
        )
        visible = (mask_BN1 > 0).mT[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        joined_BNW: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return joined_BNW


def sinusoids(x_BNW: Tensor) -> Tensor:
    """``[N, W]`` positions as in Vaswani et al. 2017."""
    width = x_BNW.shape[-1]
    place = torch.arange(x_BNW.shape[1], device=x_BNW.device, dtype=x_BNW.dtype)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=x_BNW.device, dtype=x_BNW.dtype) * (-math.log(1e4) / width))
    return torch.cat([torch.sin(place * rate), torch.cos(place * rate)], -1)
