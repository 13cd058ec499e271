"""What the quantizer asks of other ranks; without a process group each of these is the identity."""

import torch
import torch.distributed as dist
from torch import Tensor


def active() -> bool:
    """Whether there is another rank to agree with."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def total(value: Tensor) -> Tensor:
    """The sum of ``value`` over all ranks."""
    if not active():
        return value
    value = value.contiguous()
    dist.all_reduce(value)
    return value


def gathered(value: Tensor) -> Tensor:
    """``value`` of every rank, stacked on a new first axis; its shape is the same on all."""
    if not active():
        return value[None]
    parts = [torch.empty_like(value) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, value.contiguous())
    return torch.stack(parts)


def from_first(value: Tensor) -> None:
    """Overwrite ``value`` by that of rank 0."""
    if active():
        dist.broadcast(value, 0)


def first() -> bool:
    """Whether this is rank 0, or alone."""
    return not active() or dist.get_rank() == 0


def span(rows: int, device: torch.device) -> tuple[int, int]:
    """Where this rank's rows start in the batch of all ranks, and how many rows that batch has."""
    if not active():
        return 0, rows
    sizes = gathered(torch.tensor(rows, device=device)).tolist()
    return int(sum(sizes[: dist.get_rank()])), int(sum(sizes))


def share(sum_: Tensor, count: Tensor) -> Tensor:
    """This rank's share of a mean over the rows of all: the shares' own mean is ``sum_`` over ``count``, each totalled.

    Gradients that are averaged over ranks are then those of the whole batch, however it is split; 0 without rows.
    """
    return sum_ / mean(count.detach().clone()).clamp(min=1e-6)


def mean(value: Tensor) -> Tensor:
    """The mean of ``value`` over all ranks."""
    return total(value) / dist.get_world_size() if active() else value
