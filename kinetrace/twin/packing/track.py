"""A quantity over time: where it starts, and the moves that change it, each with the speed profile of a reach."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

AT_ONCE = 1e-6  # seconds


@dataclass(frozen=True)
class Wave:
    """A back and forth of ``amplitude`` around where the quantity is, from ``start`` to ``end``, fading in and out."""

    start: float
    end: float
    amplitude: np.ndarray
    hertz: float


@dataclass(frozen=True)
class Hold:
    """The thing is where the hand of that number is (plus ``offset``), from ``start`` to ``end``."""

    start: float
    end: float
    hand: int
    offset: np.ndarray


@dataclass
class Track:
    """A quantity of D numbers. ``now`` is where the moves so far lead."""

    first: np.ndarray
    moves: list[tuple[float, float, np.ndarray]] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    @classmethod
    def of(cls, first: Sequence[float] | np.ndarray | float) -> "Track":
        """A quantity that starts as ``first``."""
        return cls(np.atleast_1d(np.asarray(first, float)))

    def __post_init__(self) -> None:
        self.now = self.first

    def to(self, target: Sequence[float] | np.ndarray | float, start: float, end: float | None = None) -> None:
        """Move to ``target`` from ``start`` to ``end``, or at once; moves that overlap blend."""
        place = np.atleast_1d(np.asarray(target, float))
        self.moves.append((start, max(end or 0, start + AT_ONCE), place - self.now))
        self.now = place

    def wave(self, start: float, end: float, amplitude: Sequence[float] | np.ndarray, hertz: float) -> None:
        """Add a ``Wave``."""
        self.waves.append(Wave(start, end, np.asarray(amplitude, float), hertz))

    def hold(self, hand: int, start: float, end: float, offset: Sequence[float] = (0, 0)) -> None:
        """Add a ``Hold``: give the place where it is put down with ``to``, at any time during the hold."""
        self.holds.append(Hold(start, end, hand, np.asarray(offset, float)))

    def at(self, times_T: np.ndarray) -> np.ndarray:
        """Its values ``[T, D]``, without holds; times ascend."""
        values_TD = np.repeat(self.first[None], len(times_T), axis=0)
        for start, end, step in self.moves:
            begun, done = np.searchsorted(times_T, (start, end))
            values_TD[done:] += step
            values_TD[begun:done] += reach((times_T[begun:done] - start) / (end - start))[:, None] * step
        for wave in self.waves:
            self._add(values_TD, times_T, wave)
        return values_TD

    def _add(self, values_TD: np.ndarray, times_T: np.ndarray, wave: Wave) -> None:
        during = slice(*np.searchsorted(times_T, (wave.start, wave.end)))
        since = times_T[during] - wave.start
        fade = np.clip(np.minimum(since, wave.end - times_T[during]) / 0.2, 0, 1)
        values_TD[during] += (fade * np.sin(2 * np.pi * wave.hertz * since))[:, None] * wave.amplitude

    def held(self, times_T: np.ndarray) -> np.ndarray:
        """The number of the hand that holds it ``[T]``, or -1."""
        hands_T = np.full(len(times_T), -1)
        for hold in self.holds:
            hands_T[slice(*np.searchsorted(times_T, (hold.start, hold.end)))] = hold.hand
        return hands_T

    def carried(self, times_T: np.ndarray, hands_THC: np.ndarray) -> np.ndarray:
        """Its values ``[T, D]`` where the first two numbers are a place, and the hands ``[T, 2, 2]`` carry it."""
        values_TD = self.at(times_T)
        for hold in self.holds:
            during = slice(*np.searchsorted(times_T, (hold.start, hold.end)))
            values_TD[during] = hands_THC[during, hold.hand] + hold.offset
        return values_TD


def reach(share: np.ndarray) -> np.ndarray:
    """The way covered at each ``share`` of the time of a reach: minimum jerk (Flash and Hogan 1985)."""
    way: np.ndarray = share**3 * (10 - 15 * share + 6 * share**2)
    return way
