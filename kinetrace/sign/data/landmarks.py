"""The landmark layout: what each of the 540 values of a frame is.

A frame is 33 pose points × (x, y, z, visibility), 21 points × (x, y, z) of each hand, and 94 face points
× (x, y, z), as MediaPipe Holistic gives them (``kinetrace.holistic``).
"""

from types import MappingProxyType

import numpy as np

from kinetrace.holistic import BODY, FACE, LEFT_BROW, LEFT_EYE, MESH_POINTS, RIGHT_BROW, RIGHT_EYE
from kinetrace.holistic import PARTS as WHOLE

FACE_EVERY_FIFTH = tuple(range(0, MESH_POINTS, 5))  # the 94 that SignTalk's published features hold

# Where each part lies in a frame.
PARTS = MappingProxyType(
    {
        "pose": slice(0, 132),
        "left_hand": slice(132, 195),
        "right_hand": slice(195, 258),
        "face": slice(258, 540),
    }
)
VALUES_A_POINT = MappingProxyType({"pose": 4, "left_hand": 3, "right_hand": 3, "face": 3})
WIDTH = 540

LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12
VISIBILITY = np.arange(3, 132, 4)  # columns of the pose's visibility

_LIP_PAIRS = (
    (37, 267), (39, 269), (40, 270), (61, 291), (78, 308), (80, 310), (81, 311), (82, 312), (84, 314),
    (87, 317), (88, 318), (91, 321), (95, 324), (146, 375), (178, 402), (181, 405), (185, 409), (191, 415),
)  # fmt: skip
_POSE_PAIRS = ((1, 4), (2, 5), (3, 6), (7, 8), (9, 10), *((left, left + 1) for left in range(11, 33, 2)))


def columns(part: str, point: int) -> slice:
    """The columns of one point of a part; ``point`` counts from 0 within the part."""
    step = VALUES_A_POINT[part]
    start = PARTS[part].start + step * point
    return slice(start, start + step)


def mirror_columns() -> np.ndarray:
    """``[540]``: where each value comes from when left and right are exchanged (x is negated apart)."""
    order = np.arange(WIDTH)
    for left, right in _POSE_PAIRS:
        _exchange(order, columns("pose", left), columns("pose", right))
    _exchange(order, PARTS["left_hand"], PARTS["right_hand"])
    pairs = (*_LIP_PAIRS, *zip(RIGHT_EYE, LEFT_EYE, strict=True), *zip(RIGHT_BROW, LEFT_BROW, strict=True))
    for left, right in pairs:
        _exchange(order, columns("face", FACE.index(left)), columns("face", FACE.index(right)))
    return order


def _exchange(order: np.ndarray, first: slice, second: slice) -> None:
    order[first], order[second] = order[second].copy(), order[first].copy()


def holistic_columns() -> np.ndarray:
    """``[540]``: where each value comes from in a frame of 1,662 (``kinetrace.holistic``)."""
    face = WHOLE["face"].start + 3 * np.array(FACE)[:, None] + np.arange(3)
    return np.concatenate([BODY, face.ravel()])


def from_holistic(frames: np.ndarray) -> np.ndarray:
    """``[T, 1662]`` (pose, face mesh, left hand, right hand) as ``[T, 540]`` float32."""
    return frames[:, holistic_columns()].astype(np.float32)
