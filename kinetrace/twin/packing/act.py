"""An operation on stage: its time, and the words in which its motions are told."""

from dataclasses import dataclass

import numpy as np

from kinetrace.twin.packing.orders import Order, State
from kinetrace.twin.packing.places import LARGE_BOX, REST, SMALL_BOX, Places
from kinetrace.twin.packing.scene import Stage


@dataclass
class Act:
    """One operation on stage, from ``start`` to ``end`` seconds; a moment of it is a share of that time."""

    stage: Stage
    places: Places
    state: State
    start: float
    end: float
    random: np.random.Generator
    pause: tuple[float, float] = (2.0, 0.0)  # from that share of the work on, for that share of the time

    def at(self, share: float) -> float:
        """Seconds at which that ``share`` of the work is done."""
        begin, length = self.pause
        return self.start + (self.end - self.start) * (share * (1 - length) + (length if share > begin else 0))

    def go(self, hand: int, place: np.ndarray, start: float, end: float, spread: float = 4.0) -> None:
        """Reach for somewhere near ``place``."""
        near = place + self.random.uniform(-spread, spread, 2)
        self.stage.hands[hand].to(near, self.at(start), self.at(end))

    def wave(self, hand: int, start: float, end: float, amplitude: tuple[float, float], hertz: float) -> None:
        """Move back and forth, a little differently each time."""
        size = np.array(amplitude) * self.random.uniform(0.8, 1.2)
        self.stage.hands[hand].wave(self.at(start), self.at(end), size, hertz * self.random.uniform(0.85, 1.15))

    def rest(self, hand: int, start: float, end: float) -> None:
        """Go back to the middle."""
        self.go(hand, REST[hand], start, end, 10)

    @property
    def half(self) -> np.ndarray:
        """Half the width and height of the box."""
        return half_box(self.state.order)

    def beside(self, x: float, y: float) -> np.ndarray:
        """A place on the box, in shares of its half sizes."""
        return self.places.work + self.half * (x, y)


def half_box(order: Order) -> np.ndarray:
    """Half the width and height of an order's box, in pixels."""
    return LARGE_BOX if order.large else SMALL_BOX
