"""Product FSQ: finite scalar quantization (Mentzer et al. 2023, arXiv 2309.15505) of several groups of dimensions.

A level is a group, and its code a point of the group's small grid; no codebook is learned.
Shape suffixes: B rows, N rows of all data, D dimensions, Q levels, G dimensions of a grid.
"""

import math
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from kinetrace.tokens.model import gradients
from kinetrace.tokens.model.quantized import ABSENT, Quantized
from kinetrace.tokens.params import QuantizerParams

EPS = 1e-3  # of the paper: the outermost values are reached
SPREAD = 1.0  # standard deviation at the start: the bound then spreads a normal variable almost evenly


def grid(codes: int) -> tuple[int, ...]:
    """Values of each dimension: the largest grid of at most ``codes`` points.

    Each has 5 to 8 values, as the paper advises, or 2 to 8 where there are fewer than 25 codes.
    """
    sizes = range(8, 4, -1) if codes >= 25 else range(min(8, codes), 1, -1)
    most = int(math.log(codes, min(sizes)) + 1e-9)
    choices = [choice for count in range(1, most + 1) for choice in combinations_with_replacement(sizes, count)]
    return max((choice for choice in choices if math.prod(choice) <= codes), key=lambda one: (math.prod(one), min(one)))


class ProductGrid(nn.Module):
    """Kind ``fsq``: a linear map to ``levels`` groups, each rounded to its grid, and a linear map back."""

    sizes_G: Tensor
    radix_G: Tensor

    def __init__(self, dim: int, levels: int, codes: int, params: QuantizerParams, usage: bool) -> None:
        super().__init__()
        sizes = grid(codes)
        self.levels, self.sizes, self.usage = levels, sizes, usage
        self.register_buffer("sizes_G", torch.tensor(sizes), persistent=False)
        radix = [math.prod(sizes[:place]) for place in range(len(sizes))]
        self.register_buffer("radix_G", torch.tensor(radix), persistent=False)
        self.into = nn.Linear(dim, levels * len(sizes))
        self.back = nn.Linear(levels * len(sizes), dim)

    def forward(self, values_BD: Tensor, used: list[bool], seed: Tensor) -> Quantized:
        """Quantize by the levels that are used."""
        bounded_BQG = self._bounded(values_BD)
        points_BQG = gradients.straight_through(bounded_BQG, bounded_BQG.round())
        used_Q = torch.tensor(used, device=values_BD.device)
        codes_BQ = torch.where(used_Q, self._codes(points_BQG.detach()), ABSENT)
        usage = self._unevenness(bounded_BQG[:, used_Q]) if self.usage and self.training else values_BD.new_zeros(())
        return Quantized(self._out(points_BQG * used_Q[:, None]), codes_BQ, values_BD.new_zeros(()), usage)

    def encode(self, values_BD: Tensor) -> Tensor:
        """``[B, Q]``."""
        return self._codes(self._bounded(values_BD).round())

    def decode(self, codes_BQ: Tensor) -> Tensor:
        """``[B, D]``; an absent level adds nothing."""
        points_BQG = codes_BQ.clamp(min=0)[..., None] // self.radix_G % self.sizes_G - self.sizes_G // 2
        return self._out((points_BQG * (codes_BQ >= 0)[..., None]).float())

    def refit(self, values_ND: Tensor, generator: torch.Generator) -> None:
        """Nothing: the grid is fixed."""

    def start(self, values_ND: Tensor, generator: torch.Generator) -> None:
        """The map in goes to the principal axes of the rows, each spread over its grid; back by least squares."""
        mean_D = values_ND.mean(0)
        scales_D, axes_DD = torch.linalg.eigh(torch.cov((values_ND - mean_D).T, correction=0).double())
        number = min(len(axes_DD), len(self.into.weight))
        scales_P, axes_DP = scales_D[-number:].flip(0), axes_DD[:, -number:].flip(1)
        self.into.weight[:number] = (axes_DP * SPREAD / scales_P.clamp(min=1e-12).sqrt()).T.to(values_ND)
        self.into.bias.copy_(-self.into.weight @ mean_D)
        points_NP = (self._bounded(values_ND).round() / (self.sizes_G // 2)).flatten(1)
        ones_NP = torch.cat([points_NP, torch.ones_like(points_NP[:, :1])], 1)
        solved_PD = torch.linalg.lstsq(ones_NP.double().cpu(), values_ND.double().cpu(), driver="gelsd").solution
        self.back.weight.copy_(solved_PD[:-1].T)
        self.back.bias.copy_(solved_PD[-1])

    def _bounded(self, values_BD: Tensor) -> Tensor:
        """Values ``[B, Q, G]`` between the ends of the grid: the paper's ``f`` without the shift that brings 0 to a
        point of an even grid, which leaves one side of a coarse grid nearly out of reach.
        """
        half_G = (self.sizes_G - 1) * (1 + EPS) / 2
        even_G = 0.5 * (self.sizes_G % 2 == 0)
        free_BQG = self.into(values_BD).unflatten(1, (self.levels, len(self.sizes)))
        bounded_BQG: Tensor = free_BQG.tanh() * half_G - even_G
        return bounded_BQG

    def _codes(self, points_BQG: Tensor) -> Tensor:
        return ((points_BQG.long() + self.sizes_G // 2) * self.radix_G).sum(-1)

    def _out(self, points_BQG: Tensor) -> Tensor:
        values_BD: Tensor = self.back((points_BQG / (self.sizes_G // 2)).flatten(1))
        return values_BD

    def _unevenness(self, bounded_BQG: Tensor) -> Tensor:
        """The mean over the dimensions of all groups, each a codebook of its own."""
        found = []
        for place, size in enumerate(self.sizes):
            table_K1 = torch.arange(size, device=bounded_BQG.device, dtype=bounded_BQG.dtype)[:, None] - size // 2
            found += [gradients.unevenness(row_B[:, None], table_K1) for row_B in bounded_BQG[:, :, place].unbind(1)]
        return torch.stack(found).mean()
