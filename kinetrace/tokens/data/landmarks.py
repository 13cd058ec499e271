"""The 133 points of COCO-WholeBody: names, parts, partners and bones, and how MediaPipe Holistic gives them.

Order and names: Jin et al., "Whole-Body Human Pose Estimation in the Wild", ECCV 2020, and the data set's own
``coco_wholebody`` definition; the face is in the iBUG-68 order (Sagonas et al., "300 Faces in-the-Wild", 2013).
Left and right are the person's own. Ranges count from 1, as the field writes them; every index counts from 0.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np

from kinetrace.holistic import MESH_POINTS
from kinetrace.holistic import WIDTH as HOLISTIC_WIDTH

POINTS = 133
WIDTH = 3 * POINTS  # values a frame: x, y and score of each point

_FINGERS = ("forefinger", "middle_finger", "ring_finger", "pinky_finger")
_HAND_NAMES = ("wrist", *(f"thumb{n}" for n in range(1, 5)), *(f"{f}{n}" for f in _FINGERS for n in range(1, 5)))
NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    *(f"face_{number}" for number in range(1, 69)),
    *(f"{side}_hand_{name}" for side in ("left", "right") for name in _HAND_NAMES),
)  # fmt: skip

# Points of each part, 1-based and inclusive; the feet (18-23) belong to the full body alone.
RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"face": (24, 91), "left_hand": (92, 112), "right_hand": (113, 133), "body": (1, 17), "full_body": (1, 133)}
)
PARTS: Mapping[str, slice] = MappingProxyType({part: slice(a - 1, b) for part, (a, b) in RANGES.items()})
# The point that a part's coordinates are relative to: chin, nose, wrists, nose (1-based 32, 1, 92, 113, 1).
CENTRES: Mapping[str, int] = MappingProxyType(
    {"face": 31, "left_hand": 91, "right_hand": 112, "body": 0, "full_body": 0}
)
EYES = (1, 2)  # their distance is the unit of length (1-based 2 and 3)
WRISTS: Mapping[str, int] = MappingProxyType({"left_hand": 9, "right_hand": 10})  # the body's own
ABBREVIATIONS: Mapping[str, str] = MappingProxyType(
    {"face": "F", "left_hand": "LH", "right_hand": "RH", "body": "B", "full_body": "FB"}
)

# What a part becomes in the mirror.
PARTNERS: Mapping[str, str] = MappingProxyType(
    {part: {"left_hand": "right_hand", "right_hand": "left_hand"}.get(part, part) for part in RANGES}
)

# Groups of points that move, hide or are drawn together.
GROUPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "head": tuple(range(5)),
        "left_arm": (5, 7, 9),
        "right_arm": (6, 8, 10),
        "left_leg": (11, 13, 15, 17, 18, 19),
        "right_leg": (12, 14, 16, 20, 21, 22),
        "jaw": tuple(range(23, 40)),
        "right_brow": tuple(range(40, 45)),
        "left_brow": tuple(range(45, 50)),
        "nose": tuple(range(50, 59)),
        "right_eye": tuple(range(59, 65)),
        "left_eye": tuple(range(65, 71)),
        "outer_lips": tuple(range(71, 83)),
        "inner_lips": tuple(range(83, 91)),
        "left_hand": tuple(range(91, 112)),
        "right_hand": tuple(range(112, 133)),
    }
)
FACE_EYES = GROUPS["right_eye"] + GROUPS["left_eye"]


def _chain(points: Iterable[int], closed: bool = False) -> list[tuple[int, int]]:
    line = list(points)
    return list(zip(line, line[1:] + line[:1] * closed, strict=False))


def _hand(wrist: int) -> list[tuple[int, int]]:
    return [edge for tip in range(4, 21, 4) for edge in _chain([wrist, *range(wrist + tip - 3, wrist + tip + 1)])]


_BODY_EDGES = [
    (0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
]  # fmt: skip
_FEET_EDGES = [(ankle, toe) for ankle, first in ((15, 17), (16, 20)) for toe in range(first, first + 3)]
_FACE_EDGES = [
    *_chain(GROUPS["jaw"]), *_chain(GROUPS["right_brow"]), *_chain(GROUPS["left_brow"]),
    *_chain(range(50, 54)), *_chain(range(54, 59)), *_chain(GROUPS["right_eye"], True),
    *_chain(GROUPS["left_eye"], True), *_chain(GROUPS["outer_lips"], True), *_chain(GROUPS["inner_lips"], True),
]  # fmt: skip
# Pairs of points (among the 133) to be joined by a line.
EDGES: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        "face": tuple(_FACE_EDGES),
        "left_hand": tuple(_hand(91)),
        "right_hand": tuple(_hand(112)),
        "body": tuple(_BODY_EDGES),
        "full_body": (*_BODY_EDGES, *_FEET_EDGES, *_FACE_EDGES, *_hand(91), *_hand(112)),
    }
)

# iBUG-68: runs of points that change places in reverse order (first, last; 1-based within the face).
_FACE_RUNS = ((1, 17), (18, 27), (32, 36), (49, 55), (56, 60), (61, 65), (66, 68))
_FACE_PAIRS = ((37, 46), (38, 45), (39, 44), (40, 43), (41, 48), (42, 47))


def mirror() -> np.ndarray:
    """``[133]``: which point each point is after left and right are exchanged (x is negated apart)."""
    order = np.arange(POINTS)
    for left, right in (*((a, a + 1) for a in range(1, 17, 2)), *((a, a + 3) for a in range(17, 20))):
        order[[left, right]] = right, left
    for first, last in _FACE_RUNS:
        order[22 + first : 23 + last] = np.arange(22 + last, 21 + first, -1)
    for right, left in _FACE_PAIRS:
        order[[22 + right, 22 + left]] = 22 + left, 22 + right
    order[PARTS["left_hand"]], order[PARTS["right_hand"]] = np.arange(112, 133), np.arange(91, 112)
    return order


def part_mirror(part: str) -> np.ndarray:
    """``[K]``: the same within one part; a hand's points keep their place, since the hand becomes its ``PARTNERS``."""
    if part.endswith("hand"):
        return np.arange(21)
    order: np.ndarray = mirror()[PARTS[part]] - PARTS[part].start
    return order


# BlazePose points of the body's 17, and of big toe, small toe (it has none) and heel, left then right.
_BODY = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
_FEET = (31, None, 29, 32, None, 30)
# Points of the face mesh for each iBUG point, two are averaged.
_FACE = (
    127, 234, 93, (132, 58), (58, 172), 136, 150, 176, 152, 400, 379, 365, (397, 288), (361, 288), 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, (168, 6), (197, 195), 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
FACE_MESH = np.array([pair if isinstance(pair, tuple) else (pair, pair) for pair in _FACE])  # [68, 2]


def from_holistic(frames: np.ndarray, size: tuple[float, float] = (512.0, 512.0)) -> np.ndarray:
    """``[T, 1662]`` of MediaPipe Holistic (pose, face mesh, left hand, right hand) as ``[T, 133, 3]`` float32.

    Holistic gives x in shares of the image's width and y of its height: only with the image's own ``size`` (width,
    height in pixels) do proportions stay. The default suits shares of a square. Unknown sizes show in the mesh: the
    forehead (10) to the chin (152) is about twice as far as between the outer corners of the eyes (33, 263).
    The score is the visibility for body and feet (limited to 0-1), and for face and hands 1 where they were detected.
    Small toes do not exist in Holistic: 0.

    The face follows github.com/PeizhiYan/Mediapipe_2_Dlib_Landmarks (release 1.0), but for one point: its point 14 is
    mesh 361 alone, where point 4 on the other side is the mean of two; here both are means of partners. Brows, eyes
    and mouth agree with the table of ROS4HRI's hri_face_detect to within a step along the same contour.

    Raises:
        ValueError: a frame does not have 1,662 values.
    """
    if frames.ndim != 2 or frames.shape[1] != HOLISTIC_WIDTH:
        raise ValueError(f"found frames of shape {frames.shape}, expected [T, {HOLISTIC_WIDTH}]")
    count = len(frames)
    pose, mesh, hands = np.split(frames.astype(np.float32), [132, 132 + 3 * MESH_POINTS], axis=1)
    points = np.zeros((count, POINTS, 3), np.float32)
    points[:, :23] = _posed(pose.reshape(count, 33, 4))
    points[:, PARTS["face"]] = _detected(mesh.reshape(count, MESH_POINTS, 3)[:, FACE_MESH].mean(2))
    points[:, 91:112] = _detected(hands[:, :63].reshape(count, 21, 3))
    points[:, 112:] = _detected(hands[:, 63:].reshape(count, 21, 3))
    points[..., :2] *= np.asarray(size, np.float32)
    return points


def _posed(pose: np.ndarray) -> np.ndarray:
    """Body and feet, ``[T, 23, 3]``, of ``[T, 33, 4]``."""
    points = np.zeros((len(pose), 23, 3), np.float32)
    sources = [*enumerate(_BODY), *((17 + place, source) for place, source in enumerate(_FEET) if source is not None)]
    targets, origins = np.array(sources).T
    points[:, targets] = pose[:, origins][..., [0, 1, 3]]
    points[..., 2] = np.clip(points[..., 2], 0, 1)
    return points


def _detected(points: np.ndarray) -> np.ndarray:
    """x, y and 1 of ``[T, K, 3]`` where a frame has any value, else zeros."""
    found = np.any(points, axis=(1, 2)).astype(np.float32)
    return np.concatenate([points[..., :2], np.broadcast_to(found.reshape(-1, 1, 1), (*points.shape[:2], 1))], axis=2)
