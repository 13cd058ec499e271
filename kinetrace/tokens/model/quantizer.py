"""The quantizer of one body part: latent vectors to codes at several levels, and back.

Shape suffixes: B rows, N rows of all data, D dimensions, Q levels.
"""

import torch
from torch import Tensor, nn

from kinetrace.tokens.model import ranks
from kinetrace.tokens.model.fsq import ProductGrid
from kinetrace.tokens.model.quantized import ABSENT, Quantized
from kinetrace.tokens.model.residual import Residual
from kinetrace.tokens.params import QuantizerParams

__all__ = ["ABSENT", "Quantized", "ResidualQuantizer"]


class ResidualQuantizer(nn.Module):
    """``levels`` × ``codes`` codes for vectors of ``dim``, of the kind that ``params`` names.

    It computes in float32 whatever the input or autocast, and gives values in the input's type. All its state is in
    buffers. ``usage`` off saves the time of that term where its weight is 0. With a process group, every rank ends
    with the same codebooks to the bit, provided that all give the same ``dropped`` or the same state of ``generator``.
    """

    seed: Tensor
    step: Tensor

    def __init__(self, dim: int, levels: int, codes: int, params: QuantizerParams, usage: bool = True) -> None:
        super().__init__()
        core = ProductGrid if params.kind == "fsq" else Residual
        self.core = core(dim, levels, codes, params, usage)
        self.count, self.dropout = levels, params.dropout
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(
        self, values_BD: Tensor, dropped: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Quantized:
        """Quantize a batch; while training, the codebooks follow it.

        Args:
            values_BD: what the encoder gives.
            dropped: bool ``[Q]``, the levels to leave out; by default those that ``drop`` draws.
            generator: where the quantizer dropout is drawn from; without one, all levels are used.

        Raises:
            ValueError: ``dropped`` leaves no level.
        """
        if dropped is None:
            dropped = self.drop(generator)
        used = [not flag for flag in dropped.tolist()]
        if not any(used):
            raise ValueError("every level is dropped: keep at least one")
        with torch.autocast(values_BD.device.type, enabled=False):
            found: Quantized = self.core(values_BD.float(), used, self._next())
        return Quantized(found.values.to(values_BD.dtype), found.codes, found.commitment, found.usage)

    def drop(self, generator: torch.Generator | None) -> Tensor:
        """Levels to leave out of a step, bool ``[Q]``: in a share ``dropout`` of the steps the last few, never all."""
        kept = self.count
        if self.training and self.dropout and generator is not None:
            chance = torch.rand((), generator=generator, device=generator.device)
            number = torch.randint(1, self.count + 1, (), generator=generator, device=generator.device)
            kept = int(number) if chance < self.dropout else kept
        return torch.arange(self.count) >= kept

    def encode(self, values_BD: Tensor) -> Tensor:
        """The codes ``[B, Q]`` of a batch; changes nothing."""
        with torch.autocast(values_BD.device.type, enabled=False):
            codes_BQ: Tensor = self.core.encode(values_BD.float())
        return codes_BQ

    def decode(self, codes_BQ: Tensor) -> Tensor:
        """The vectors ``[B, D]`` of codes ``[B, Q]``; a level of -1 adds nothing."""
        with torch.autocast(codes_BQ.device.type, enabled=False):
            values_BD: Tensor = self.core.decode(codes_BQ)
        return values_BD

    @torch.no_grad()
    def start(self, values_ND: Tensor, seed: int) -> None:
        """Start from data: level by level, on what the levels before leave over; rank 0's rows decide.

        ``seed`` decides this start and which rows dead codes move to later.
        """
        self.seed.fill_(seed)
        self.step.zero_()
        if ranks.first():
            with torch.autocast(values_ND.device.type, enabled=False):
                self.core.start(values_ND.float(), torch.Generator().manual_seed(seed))
        for value in self.state_dict().values():
            ranks.from_first(value)

    @torch.no_grad()
    def refit(self, values_ND: Tensor) -> None:
        """Fit the codebooks to all data at once, for an encoder that no longer changes; rank 0's rows decide."""
        if ranks.first():
            with torch.autocast(values_ND.device.type, enabled=False):
                self.core.refit(values_ND.float(), torch.Generator().manual_seed(int(self.seed)))
        for value in self.state_dict().values():
            ranks.from_first(value)

    def _next(self) -> Tensor:
        """A seed for this step, left on the device: it is read only when a code is dead."""
        if self.training:
            self.step += 1
        return self.seed * 1_000_003 + self.step
