"""The training objective: two views of each clip, and the weighted losses over them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import LossParams
from kinetrace.sign.train import losses


@dataclass(frozen=True)
class Batch:
    """Two views a clip, stacked: ``frames_BTF`` and ``lengths_B`` hold first all views 0, then all views 1.

    ``sentence_B`` indexes the bank of sentences and ``text_BT`` its tokens; both are repeated likewise.
    """

    frames_BTF: Tensor
    lengths_B: Tensor
    sentence_B: Tensor
    text_BT: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on ``device``."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


class Objective(nn.Module):
    """The model with its losses: one forward pass, so that gradient synchronization over ranks just works."""

    bank_LE: Tensor

    def __init__(self, model: SignModel, bank_LE: Tensor, weights: LossParams) -> None:
        super().__init__()
        self.model = model
        self.weights = weights
        self.register_buffer("bank_LE", bank_LE, persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss by name, unweighted, and their weighted ``loss``."""
        model, weights = self.model, self.weights
        encoded = model.encode(batch.frames_BTF, batch.lengths_B)
        text_LD = model.project_text(self.bank_LE)
        sentence_B, scale = batch.sentence_B, model.scale
        parts = {
            "bank": losses.bank(encoded.embedding_BD, text_LD, sentence_B, scale),
            "clip": losses.clip(encoded.embedding_BD, text_LD[sentence_B], sentence_B, scale),
            "contrastive": losses.contrastive(encoded.embedding_BD, sentence_B),
        }
        logits_BTV = model.decoder(batch.text_BT[:, :-1], encoded.tokens_BNW, encoded.mask_BN)
        parts["generation"] = losses.generation(logits_BTV, batch.text_BT[:, 1:], weights.smoothing)
        parts["loss"] = torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
        return parts
