"""Residual vector quantization (Zeghidour et al. 2021): each level quantizes what those before it left over.

Shape suffixes: B rows, N rows of all data, D dimensions, Q levels, K codes.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace.tokens.model import gradients
from kinetrace.tokens.model.codebook import Codebook
from kinetrace.tokens.model.quantized import ABSENT, Quantized
from kinetrace.tokens.model.search import nearest, search
from kinetrace.tokens.model.simvq import MappedCodebook
from kinetrace.tokens.params import QuantizerParams

Level = Codebook | MappedCodebook

LLOYD = 10
ROUNDS, QUIET = 50, 12  # of refitting, and those at the end in which no code is split


class Residual(nn.Module):
    """The levels of kind ``vq`` and ``simvq``."""

    def __init__(self, dim: int, levels: int, codes: int, params: QuantizerParams, usage: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.levels = nn.ModuleList(self._level(dim, codes, params, generator) for _ in range(levels))
        self.join = gradients.rotated if params.rotation else gradients.straight_through
        self.usage, self.beam = usage, params.beam
        self.steps = LLOYD if params.kmeans else 0

    @staticmethod
    def _level(dim: int, codes: int, params: QuantizerParams, generator: torch.Generator) -> Level:
        if params.kind == "simvq":
            return MappedCodebook(dim, codes, generator)
        return Codebook(dim, codes, params, generator)

    def _levels(self) -> list[Level]:
        return cast(list[Level], list(self.levels))

    def _handicaps(self, indices: Iterable[int]) -> list[Tensor]:
        return [self._levels()[index].handicap_K for index in indices]

    def forward(self, values_BD: Tensor, used: list[bool], seed: Tensor) -> Quantized:
        """Quantize by the levels that are used; while training, their codebooks follow."""
        tables = {index: level.table() for index, level in enumerate(self._levels()) if used[index]}
        codes_BQ = torch.full((len(values_BD), len(used)), ABSENT, device=values_BD.device)
        with torch.no_grad():
            codes_BQ[:, list(tables)] = search(values_BD, list(tables.values()), self._handicaps(tables), self.beam)
        left_BD, total_BD = values_BD, torch.zeros_like(values_BD)
        commitments, usages = [], []
        for index, table_KD in tables.items():
            level, codes_B = self._levels()[index], codes_BQ[:, index].contiguous()
            found_BD = F.embedding(codes_B, table_KD)
            commitments.append(level.commitment(left_BD, found_BD))
            if self.usage and self.training:
                fixed_KD = table_KD.detach().clone()  # the graph keeps it, and the codebook moves before the backward
                usages.append(gradients.unevenness(left_BD, fixed_KD))
            if self.training:
                level.update(left_BD.detach(), codes_B, seed * len(self.levels) + index)
            left_BD, total_BD = left_BD - found_BD.detach(), total_BD + found_BD.detach()
        usage = torch.stack(usages).mean() if usages else values_BD.new_zeros(())
        joined_BD = self.join(values_BD, total_BD)
        return Quantized(joined_BD, codes_BQ, torch.stack(commitments).mean(), usage)

    def encode(self, values_BD: Tensor) -> Tensor:
        """``[B, Q]``."""
        return search(
            values_BD, [level.table() for level in self._levels()], self._handicaps(range(len(self.levels))), self.beam
        )

    def decode(self, codes_BQ: Tensor) -> Tensor:
        """``[B, D]``; an absent level adds nothing."""
        total = torch.zeros((), device=codes_BQ.device)
        for index, level in enumerate(self._levels()):
            codes_B = codes_BQ[:, index]
            total = total + F.embedding(codes_B.clamp(min=0), level.table()) * (codes_B >= 0)[:, None]
        return total

    def refit(self, values_ND: Tensor, generator: torch.Generator) -> None:
        """Codes for encoder outputs that no longer move, all levels together; codes with few rows split crowded ones.

        Enhanced LBG (Patane & Russo 2001) over the codes that the beam search gives.
        """
        for number in range(ROUNDS):
            codes_NQ, left_ND = self.encode(values_ND), values_ND
            for level, codes_N in zip(self._levels(), codes_NQ.unbind(1), strict=True):
                found_ND = level.table()[codes_N]
                level.refit(left_ND, codes_N.contiguous(), number < ROUNDS - QUIET, generator)
                left_ND = left_ND - found_ND

    def start(self, values_ND: Tensor, generator: torch.Generator) -> None:
        """Each level by k-means over what those before it leave over."""
        left_ND = values_ND
        for level in self._levels():
            level.start(left_ND, self.steps, generator)
            left_ND = left_ND - F.embedding(nearest(left_ND, level.table()), level.table())
