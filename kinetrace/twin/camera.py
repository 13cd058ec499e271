"""Where the camera stands, what it makes of a body, and what a detector of landmarks is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinetrace.twin.body import Points, rotation

ASPECT = 4 / 3  # width over height of the image
FOCAL = 6.0  # distance of the camera in shoulder widths at scale 1


@dataclass(frozen=True)
class View:
    """Where the camera stands: ``yaw`` and ``pitch`` in radians; ``x``, ``y`` and ``scale`` in shares of the image.

    ``scale`` is the image width of a shoulder width, ``depth`` the factor by which this detector misjudges depth.
    """

    yaw: float
    pitch: float
    x: float
    y: float
    scale: float
    depth: float


@dataclass(frozen=True)
class Detector:
    """``frames`` makes ``[T, ...]`` of a body, a view and the noise; ``jitter``: what a still picture's values do."""

    frames: Callable[[Points, View, float, np.random.Generator], np.ndarray]
    jitter: float | np.ndarray


def projected(points: np.ndarray, view: View) -> np.ndarray:
    """Points in space ``[T, P, 3]`` as shares of the image, y downward, and depth."""
    turned = points @ rotation(np.array([[view.pitch, view.yaw, 0.0]]))[0].T
    nearer = view.scale * FOCAL / (FOCAL + turned[..., 2:])
    stretched = nearer * turned * np.array([1, ASPECT, view.depth])
    shares: np.ndarray = stretched + np.array([view.x, view.y, 0.0])
    return shares


def stretches(random: np.random.Generator, frames: int, often: float, longest: int) -> np.ndarray:
    """``[T]`` bool: about ``often`` stretches in 60 frames, each of 2 to ``longest`` frames."""
    gone = np.zeros(frames, bool)
    for start in random.integers(0, frames, random.poisson(often * frames / 60)):
        gone[start : start + random.integers(2, longest + 1)] = True
    return gone
