"""The landmark layout: what each of the 540 values of a frame is.

A frame is 33 pose points × (x, y, z, visibility), 21 points × (x, y, z) of each hand, and 94 face points
× (x, y, z), as MediaPipe Holistic gives them (x and y in shares of the image, y downward).
Point numbers: https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker, .../hand_landmarker
and the connection tables of MediaPipe's face mesh (``FACEMESH_LIPS``, ``_EYE``, ``_EYEBROW``).
"""

from types import MappingProxyType

import numpy as np

MESH_POINTS = 468  # MediaPipe's whole face mesh

POSE_NAMES = (
    "NOSE", "LEFT_EYE_INNER", "LEFT_EYE", "LEFT_EYE_OUTER", "RIGHT_EYE_INNER", "RIGHT_EYE", "RIGHT_EYE_OUTER",
    "LEFT_EAR", "RIGHT_EAR", "MOUTH_LEFT", "MOUTH_RIGHT", "LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_ELBOW",
    "RIGHT_ELBOW", "LEFT_WRIST", "RIGHT_WRIST", "LEFT_PINKY", "RIGHT_PINKY", "LEFT_INDEX", "RIGHT_INDEX",
    "LEFT_THUMB", "RIGHT_THUMB", "LEFT_HIP", "RIGHT_HIP", "LEFT_KNEE", "RIGHT_KNEE", "LEFT_ANKLE", "RIGHT_ANKLE",
    "LEFT_HEEL", "RIGHT_HEEL", "LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX",
)  # fmt: skip
HAND_NAMES = (
    "WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP",
    *(f"{finger}_{joint}" for finger in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
      for joint in ("MCP", "PIP", "DIP", "TIP")),
)  # fmt: skip

# The 94 of the 468 face points that move with meaning, in the order of the layout.
LIPS = (
    0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181,
    185, 191, 267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415,
)  # fmt: skip
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
NOSE_TIP, CHIN = 1, 152
FACE = (*LIPS, *RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, NOSE_TIP, CHIN)
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
BODY_WIDTH = 258  # a frame without the face
HOLISTIC_WIDTH = 258 + 3 * MESH_POINTS  # 1,662: pose, face mesh, left hand, right hand

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


def from_body(frames: np.ndarray) -> np.ndarray:
    """``[T, 258]`` (pose, left hand, right hand) as ``[T, 540]`` float32; the face is missing, all zeros."""
    return np.pad(frames.astype(np.float32), ((0, 0), (0, WIDTH - BODY_WIDTH)))


def holistic_columns() -> np.ndarray:
    """``[540]``: where each value comes from in a frame of 1,662 (pose, face mesh, left hand, right hand)."""
    mesh, hands = 132, 132 + 3 * MESH_POINTS
    face = mesh + 3 * np.array(FACE)[:, None] + np.arange(3)
    return np.concatenate([np.arange(mesh), np.arange(hands, HOLISTIC_WIDTH), face.ravel()])


def from_holistic(frames: np.ndarray) -> np.ndarray:
    """``[T, 1662]`` (pose, face mesh, left hand, right hand) as ``[T, 540]`` float32."""
    return frames[:, holistic_columns()].astype(np.float32)
