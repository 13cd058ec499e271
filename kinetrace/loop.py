"""What the training loops of all workloads share: seeds, steps, the state between epochs, history."""

import csv
import ctypes
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from kinetrace import files
from kinetrace.errors import KinetraceError

Item = TypeVar("Item")


class Stateful(Protocol):
    """A model, an optimizer, a schedule, a scaler."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


@dataclass(frozen=True)
class Resume:
    """What a training is between two epochs, in the file ``path``: ``parts`` by name, and the history."""

    path: Path
    parts: Mapping[str, Stateful]

    def save(self, history: Sequence[dict[str, float]]) -> None:
        """Replace the file in one step."""
        with files.staged(self.path) as partial:
            torch.save({name: part.state_dict() for name, part in self.parts.items()} | {"history": history}, partial)

    def load(self) -> list[dict[str, float]]:
        """Put the parts back as they were; the history, which is empty where there is no file."""
        if not self.path.is_file():
            return []
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        history: list[dict[str, float]] = state["history"]
        return history


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generators seeded inside the block and restored after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def hash_seed(*parts: int | str) -> int:
    """A 60-bit seed that depends on every part."""
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


def rate(done: float, warmup: float) -> float:
    """The learning rate's share of its largest at ``done`` in [0, 1]: up in a line, then down half a cosine."""
    if done < warmup:
        return done / warmup
    return (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2 if warmup < 1 else 1.0


def scaler(accelerator: Accelerator) -> torch.amp.GradScaler:
    """The loss scaler of fp16; one that does nothing elsewhere."""
    return accelerator.scaler or torch.amp.GradScaler("cpu", enabled=False)


def accumulated(
    accelerator: Accelerator, objective: nn.Module, batches: Iterable[Any], size: int
) -> list[dict[str, Tensor]]:  # fmt: skip
    """The mean gradient of ``size`` batches, one in memory at a time, left in the weights; each batch's losses."""
    rows: list[dict[str, Tensor]] = []
    for place, batch in enumerate(batches, start=1):
        with nullcontext() if place == size else accelerator.no_sync(objective):
            found = objective(batch)
            accelerator.backward(found["loss"] / size)
        rows.append({name: value.detach() for name, value in found.items()})
    return rows


def means(accelerator: Accelerator, rows: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    """The mean of each loss over an epoch's steps and all ranks: every rank gets the same."""
    own = torch.stack([torch.stack([row[name] for row in rows]).mean() for name in rows[0]])
    return dict(zip(rows[0], accelerator.reduce(own, "mean").tolist(), strict=True))


def refuse_broken(row: Mapping[str, float], learning_rate: float) -> None:
    """Stop a training that diverges.

    Raises:
        KinetraceError: a value of the epoch's ``row`` is not finite.
    """
    broken = [name for name, value in row.items() if not math.isfinite(value)]
    if broken:
        raise KinetraceError(
            f"training stopped in epoch {row['epoch']:.0f}: {', '.join(broken)} is not finite; lower "
            f"train.learning_rate (now {learning_rate:g}) or set train.precision to 'no'"
        )


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
