"""Gradient caching: many batches as one for the losses that compare clips, with the memory of a single one.

Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup",
https://arxiv.org/abs/2101.06983.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from kinetrace import loop
from kinetrace.sign.train.objective import Batch, Cached, Objective, Points


def cached(accelerator: Accelerator, objective: nn.Module, batches: Sequence[Batch]) -> dict[str, Tensor]:
    """The gradient of all ``batches`` as one, left in the weights; the losses of that one batch.

    Each batch is encoded twice: without gradients, so that the losses over all embeddings give the gradient at each
    embedding, then with the same dropout once more, to carry that gradient into the weights together with the losses
    on the batch's own tokens. Activations live for one batch at a time. Over several ranks each rank's batches are
    one batch of its own, and the ranks' gradients are averaged.
    """
    inner: Objective = accelerator.unwrap_model(objective)
    seeds = torch.randint(2**62, (len(batches),)).tolist()
    embeddings = [_embedded(accelerator, inner, batch, seed) for batch, seed in zip(batches, seeds, strict=True)]
    gradient, found = _compared(inner, embeddings, batches)
    total = {name: value.detach() for name, value in found.items()}
    steps = list(zip(batches, seeds, _parts(gradient, list(map(len, embeddings))), _shares(batches), strict=True))
    for place, (batch, seed, part, shares) in enumerate(steps, start=1):
        with loop.seeded(seed), nullcontext() if place == len(steps) else accelerator.no_sync(objective):
            own = objective(batch.to(accelerator.device), Cached(part, shares))
            accelerator.backward(own.pop("loss"))
        for name, value in own.items():
            total[name] = total.get(name, 0) + value.detach() * shares[name]
    return total | {"loss": inner.total(total)}


@torch.no_grad()
def _embedded(accelerator: Accelerator, objective: Objective, batch: Batch, seed: int) -> Tensor:
    """``[B, D]``, with the dropout of ``seed``."""
    batch = batch.to(accelerator.device)
    with loop.seeded(seed), accelerator.autocast():
        return objective.model.encode(batch.frames_BTF, batch.lengths_B).embedding_BD


def _compared(
    objective: Objective, embeddings: Sequence[Tensor], batches: Sequence[Batch]
) -> tuple[Points, dict[str, Tensor]]:
    """The gradient of the weighted losses of retrieval at all points, and these losses."""
    with torch.no_grad():
        values = objective.points(torch.cat(list(embeddings))).values()
    points = Points(*(value.detach().requires_grad_() for value in values))
    sentence_B, anchor_B = (
        torch.cat([getattr(batch, name) for batch in batches]).to(points.scale.device)
        for name in ("sentence_B", "anchor_B")
    )
    found = objective.retrieval(points, sentence_B, anchor_B)
    total = objective.total(found, 0 * points.scale)  # there may be no loss with a weight
    return Points(*torch.autograd.grad(total, points.values(), materialize_grads=True)), found


def _parts(gradient: Points, sizes: Sequence[int]) -> list[Points]:
    """Each batch gets the gradient at its clips, and an equal part of that at texts and scale."""
    anchor_AD, scale = gradient.anchor_AD / len(sizes), gradient.scale / len(sizes)
    return [Points(own_BD, anchor_AD, scale) for own_BD in torch.split(gradient.embedding_BD, list(sizes))]


def _shares(batches: Sequence[Batch]) -> list[dict[str, Tensor]]:
    """Of what each loss on tokens is the mean over, the share that lies in each batch."""
    units = [batch.units() for batch in batches]
    whole = {name: torch.stack([one[name] for one in units]).sum().clamp(min=1) for name in units[0]}
    return [{name: one[name] / whole[name] for name in whole} for one in units]
