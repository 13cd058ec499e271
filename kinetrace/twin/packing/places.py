"""Where things stand on the packing table, in a picture of 640 × 480 before the camera's own view of it."""

from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 640, 480
SHOULDERS = np.array([[262.0, 92.0], [392.0, 92.0]])
REST = np.array([[278.0, 196.0], [376.0, 196.0]])  # of the hands
SMALL_BOX, LARGE_BOX = np.array([48.0, 40.0]), np.array([62.0, 50.0])  # half width and height
TRAY = np.array([48.0, 64.0])  # half width and height


def by(x: float, y: float) -> np.ndarray:
    """A way to the right and down, in pixels."""
    return np.array([x, y], float)


@dataclass(frozen=True)
class Places:
    """Centres ``[2]``, or several ``[N, 2]``: shelf bins, slots of the tray, slots of the label printer."""

    bins: np.ndarray
    tray: np.ndarray
    tray_slots: np.ndarray
    tags: np.ndarray
    sheet: np.ndarray
    pen: np.ndarray
    work: np.ndarray
    stack: np.ndarray
    tape: np.ndarray
    scanner: np.ndarray
    printer: np.ndarray
    printer_slots: np.ndarray
    back: np.ndarray

    @classmethod
    def drawn(cls, random: np.random.Generator, jitter: float = 8.0) -> "Places":
        """Some packer's table: everything is about where it usually is, ``jitter`` pixels at most away."""

        def near(x: float, y: float) -> np.ndarray:
            return np.array([x, y]) + random.uniform(-jitter, jitter, 2)

        tray, sheet, printer = near(184, 262), near(188, 408), near(486, 408)
        return cls(
            bins=near(56, 262) + np.array([[0.0, (k - 1.5) * 84] for k in range(4)]),
            tray=tray,
            tray_slots=tray + np.array([[0.0, -30.0], [0.0, 30.0]]),
            tags=near(184, 152),
            sheet=sheet,
            pen=sheet + by(64.0, 4.0),
            work=near(342, 272),
            stack=near(342, 432),
            tape=near(494, 286),
            scanner=near(588, 316),
            printer=printer,
            printer_slots=printer + np.array([[-26.0, -18.0], [28.0, -18.0]]),
            back=near(566, 160),
        )
