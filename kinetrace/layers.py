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
        query, key, value = split_heads(self.query_key_value(x_BNW), 3)
        visible = (mask_BN1 > 0).mT[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        joined_BNW: Tensor = self.out(joined_heads(attended))
        return joined_BNW


def split_heads(x_BNX: Tensor, parts: int) -> Tensor:
    """``[parts, B, heads, N, channels of a head]``: queries, keys or values that lie side by side."""
    return torch.unflatten(x_BNX, -1, (parts, HEADS, -1)).permute(2, 0, 3, 1, 4)


def joined_heads(x_BHNd: Tensor) -> Tensor:
    """``[B, N, W]``: the heads side by side again."""
    return x_BHNd.transpose(1, 2).flatten(2)


def sinusoids(x_BNW: Tensor, before: int = 0) -> Tensor:
    """``[N, W]`` positions as in Vaswani et al. 2017, counted from ``before``."""
    width = x_BNW.shape[-1]
    place = torch.arange(x_BNW.shape[1], device=x_BNW.device, dtype=x_BNW.dtype)[:, None] + before
    rate = torch.exp(torch.arange(0, width, 2, device=x_BNW.device, dtype=x_BNW.dtype) * (-math.log(1e4) / width))
    return torch.cat([torch.sin(place * rate), torch.cos(place * rate)], -1)
