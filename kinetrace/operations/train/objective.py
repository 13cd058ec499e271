"""The training objective: what the network says of a batch of clips, and the weighted losses over it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinetrace.operations.model.batches import Seen
from kinetrace.operations.model.targets import NOTHING, Targets
from kinetrace.operations.model.tcn import OperationsNet, Said
from kinetrace.operations.params import LossParams
from kinetrace.operations.train import losses


@dataclass(frozen=True)
class Truth:
    """``Targets`` of a batch."""

    operation_B: Tensor
    span_B2: Tensor
    next_B: Tensor
    moment_BN: Tensor

    @classmethod
    def of(cls, targets: Targets) -> "Truth":
        arrays = (targets.operation_C, targets.span_C2, targets.next_C, targets.moment_CN)
        return cls(*map(torch.from_numpy, arrays))

    def to(self, device: torch.device) -> "Truth":
        tensors = (self.operation_B, self.span_B2, self.next_B, self.moment_BN)
        return Truth(*(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class Batch:
    """Clips as the network sees them, with what is true of them."""

    seen: Seen
    truth: Truth

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.seen.to(device), self.truth.to(device))


class Objective(nn.Module):
    """The model with its losses: one forward pass, so that gradient synchronization over ranks just works.

    ``balance_K``: how heavy a moment of each operation is, see ``balance``.
    """

    balance_K: Tensor

    def __init__(self, model: OperationsNet, weights: LossParams, balance_K: Tensor) -> None:
        super().__init__()
        self.model, self.weights = model, weights
        self.register_buffer("balance_K", balance_K, persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss by name, unweighted, and their weighted ``loss``."""
        seen, truth = batch.seen, batch.truth
        said = self.model(seen.frames_BnPP3, seen.times_Bn, seen.present_BN)
        values = self._losses(said, truth)
        total = torch.stack([getattr(self.weights, name) * value for name, value in values.items()]).sum()
        return values | {"loss": total}

    def _losses(self, said: Said, truth: Truth) -> dict[str, Tensor]:
        smoothing, geometry = self.weights.smoothing, self.model.geometry
        moment_BT = truth.moment_BN[:, geometry.before :]
        spans_BTT = said.spans(truth.operation_B.clamp_min(0))
        return {
            "operation": losses.label(said.operation_BK, truth.operation_B, smoothing),
            "frame": losses.label(said.frames_BTK.flatten(0, 1), moment_BT.flatten(), smoothing, self.balance_K),
            "span": losses.span(spans_BTT, truth.span_B2 * geometry.fps, truth.operation_B != NOTHING),
            "next": losses.label(said.next_BK, truth.next_B, smoothing),
        }


def balance(moment_CN: Tensor, operations: int) -> Tensor:
    """``[K]`` weights by the square root of rarity, of mean 1 over the moments: half way to all operations alike."""
    counts_K = torch.bincount(moment_CN[moment_CN != NOTHING], minlength=operations).clamp_min(1)
    weights_K = counts_K.float().rsqrt()
    balanced_K: Tensor = weights_K * counts_K.sum() / (weights_K * counts_K).sum()
    return balanced_K
