"""What the training loops of all workloads share: seeds, groups of batches, memory, history, the optimizer."""

import csv
import ctypes
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import torch
from torch import nn

from kinetrace import files

Item = TypeVar("Item")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generators seeded inside the block and restored after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def hash_seed(*parts: int) -> int:
    """A 63-bit seed that depends on every part."""
    return int(files.digest_of(parts)[:15], 16)


def grouped(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """``size`` items a group; the last group of an epoch may hold fewer."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def adamw(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW; only matrices are decayed."""
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))


def history_csv(history: Sequence[dict[str, float]]) -> bytes:
    """One row an epoch."""
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in history for name in row))
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: repr(value) for name, value in row.items()} for row in history)
    return out.getvalue().encode()


def give_back_memory() -> None:
    """Return freed heap to the system: batches of many sizes leave gaps that would grow from epoch to epoch."""
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
