"""What the statistics and the motion filter compute of a clip's frames."""

import numpy as np

from kinetrace.sign.landmarks import COORDINATES, LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VALUES_A_POINT, columns


def observed(frames: np.ndarray) -> np.ndarray:
    """``[T, 540]`` bool: a part that is all zeros in a frame was not detected there."""
    mask = np.zeros(frames.shape, dtype=bool)
    for part in PARTS.values():
        mask[:, part] = frames[:, part].any(axis=1, keepdims=True)
    return mask


def body_centred(frames: np.ndarray) -> np.ndarray:
    """``[T, 540]`` with the middle of the shoulders as origin and their mean distance in the clip as unit.

    Missing parts stay zero; visibility is unchanged. Without shoulders the frames are returned as they are.
    """
    left = frames[:, columns("pose", LEFT_SHOULDER)][:, :3]
    right = frames[:, columns("pose", RIGHT_SHOULDER)][:, :3]
    present = observed(frames)
    seen = present[:, :1]
    unit = np.linalg.norm((left - right)[:, :2], axis=1)[seen[:, 0]]
    if not len(unit) or unit.mean() < 1e-6:
        return frames
    centre = np.where(seen, (left + right) / 2, 0)
    moved = frames.copy()
    for name, part in PARTS.items():
        points = moved[:, part].reshape(len(frames), -1, VALUES_A_POINT[name])
        points[..., :3] = (points[..., :3] - centre[:, None]) / unit.mean()
        moved[:, part] = points.reshape(len(frames), -1)
    return np.where(present, moved, 0).astype(np.float32)


def features(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Body-centred values and which of them were observed, both ``[T, 540]``."""
    return body_centred(frames), observed(frames)


def motion(frames: np.ndarray) -> np.ndarray:
    """``[T]``: norm of the differences of all coordinates to the frame before, visibility left out; the first is 0.

    As in SignTalk's preprocessing, whose floor of 7.5e-4 for the mean of a clip goes with this definition.
    """
    coordinates = frames[:, COORDINATES].astype(np.float64)
    steps = np.diff(coordinates, axis=0, prepend=coordinates[:1])
    return np.linalg.norm(steps, axis=1)
