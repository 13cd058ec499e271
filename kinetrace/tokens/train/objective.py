"""The training objective: what the tokenizer makes of a batch of windows, and the weighted losses over it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinetrace.tokens.model.network import PoseTokenizer, Windows
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


class Objective(nn.Module):
    """The model with its losses: one forward pass, so that gradient synchronization over ranks just works.

    ``quantize`` is off while the network warms up as a plain autoencoder, so that the codebooks start from latents
    that mean something. ``generator``: where the quantizer dropout is drawn from.
    """

    def __init__(self, model: PoseTokenizer, weights: LossParams, stride: int) -> None:
        super().__init__()
        self.model, self.weights, self.stride = model, weights, stride
        self.quantize = False
        self.generator: torch.Generator | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss by name, unweighted means over the parts, and their weighted ``loss``: this rank's shares."""
        found = [self._part(part, batch[part]) for part in self.model.parts]
        values = {name: torch.stack([losses_of[name] for losses_of in found]).mean() for name in found[0]}
        total = torch.stack([getattr(self.weights, name) * value for name, value in values.items()]).sum()
        return values | {"loss": total}

    def _part(self, part: str, batch: PartBatch) -> dict[str, Tensor]:
        latent_BD = self.model.latent(part, batch.seen)
        commitment = usage = latent_BD.new_zeros(())
        if self.quantize:
            quantized = self.model.quantizer(part)(latent_BD, generator=self.generator)
            latent_BD, commitment, usage = quantized.values, quantized.commitment, quantized.usage
        found_BLK2 = self.model.positions(part, latent_BD)
        values = {
            "position": losses.position(found_BLK2, batch.true),
            "velocity": losses.velocity(found_BLK2, batch.true),
            "commitment": commitment,
            "usage": usage,
        }
        if self.weights.temporal:
            values["temporal"] = losses.temporal(found_BLK2, batch.true, batch.pairs_E2, self.stride)
        return values
