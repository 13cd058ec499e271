"""What a workload answers when it is asked what a training needs, and how that is shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kinetrace import report
from kinetrace.plan.cards import Card
from kinetrace.plan.memory import Memory

EFFICIENCY = 0.25  # share of a card's published speed that training is taken to reach


@dataclass(frozen=True)
class Work:
    """``steps`` of ``step`` operations (floating-point, a product and a sum are two), after ``before`` ones at once.

    ``clips``: those of an epoch; ``assumed``: there are no data yet, and the number is one to reckon with.
    """

    clips: int
    assumed: bool
    epochs: int
    steps: int
    step: float
    step_half: bool  # in 16 bits
    before: float
    before_half: bool

    def seconds(self, card: Card) -> tuple[float, float] | None:
        """Of one step, and of all; None where the card's speed is unknown."""
        if card.half is None or card.single is None:
            return None
        step = self.step / ((card.half if self.step_half else card.single) * EFFICIENCY)
        before = self.before / ((card.half if self.before_half else card.single) * EFFICIENCY)
        return step, before + self.steps * step


@dataclass(frozen=True)
class Plan:
    """A training on a card: its memory at the batch that ``params.yaml`` asks for, the largest batch, the work.

    ``model``: which, in words; ``changes``: what would make it fit, each by itself unless it says otherwise;
    ``notes``: what the figures rest on.
    """

    workload: str
    model: str
    card: Card
    batch: int
    memory: Memory
    largest: int
    work: Work
    changes: Sequence[str]
    notes: Sequence[str]

    @property
    def fits(self) -> bool:
        return self.memory.peak <= self.card.memory

    def as_dict(self) -> dict[str, Any]:
        """For machines: bytes and seconds."""
        seconds = self.work.seconds(self.card)
        return {
            "workload": self.workload, "model": self.model, "card": asdict(self.card), "batch": self.batch,
            "parts": [asdict(part) for part in self.memory.rows()], "phases": self.memory.phases,
            "allocated": self.memory.allocated, "peak": self.memory.peak, "fits": self.fits, "largest": self.largest,
            "clips": self.work.clips, "clips_assumed": self.work.assumed, "epochs": self.work.epochs,
            "steps": self.work.steps, "efficiency": EFFICIENCY,
            "step_seconds": seconds and seconds[0], "hours": seconds and seconds[1] / 3600,
            "changes": list(self.changes), "notes": list(self.notes),
        }  # fmt: skip

    def as_text(self) -> str:
        """For people: a table and what it means."""
        rows = [
            {"part": part.name, "MB": f"{part.bytes / 1e6:,.0f}", "when": " or ".join(part.phases) or "always"}
            for part in self.memory.rows()
        ]
        title = f"{self.workload}: {self.model}, batch {self.batch}, on {self.card.name}"
        lines = [report.grid(title, rows).rstrip(), self._verdict(), *self._time(), *self.notes]
        return "\n".join(lines)

    def refusal(self) -> str:
        """Why it cannot run, and what to change."""
        if not self.changes:
            return f"{self._verdict()}\nnothing in params.yaml makes it fit: take a card with more memory"
        return "\n".join([self._verdict(), "what to change in params.yaml:", *(f"  {one}" for one in self.changes)])

    def _verdict(self) -> str:
        fits = "fits" if self.fits else "does not fit"
        full = max(self.memory.phases, key=lambda name: self.memory.phases[name])
        needs = f"{self.memory.peak / 1e9:.2f} GB{f' at its fullest moment ({full})' if full else ''}"
        most = f"the largest batch that fits is {self.largest}" if self.largest else "not even a batch of 1 fits"
        return f"{fits}: needs {needs}, the card has {self.card.memory / 1e9:.2f} GB; {most}"

    def _time(self) -> list[str]:
        seconds = self.work.seconds(self.card)
        data = f"{self.work.clips:,} clips{' (assumed: no shards yet)' if self.work.assumed else ''}"
        amount = f"{data}, {self.work.epochs} epochs, {self.work.steps:,} steps"
        if seconds is None:
            return [f"{amount}; no hours: the card's speed is unknown"]
        basis = f"an estimate: counted operations at {EFFICIENCY:.0%} of the card's published speed, not measured"
        return [f"{amount}: about {_span(seconds[1])}, {_span(seconds[0])} a step ({basis})"]


def _span(seconds: float) -> str:
    """A time that people can read, to two figures."""
    for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} seconds"
