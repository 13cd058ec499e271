"""A whole-body detector (COCO-WholeBody) on a square film: pixels, and a score that tells what was seen."""

import numpy as np

from kinetrace.holistic import FACE, MESH_POINTS
from kinetrace.tokens.data.landmarks import PARTS, POINTS, from_holistic
from kinetrace.twin.body import OUTLINE, Points
from kinetrace.twin.camera import ASPECT, Detector, View, projected, stretches

SIZE = 512.0  # pixels, width and height
SIZE_ROW, BODY_ROWS = 0, slice(1, 18)  # of a frame's 134 rows
LAP = 0.92  # share of the height below which a hand at rest is covered by the other or by the table
GONE = {"left_hand": 1.2, "right_hand": 1.2, "face": 0.12}  # stretches in 60 frames that the detector misses
LONGEST = 10  # frames of such a stretch
GUESSED = 6.0  # noise of what is not seen, in pixels
STILL_NOISE = 1e-3  # pixels: motion energy three orders of magnitude below a signer's
BIG_TOES, SMALL_TOES = [17, 20], [18, 21]


def _detected(points: Points, view: View, noise: float, random: np.random.Generator) -> np.ndarray:
    """``[T, 134, 3]``: width and height, then x, y (pixels) and score of each point."""
    found = from_holistic(_holistic(points, view), (SIZE, SIZE)).astype(np.float64)
    found[:, SMALL_TOES] = found[:, BIG_TOES]
    hidden = _hidden(found, random)
    spread = np.where(hidden, GUESSED, noise * ASPECT * SIZE)
    place = found[..., :2] + spread[..., None] * random.standard_normal(found[..., :2].shape)
    found[..., :2] = np.clip(place, 0, SIZE)
    found[..., 2] = _score(hidden, random)
    size = np.broadcast_to((SIZE, SIZE, 0.0), (len(found), 1, 3))
    return np.concatenate([size, found], axis=1)


def _holistic(points: Points, view: View) -> np.ndarray:
    """``[T, 1662]`` as MediaPipe Holistic would give the square in the middle of the picture."""
    frames = len(points.pose)
    mesh = np.zeros((frames, MESH_POINTS, 3))
    mesh[:, FACE], mesh[:, OUTLINE] = points.face, points.outline
    pose, *others = (
        _square(projected(part, view)) for part in (points.pose, mesh, points.left_hand, points.right_hand)
    )
    pose = np.concatenate([pose, np.ones((*pose.shape[:2], 1))], axis=2)
    return np.concatenate([part.reshape(frames, -1) for part in (pose, *others)], axis=1)


def _square(shares: np.ndarray) -> np.ndarray:
    return np.stack([0.5 + ASPECT * (shares[..., 0] - 0.5), shares[..., 1], shares[..., 2]], axis=-1)


def _hidden(found: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``[T, 133]`` bool: outside the picture, in the lap, or missed for a stretch."""
    x, y = found[..., 0] / SIZE, found[..., 1] / SIZE
    hidden = (np.minimum(x, y) < 0) | (np.maximum(x, y) > 1)
    for part, often in GONE.items():
        gone = hidden[:, PARTS[part]].mean(axis=1) > 0.5
        gone |= (y[:, PARTS[part]].mean(axis=1) > LAP) | stretches(random, len(found), often, LONGEST)
        hidden[:, PARTS[part]] |= gone[:, None]
    return hidden


def _score(hidden: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``[T, 133]``: mostly above 0.7 where seen, mostly below 0.25 where guessed."""
    doubt = np.abs(random.standard_normal(hidden.shape))
    certain: np.ndarray = np.clip(np.where(hidden, 0.05 + 0.08 * doubt, 0.95 - 0.1 * doubt), 0, 1)
    return certain


JITTER = np.zeros((1 + POINTS, 3), np.float32)
JITTER[1:, :2] = STILL_NOISE
WHOLE_BODY = Detector(_detected, JITTER)
