"""MediaPipe Holistic: what each of the 1,662 values of a frame is, and the names that its points have.

A frame is 33 pose points × (x, y, z, visibility), 468 points of the face mesh, 21 of the left hand and 21 of the right
× (x, y, z); x and y in shares of the image, y downward.
Point numbers: https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker, .../hand_landmarker
and the connection tables of MediaPipe's face mesh (``FACEMESH_LIPS``, ``_EYE``, ``_EYEBROW``).
"""

from types import MappingProxyType

import numpy as np

MESH_POINTS = 468
WIDTH = 33 * 4 + MESH_POINTS * 3 + 2 * 21 * 3  # 1,662
BODY_WIDTH = 33 * 4 + 2 * 21 * 3  # 258: a frame without the face

# Where each part lies in a frame; the order here is the one in which people read of them.
PARTS = MappingProxyType(
    {
        "pose": slice(0, 132),
        "left_hand": slice(1536, 1599),
        "right_hand": slice(1599, 1662),
        "face": slice(132, 1536),
    }
)
VALUES_A_POINT = MappingProxyType({"pose": 4, "left_hand": 3, "right_hand": 3, "face": 3})
BODY = np.r_[PARTS["pose"], PARTS["left_hand"], PARTS["right_hand"]]  # the columns of a frame without the face

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
POINT_NAMES = MappingProxyType(
    {
        "pose": POSE_NAMES,
        "left_hand": HAND_NAMES,
        "right_hand": HAND_NAMES,
        "face": tuple(str(number) for number in range(MESH_POINTS)),
    }
)

# The 94 of the 468 face points that move with meaning.
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


def from_body(frames: np.ndarray) -> np.ndarray:
    """``[T, 258]`` (pose, left hand, right hand) as ``[T, 1662]`` float32; the face is missing, all zeros."""
    whole = np.zeros((len(frames), WIDTH), np.float32)
    whole[:, BODY] = frames
    return whole
