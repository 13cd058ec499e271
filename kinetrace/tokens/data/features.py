"""What the statistics and the motion filter compute of a clip's frames."""

import numpy as np

from kinetrace.tokens.data.chunks import SMALLEST_UNIT, units
from kinetrace.tokens.data.landmarks import CENTRES, PARTS, POINTS, WIDTH

SEEN = 0.25  # a point's score from which it counts as seen; ``model.score_threshold`` by default


def _centres() -> np.ndarray:
    """``[133]``: the point that each point is relative to; the feet and the body to the nose."""
    centre = np.full(POINTS, CENTRES["full_body"])
    for part in ("face", "left_hand", "right_hand"):
        centre[PARTS[part]] = CENTRES[part]
    return centre


_CENTRE = _centres()


def _unit(points: np.ndarray, seen: np.ndarray) -> float:
    """The clip's median eye distance in pixels, 0 where no frame shows both eyes."""
    frames = np.ones((1, len(points)), bool)
    return float(units(points[None, ..., :2], seen[None], frames)[0])


def features(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part-centred values (float32) and which of them were observed, both ``[T, 399]``.

    x and y are relative to the centre of the point's part in the same frame (feet and body: the nose), in units of
    the clip's median eye distance; the score is unchanged and always observed. Where a point or its centre is not
    seen, or the clip has no eye distance, x and y are 0 and not observed. A part's centre counts as observed at 0, 0.
    """
    points = frames.reshape(len(frames), POINTS, 3)
    shown = points[..., 2] >= SEEN
    unit = _unit(points, shown)
    known = shown & shown[:, _CENTRE] & (unit > SMALLEST_UNIT)
    observed = np.stack([known, known, np.ones_like(known)], axis=-1)
    values = points.astype(np.float32)  # a copy
    values[..., :2] -= points[:, _CENTRE, :2]
    values[..., :2] /= unit or 1
    values[~observed] = 0
    return values.reshape(-1, WIDTH), observed.reshape(-1, WIDTH)


def motion(frames: np.ndarray) -> np.ndarray:
    """``[T]`` float64: mean displacement of the points seen in both frames, in eye distances; the first is 0.

    The points are where the camera saw them, not relative to their parts: an arm that moves a hand counts. A point
    that appears or disappears does not count as a movement, and a frame with no such point has 0. A clip without an
    eye distance has no unit: 0 throughout, so that the motion floor drops it.
    """
    points = frames.reshape(len(frames), POINTS, 3)
    shown: np.ndarray = points[..., 2] >= SEEN
    unit, energy = _unit(points, shown), np.zeros(len(frames))
    if unit <= SMALLEST_UNIT:
        return energy
    steps = np.subtract(points[1:, :, :2], points[:-1, :, :2], dtype=np.float64)
    both = shown[1:] & shown[:-1]
    distance = np.hypot(steps[..., 0], steps[..., 1]) * both
    energy[1:] = distance.sum(1) / np.maximum(both.sum(1), 1) / unit
    return energy
