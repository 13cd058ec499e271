"""A signer's body as points in space: joints by inverse kinematics, hands from finger curls, a face that speaks.

Lengths are in shoulder widths of an average adult; x to the image's right, y down, z away from the camera, the
middle of the shoulders as origin. Proportions follow Winter, Biomechanics and Motor Control of Human Movement.
"""

from dataclasses import dataclass

import numpy as np

from kinetrace.holistic import CHIN, FACE, LEFT_BROW, LEFT_EYE, LIPS, NOSE_TIP, RIGHT_BROW, RIGHT_EYE
from kinetrace.twin.signing import BROW, MOUTH_OPEN, MOUTH_WIDE, NOD, PLACE, SHAKE, SHAPE, STRONG, TURN, WEAK

OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
JAW = (127, 234, 93, 132, 58, 172, 136, 150, 176, CHIN, 400, 379, 365, 397, 288, 361, 323, 454, 356)
NOSE = (168, 6, 197, 195, 5, 4, 75, 97, 2, 326, 305)
OUTLINE = (*JAW, *NOSE)
JAW_DROP = 0.06
MOUTH = np.array([0.0, 0.28, -0.04])
BONES = np.array([(0.20, 0.12, 0.09), (0.22, 0.14, 0.10), (0.20, 0.13, 0.10), (0.16, 0.09, 0.08)])
KNUCKLES = np.array([(-0.11, -0.40, 0), (-0.03, -0.42, 0), (0.05, -0.40, 0), (0.12, -0.36, 0)])
BEND = np.array([1.2, 1.7, 1.0])  # radians at the three joints of a closed finger
LOWER = np.array([
    (0.32, 1.5, 0.0), (0.3, 2.6, -0.05), (0.28, 3.6, 0.1), (0.28, 3.7, 0.2), (0.32, 3.75, -0.15),
])  # fmt: skip


@dataclass(frozen=True)
class Proportions:
    """One person's body, as factors of the average."""

    shoulders: float
    upper_arm: float
    forearm: float
    hand: float
    head: float
    neck: float
    left_handed: bool


@dataclass(frozen=True)
class Points:
    """``[T, P, 3]`` points of each part of MediaPipe Holistic; ``outline``: more of the face, by ``OUTLINE``."""

    pose: np.ndarray
    left_hand: np.ndarray
    right_hand: np.ndarray
    face: np.ndarray
    outline: np.ndarray


def posed(channels: np.ndarray, body: Proportions) -> Points:
    """The body that makes the movement ``[T, C]``."""
    right, left = (WEAK, STRONG) if body.left_handed else (STRONG, WEAK)
    left_arm, left_hand = _arm(channels[:, left], body)
    right_arm, right_hand = _arm(channels[:, right], body)
    right_arm, right_hand = right_arm * _MIRROR, right_hand * _MIRROR
    face = _placed(_speaking(channels), channels, body)
    pose = np.concatenate([_head(face, body), _sides(left_arm, right_arm)], axis=1)
    return Points(pose, left_hand, right_hand, face, _placed(_jaw_and_nose(channels), channels, body))


_MIRROR = np.array([-1.0, 1.0, 1.0])


def _sides(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Left and right points in turn: pose points 11 to 32."""
    return np.stack([left, right], axis=2).reshape(len(left), -1, 3)


def _arm(hand: np.ndarray, body: Proportions) -> tuple[np.ndarray, np.ndarray]:
    """Shoulder, elbow, wrist, three knuckles and the leg, ``[T, 11, 3]``, and the hand ``[T, 21, 3]``, towards +x."""
    shoulder = np.array([0.5 * body.shoulders, 0.0, 0.0])
    elbow, wrist = _reach(shoulder, hand[:, PLACE], 0.78 * body.upper_arm, 0.68 * body.forearm)
    fingers = wrist[:, None] + 0.52 * body.hand * _turned(_fingers(hand[:, SHAPE]), hand[:, TURN])
    leg = np.broadcast_to(LOWER * (body.shoulders, 1, 1), (len(hand), 5, 3))
    joints = np.stack([np.broadcast_to(shoulder, wrist.shape), elbow, wrist], axis=1)
    return np.concatenate([joints, fingers[:, [17, 5, 3]], leg], axis=1), fingers


def _reach(shoulder: np.ndarray, wanted: np.ndarray, upper: float, lower: float) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and wrist ``[T, 3]`` of an arm that reaches for ``wanted``; the elbow hangs outward and down."""
    line = wanted - shoulder
    length = np.linalg.norm(line, axis=1, keepdims=True)
    reached = np.clip(length, 1.05 * abs(upper - lower) + 0.1, 0.99 * (upper + lower))
    line = line / np.maximum(length, 1e-6)
    along = (upper**2 - lower**2 + reached**2) / (2 * reached)
    pole = np.array([0.5, 1.0, 0.3]) - line * (line @ np.array([0.5, 1.0, 0.3]))[:, None]
    pole = pole / np.maximum(np.linalg.norm(pole, axis=1, keepdims=True), 1e-6)
    elbow = shoulder + along * line + np.sqrt(np.maximum(upper**2 - along**2, 0)) * pole
    return elbow, shoulder + reached * line


def _fingers(shape: np.ndarray) -> np.ndarray:
    """A left hand ``[T, 21, 3]``, fingers up and palm to the camera, from curls and spread ``[T, 6]``."""
    fan = shape[:, 5:] * np.array([-0.25, -0.05, 0.15, 0.35])
    straight = np.stack([np.sin(fan), -np.cos(fan), np.zeros_like(fan)], axis=-1)[:, :, None]
    angle = np.cumsum(shape[:, 1:5, None] * BEND, axis=2)[..., None]
    bones = BONES[..., None] * (np.cos(angle) * straight + np.sin(angle) * np.array([0.0, 0.0, -1.0]))
    joints = np.concatenate([np.zeros_like(bones[:, :, :1]), np.cumsum(bones, axis=2)], axis=2)
    fingers = (KNUCKLES[:, None] + joints).reshape(len(shape), 16, 3)
    return np.concatenate([np.zeros((len(shape), 1, 3)), _thumb(shape[:, 0]), fingers], axis=1)


def _thumb(curl: np.ndarray) -> np.ndarray:
    """``[T, 4, 3]``: from pointing sideways to lying across the palm."""
    angle = np.stack([0.7 - 0.3 * curl, 0.7 - 1.2 * curl, 0.7 - 1.9 * curl], axis=1)
    depth = np.broadcast_to(-0.35 * curl[:, None], angle.shape)
    bones = np.stack([-np.sin(angle), -np.cos(angle), depth], axis=-1) * np.array([0.17, 0.14, 0.11])[:, None]
    base = np.broadcast_to(np.array([-0.12, -0.10, -0.03]), (len(curl), 1, 3))
    return np.concatenate([base, base + np.cumsum(bones, axis=1)], axis=1)


def _turned(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """``[T, P, 3]`` rotated by ``[T, 3]`` radians about x, then y, then z."""
    turned: np.ndarray = np.einsum("tij,tpj->tpi", rotation(angles), points)
    return turned


def rotation(angles: np.ndarray) -> np.ndarray:
    """``[T, 3]`` radians about x, y and z, applied in this order, as matrices ``[T, 3, 3]``."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _still_face() -> np.ndarray:
    """``[94, 3]``: a face at rest, the middle between the eyes as origin."""
    points: dict[int, tuple[float, float, float]] = {NOSE_TIP: (0, 0.19, -0.12), CHIN: (0, 0.48, 0.0)}
    for ring, (wide, high) in ((OUTER_LIPS, (0.12, 0.045)), (INNER_LIPS, (0.095, 0.015))):
        angles = np.pi + np.linspace(0, -2 * np.pi, len(ring), endpoint=False)  # from the right corner along the chin
        lips = zip(wide * np.cos(angles), MOUTH[1] + high * np.sin(angles), strict=True)
        points |= {point: (x, y, MOUTH[2]) for point, (x, y) in zip(ring, lips, strict=True)}
    corner = np.linspace(-1, 1, 9)  # from the outer corner to the inner one
    eye = [(x, np.sqrt(1 - x**2)) for x in corner] + [(x, -np.sqrt(1 - x**2)) for x in corner[1:-1]]
    brow = [(x, -0.10 - 0.02 * (1 - x**2)) for x in np.linspace(-1, 1, 5)]
    brow += [(x, y - 0.03) for x, y in brow]
    for side, eyes, brows in ((-1, RIGHT_EYE, RIGHT_BROW), (1, LEFT_EYE, LEFT_BROW)):
        points |= {p: (side * (0.125 - 0.055 * x), 0.022 * y, 0.0) for p, (x, y) in zip(eyes, eye, strict=True)}
        points |= {p: (side * (0.13 - 0.08 * x), y, -0.02) for p, (x, y) in zip(brows, brow, strict=True)}
    return np.array([points[point] for point in FACE])


def _still_outline() -> np.ndarray:
    """``[30, 3]``: jaw line from the right ear over the chin to the left, nose from its root down, then its wings."""
    angle = np.linspace(0, np.pi, len(JAW))
    jaw = np.stack([-0.24 * np.cos(angle), 0.02 + 0.46 * np.sin(angle), 0.2 * np.cos(angle) ** 2], axis=1)
    ridge = [(0.0, y, -0.03 - 0.5 * y) for y in np.linspace(-0.01, 0.17, 6)]
    wings = [(x, 0.235 - 0.3 * abs(x), 0.5 * abs(x) - 0.08) for x in (-0.06, -0.03, 0.0, 0.03, 0.06)]
    return np.concatenate([jaw, ridge, wings])


STILL_FACE, STILL_OUTLINE = _still_face(), _still_outline()
LIP_ROWS = np.arange(len(LIPS))
BROW_ROWS = np.array([FACE.index(point) for point in (*RIGHT_BROW, *LEFT_BROW)])
EYE_ROWS = [FACE.index(point) for point in (362, 374, 263, 133, 145, 33)]  # pose points 1 to 6
CORNER_ROWS = [FACE.index(point) for point in (291, 61)]  # pose points 9 and 10
EARS = np.array([(0.25, 0.1, 0.25), (-0.25, 0.1, 0.25)])


def _speaking(channels: np.ndarray) -> np.ndarray:
    """``[T, 94, 3]``: mouth and eyebrows of a face that looks straight ahead."""
    face = np.repeat(STILL_FACE[None], len(channels), axis=0)
    stretch = np.stack(
        [0.75 + 0.5 * channels[:, MOUTH_WIDE], 0.6 + 2.2 * channels[:, MOUTH_OPEN], np.ones(len(channels))], axis=1
    )
    face[:, LIP_ROWS] = MOUTH + (face[:, LIP_ROWS] - MOUTH) * stretch[:, None]
    face[:, FACE.index(CHIN), 1] += JAW_DROP * channels[:, MOUTH_OPEN]
    face[:, BROW_ROWS, 1] -= 0.05 * channels[:, BROW, None]
    return face


def _jaw_and_nose(channels: np.ndarray) -> np.ndarray:
    """``[T, 30, 3]``: the jaw drops as the mouth opens, most at the chin."""
    outline = np.repeat(STILL_OUTLINE[None], len(channels), axis=0)
    drop = JAW_DROP * np.sin(np.linspace(0, np.pi, len(JAW))) ** 2
    outline[:, : len(JAW), 1] += drop * channels[:, MOUTH_OPEN, None]
    return outline


def _placed(points: np.ndarray, channels: np.ndarray, body: Proportions) -> np.ndarray:
    """A face on the neck, with the head's rotation."""
    angles = np.stack([channels[:, NOD], channels[:, SHAKE], np.zeros(len(channels))], axis=1)
    pivot = np.array([0.0, 0.3, 0.3])
    placed: np.ndarray = body.head * (_turned(points - pivot, angles) + pivot) + np.array(
        [0.0, -0.72 * body.neck, -0.2]
    )
    return placed


def _head(face: np.ndarray, body: Proportions) -> np.ndarray:
    """Pose points 0 to 10, ``[T, 11, 3]``: nose, eyes, ears and mouth corners."""
    between = face[:, EYE_ROWS].mean(axis=1, keepdims=True)
    nose = face[:, [FACE.index(NOSE_TIP)]]
    return np.concatenate([nose, face[:, EYE_ROWS], between + body.head * EARS, face[:, CORNER_ROWS]], axis=1)
