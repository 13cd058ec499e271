"""MediaPipe Holistic as the detector: image shares, sensor noise, visibility, parts that go undetected."""

import numpy as np

from kinetrace.sign.data.landmarks import PARTS
from kinetrace.twin.body import Points
from kinetrace.twin.camera import ASPECT, Detector, View, projected, stretches

Z_NOISE = 3.0  # depth is guessed from one picture: noisier than x and y
STILL_NOISE = 2e-6  # a frozen picture: motion energy about 6e-5, a twelfth of the floor of ``sign``


def seen(points: Points, view: View, noise: float, random: np.random.Generator) -> np.ndarray:
    """``[T, 540]`` float64 landmarks, with standard deviation ``noise`` in shares of the image's width."""
    pose, left, right, face = (
        projected(part, view) for part in (points.pose, points.left_hand, points.right_hand, points.face)
    )
    pose[..., 2] -= pose[:, 23:25, 2].mean(axis=1, keepdims=True)  # from the hips, a hand's from its wrist
    for part, origin in ((left, left[:, :1, 2]), (right, right[:, :1, 2]), (face, face[..., 2].mean(1, keepdims=True))):
        part[..., 2] -= origin
    for part in (pose, left, right, face):
        part += noise * np.array([1, ASPECT, Z_NOISE]) * random.standard_normal(part.shape)
    visible = _visibility(pose, random)
    with_visibility = np.concatenate([pose, visible[..., None]], axis=2)
    return np.concatenate([part.reshape(len(part), -1) for part in (with_visibility, left, right, face)], axis=1)


def _visibility(pose: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``[T, 33]``: near 1 within the picture, falling outside; legs are guessed."""
    outside = np.maximum(pose[..., :2] - 1, -pose[..., :2]).max(axis=2)
    certain = 1 / (1 + np.exp(np.clip(25 * outside, -30, 30)))
    certain[:, 25:] *= 0.3
    visible: np.ndarray = np.clip(certain - 0.03 * np.abs(random.standard_normal(certain.shape)), 0, 1)
    return visible


def with_gaps(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``frames`` with hands all zero outside the picture and for stretches, the face for a rare one."""
    kept = frames.copy()
    for hand in ("left_hand", "right_hand"):
        points = frames[:, PARTS[hand]].reshape(len(frames), -1, 3)[..., :2].mean(axis=1)
        gone = ((points < -0.02) | (points > 1.02)).any(axis=1) | stretches(random, len(frames), 1.2, 9)
        kept[gone, PARTS[hand]] = 0
    kept[stretches(random, len(frames), 0.12, 12), PARTS["face"]] = 0
    return kept


def _detected(points: Points, view: View, noise: float, random: np.random.Generator) -> np.ndarray:
    return with_gaps(seen(points, view, noise, random), random)


HOLISTIC = Detector(_detected, STILL_NOISE)
