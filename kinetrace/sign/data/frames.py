"""The frames of one clip: checked as they come, thinned as the model takes them."""

import numpy as np

from kinetrace.errors import KinetraceError
from kinetrace.sign.data.landmarks import WIDTH


def checked(frames: np.ndarray) -> np.ndarray:
    """``frames`` as float32 ``[T, 540]``.

    Raises:
        KinetraceError: they have another shape, no frame, or values that are not finite.
    """
    if frames.ndim != 2 or frames.shape[1] != WIDTH or not len(frames):
        raise KinetraceError(f"found an array of shape {list(frames.shape)}, expected [frames, {WIDTH}]")
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite
        values = np.asarray(frames, np.float32)
    if stray := int((~np.isfinite(values)).sum()):
        raise KinetraceError(f"{stray} values are NaN or infinite, expected finite numbers")
    return values


def thinned(frames: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` frames, evenly chosen with the first and the last one."""
    if len(frames) <= most:
        return frames
    return frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]
