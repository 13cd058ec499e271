"""What a packer does and for how long: what the rules ask for, with lapses, until the session is over."""

from dataclasses import dataclass

import numpy as np

from kinetrace.twin.packing.orders import HANDFUL, NULL, OPERATIONS, Order, State

SHORTEST = 1.5  # seconds
SPREAD = 0.22  # of the logarithm of a duration


@dataclass(frozen=True)
class Step:
    """An operation in ``[start, end)`` seconds, and the ``state`` that it begins with."""

    label: str
    start: float
    end: float
    state: State


@dataclass(frozen=True)
class Habits:
    """A packer's way to work: ``pace`` (a factor on durations) in all and by operation, and how often what occurs."""

    pace: float
    paces: dict[str, float]
    lapse: float  # does something else that is possible
    pause: float  # does nothing of the work for a moment
    fed: float
    express: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> "Habits":
        """Some packer."""
        return cls(
            pace=random.uniform(0.85, 1.2),
            paces={label: random.uniform(0.88, 1.14) for label in OPERATIONS},
            lapse=random.uniform(0.04, 0.12),
            pause=random.uniform(0.05, 0.15),
            fed=random.uniform(0.55, 0.85),
            express=random.uniform(0.2, 0.45),
        )


def work(habits: Habits, seconds: float, random: np.random.Generator) -> list[Step]:
    """What is done in a session of about ``seconds``, without a gap, each time in whole milliseconds."""
    steps: list[Step] = []
    number, now = 0, round(float(np.clip(0.1 * seconds, 0, 2.5)) * random.uniform(0.5, 1), 3)
    state = State.of(ordered(habits, number, random))
    while True:
        label = _next(habits, state, random)
        for doing in _with_pause(habits, label, random):
            end = round(now + duration(habits, doing, state, random), 3)
            if end > seconds and steps:
                return steps
            steps.append(Step(doing, now, end, state))
            now = end
        state = state.after(label)
        if label == "Put on Back Table":
            number += 1
            state = State.of(ordered(habits, number, random))


def _next(habits: Habits, state: State, random: np.random.Generator) -> str:
    expected, lapse = state.expected(), random.random() < habits.lapse
    others = [label for label in state.possible() if label != expected]
    return others[random.integers(len(others))] if lapse and others else expected


def _with_pause(habits: Habits, label: str, random: np.random.Generator) -> tuple[str, ...]:
    return (NULL, label) if random.random() < habits.pause else (label,)


def ordered(habits: Habits, number: int, random: np.random.Generator) -> Order:
    """The session's order of that ``number``."""
    items = int(random.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.2, 0.15]))
    return Order(
        number,
        relabel=tuple(bool(random.random() < 0.5) for _ in range(items)),
        fragile=bool(random.random() < 0.6),
        express=bool(random.random() < habits.express),
        fed=bool(random.random() < habits.fed),
        scanner=bool(random.random() < 0.75),
        large=bool(random.random() < 0.5),
    )


def duration(habits: Habits, label: str, state: State, random: np.random.Generator) -> float:
    """Seconds, log-normal; more items take longer."""
    usual = {
        "Picking": 1.4 + 2.6 * len(state.shelf[:HANDFUL]),
        "Relocate Item Label": 1.6 + 3.0 * len(state.wrong),
        "Assemble Box": 7.0,
        "Insert Items": 2.6 + 2.2 * len(state.tray),
        "Close Box": 8.0,
        "Attach Box Label": 4.4,
        "Scan Label": 4.4,
        "Attach Shipping Label": 4.4,
        "Put on Back Table": 4.8,
        "Fill out Order": 6.2,
        NULL: 1.8,
    }[label]
    drawn = usual * habits.pace * habits.paces[label] * float(np.exp(SPREAD * random.standard_normal()))
    return max(drawn, SHORTEST)
