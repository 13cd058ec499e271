"""What the statistics and the motion filter compute of a clip's frames."""

import numpy as np

from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VALUES_A_POINT, VISIBILITY, columns

SMALLEST_UNIT = 1e-3  # a shoulder distance below this is no unit; the network's frontend has the same limit
_STARTS = np.array([part.start for part in PARTS.values()])
_SIZES = np.array([part.stop - part.start for part in PARTS.values()])
_AXIS = np.concatenate([np.arange(size) % step for size, step in zip(_SIZES, VALUES_A_POINT.values(), strict=True)])


def observed(frames: np.ndarray) -> np.ndarray:
    """``[T, 540]`` bool: a part that is all zeros in a frame was not detected there."""
    return np.repeat(_detected(frames), _SIZES, axis=1)


def _detected(frames: np.ndarray) -> np.ndarray:
    """``[T, 4]`` bool, by part."""
    return np.logical_or.reduceat(frames != 0, _STARTS, axis=1)


def features(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Body-centred values (float32) and which of them were observed, both ``[T, 540]``.

    The middle of the shoulders is the origin and their mean distance in the clip the unit; visibility is unchanged,
    what was not observed is 0. A frame without a pose has no origin: nothing in it counts as observed. A clip without
    a usable pose (hands alone, or shoulders in one point) keeps its own coordinates.
    """
    detected = _detected(frames)
    posed = detected[:, 0]
    left, right = (frames[:, columns("pose", point)][:, :3] for point in (LEFT_SHOULDER, RIGHT_SHOULDER))
    unit = np.linalg.norm((left - right)[posed, :2], axis=1).mean() if posed.any() else 0.0
    if unit <= SMALLEST_UNIT:
        seen = np.repeat(detected, _SIZES, axis=1)
        return frames.astype(np.float32), seen
    centre = np.zeros((len(frames), 4), np.float32)  # the fourth axis is visibility: it does not move
    centre[:, :3] = (left + right) / 2
    scale = np.where(_AXIS == 3, 1, unit).astype(np.float32)
    seen = np.repeat(detected & posed[:, None], _SIZES, axis=1)
    return np.where(seen, (frames - centre[:, _AXIS]) / scale, np.float32(0)).astype(np.float32, copy=False), seen


def motion(frames: np.ndarray) -> np.ndarray:
    """``[T]`` float64: norm of the differences of all coordinates to the frame before, the first 0.

    Visibility is left out. As in SignTalk's preprocessing, whose floor of 7.5e-4 for the mean of a clip goes with this
    definition: a part that appears or disappears counts as a movement from or to the origin.
    """
    steps = np.subtract(frames[1:], frames[:-1], dtype=np.float64)
    steps[:, VISIBILITY] = 0
    energy = np.zeros(len(frames))
    energy[1:] = np.sqrt(np.einsum("tf,tf->t", steps, steps))
    return energy
