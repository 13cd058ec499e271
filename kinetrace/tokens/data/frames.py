"""Frames from anywhere as the one layout that chunks are cut from."""

from typing import Any

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.tokens.data.landmarks import POINTS, WIDTH

SHAPES = f"[frames, {POINTS} or {POINTS + 1}, 3] or [frames, {WIDTH}]"


def frames_of(values: Any) -> np.ndarray:
    """Frames as ``[T, 399]`` float32: 133 points × (x, y, score), scores beyond 0 or 1 set to 0 or 1.

    Args:
        values: numbers ``[T, 133, 3]``, ``[T, 134, 3]`` whose row 0 is the width and height, or ``[T, 399]``.

    Raises:
        KinetraceError: another shape or type, or a value is NaN or infinite.
    """
    array = np.asarray(values)
    flat = array.ndim == 2 and array.shape[1] == WIDTH
    if not flat and (array.ndim != 3 or array.shape[1:] not in ((POINTS, 3), (POINTS + 1, 3))):
        raise KinetraceError(f"found the shape {array.shape}, expected {SHAPES}")
    if array.dtype.kind not in "fiu":
        raise KinetraceError(f"found {array.dtype} values, expected float32")
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which is refused
        points = np.array(array.reshape(-1, POINTS, 3) if flat else array[:, -POINTS:], np.float32)
    _refuse_stray(points)
    np.clip(points[..., 2], 0, 1, out=points[..., 2])
    return points.reshape(-1, WIDTH)


def _refuse_stray(points: np.ndarray) -> None:
    wrong = np.argwhere(~np.isfinite(points))
    if len(wrong):
        frame, point, _ = wrong[0]
        raise KinetraceError(
            f"{len(wrong)} values are NaN or infinite, the first in frame {frame} at point {point}: expected numbers, "
            "and score 0 where a point is not seen"
        )
