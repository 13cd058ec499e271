"""The training objective: what the tokenizer makes of a batch of windows, and the weighted losses over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kinetrace.tokens.model.network import PoseTokenizer, Windows
from kinetrace.tokens.model.quantized import ABSENT, Quantized
from kinetrace.tokens.params import LossParams
from kinetrace.tokens.train import losses


@dataclass(frozen=True)
class PartBatch:
    """Present chunks of one part as the network ``seen`` them and as they are ``true``; ``pairs_E2`` of neighbours."""

    seen: Windows
    true: Windows
    pairs_E2: Tensor

    def to(self, device: torch.device) -> "PartBatch":
        return PartBatch(self.seen.to(device), self.true.to(device), self.pairs_E2.to(device))


Batch = Mapping[str, PartBatch]
Phase = Literal["autoencode", "quantize", "settle"]


class Objective(nn.Module):
    """The model with its losses: one forward pass, so that gradient synchronization over ranks just works.

    ``phase`` ``autoencode``: nothing is quantized, so that the codebooks start from latents that mean something;
    ``quantize``: everything learns; ``settle``: the codes stay as they are and the decoder alone learns.
    ``generator``: where the quantizer dropout is drawn from.
    """

    def __init__(self, model: PoseTokenizer, weights: LossParams, stride: int) -> None:
        super().__init__()
        self.model, self.weights, self.stride = model, weights, stride
        self.phase: Phase = "autoencode"
        self.generator: torch.Generator | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss by name, unweighted means over the parts, and their weighted ``loss``: this rank's shares."""
        found = [self._part(part, batch[part]) for part in self.model.parts]
        values = {name: torch.stack([losses_of[name] for losses_of in found]).mean() for name in found[0]}
        total = torch.stack([getattr(self.weights, name) * value for name, value in values.items()]).sum()
        return values | {"loss": total}

    def _part(self, part: str, batch: PartBatch) -> dict[str, Tensor]:
        quantized = self._quantized(part, batch.seen)
        latent_BD = quantized.values
        found_BLK2, spread = self.model.positions(part, latent_BD), self.model.scaling(part).spread
        values = {
            "position": losses.position(found_BLK2, batch.true, spread),
            "velocity": losses.velocity(found_BLK2, batch.true, spread),
            "commitment": quantized.commitment,
            "usage": quantized.usage,
        }
        if self.weights.temporal:
            values["temporal"] = losses.temporal(found_BLK2, batch.true, batch.pairs_E2, self.stride, spread)
        return values

    def _quantized(self, part: str, windows: Windows) -> Quantized:
        """What the decoder gets in this phase."""
        quantizer = self.model.quantizer(part)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.phase != "settle"):
            latent_BD = self.model.latent(part, windows)
            if self.phase == "quantize":
                found: Quantized = quantizer(latent_BD, generator=self.generator)
                return found
            none = latent_BD.new_zeros(())
            if self.phase == "settle":
                codes_BQ = quantizer.encode(latent_BD)
                return Quantized(quantizer.decode(codes_BQ), codes_BQ, none, none)
            codes_BQ = torch.full((len(latent_BD), quantizer.count), ABSENT, device=latent_BD.device)
            return Quantized(latent_BD, codes_BQ, none, none)
