"""A picture to paint on in the places of the table, seen through a camera."""

from collections.abc import Sequence

import cv2
import numpy as np

from kinetrace.twin.packing.packer import Colour

SHIFT = 4  # bits of a pixel's fraction
UNIT = 1 << SHIFT
Points = np.ndarray | Sequence[Sequence[float] | np.ndarray]
SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


class Canvas:
    """``picture`` ``[H, W, 3]`` uint8 (blue, green, red), painted in place; ``camera`` ``[2, 3]``: places to pixels."""

    def __init__(self, picture: np.ndarray, camera: np.ndarray) -> None:
        self.picture = picture
        self.turn, self.shift = camera[:, :2].T * UNIT, camera[:, 2] * UNIT
        self.scale = float(np.sqrt(abs(np.linalg.det(camera[:, :2]))))

    def _pixels(self, points: Points) -> np.ndarray:
        pixels: np.ndarray = np.rint(np.asarray(points) @ self.turn + self.shift).astype(np.int32)
        return pixels

    def shape(self, points: Points, colour: Colour) -> None:
        """A filled convex polygon of points ``[N, 2]``."""
        cv2.fillConvexPoly(self.picture, self._pixels(points), colour, cv2.LINE_AA, SHIFT)

    def box(self, centre: np.ndarray, half: Sequence[float] | np.ndarray, colour: Colour) -> None:
        """A filled rectangle: ``half`` its width and height."""
        self.shape(centre + SQUARE * half, colour)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        """A line through points, with round ends."""
        thickness = max(1, round(width * self.scale))
        cv2.polylines(self.picture, [self._pixels(points)], False, colour, thickness, cv2.LINE_AA, SHIFT)

    def disc(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        """A filled circle."""
        x, y = self._pixels(centre).tolist()
        cv2.circle(self.picture, (x, y), round(radius * self.scale * UNIT), colour, -1, cv2.LINE_AA, SHIFT)


def shaded(colour: Colour, factor: float) -> Colour:
    """Lighter or darker."""
    blue, green, red = (min(255.0, channel * factor) for channel in colour)
    return blue, green, red
