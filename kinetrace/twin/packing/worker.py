"""How the worker looks from above: arms that bend to where the hands are, torso and head."""

import numpy as np

from kinetrace.twin.packing.canvas import Canvas, shaded
from kinetrace.twin.packing.packer import Colour, Look
from kinetrace.twin.packing.places import SHOULDERS, by

UPPER, FORE = 150.0, 185.0  # pixels
BENT = 0.5  # an elbow points downwards too, and is seen from above
LEAN = 0.2  # how far the body goes after the hands
FINGERS = np.radians([-28.0, -9.0, 9.0, 28.0])


def arms(canvas: Canvas, hands_HC: np.ndarray, look: Look) -> None:
    """Both arms, without the hands ``[2, 2]`` (left first)."""
    shoulders = SHOULDERS + lean(hands_HC)
    for side in (0, 1):
        elbow = bend(shoulders[side], hands_HC[side], -1.0 if side == 0 else 1.0)
        _arm(canvas, shoulders[side], elbow, hands_HC[side], look)


def _arm(canvas: Canvas, shoulder: np.ndarray, elbow: np.ndarray, hand: np.ndarray, look: Look) -> None:
    """Upper arm and forearm, clothed up to the sleeve's end."""
    dark = shaded(look.shirt, 0.82)
    cuff = elbow + (hand - elbow) * max(0.0, (look.sleeve - 0.45) / 0.55)
    _limb(canvas, elbow, hand, 13.0, 9.0, look.skin)
    _limb(canvas, elbow, cuff, 16.5, 14.0, dark)
    canvas.disc(elbow, 16.5, dark)
    _limb(canvas, shoulder, elbow, 22.0, 16.5, dark)


def _limb(canvas: Canvas, a: np.ndarray, b: np.ndarray, wide: float, narrow: float, colour: Colour) -> None:
    along = b - a
    length = float(np.hypot(*along))
    if length < 1:
        return
    across = np.array([-along[1], along[0]]) / length
    canvas.shape(np.array([a + wide * across, b + narrow * across, b - narrow * across, a - wide * across]), colour)


def bend(shoulder: np.ndarray, hand: np.ndarray, outward: float) -> np.ndarray:
    """Where the elbow is, towards the outside; an arm that is too short for its hand is stretched."""
    reach = hand - shoulder
    length = float(np.hypot(*reach))
    stretch = max(1.0, length / (0.995 * (UPPER + FORE)))
    upper, fore = UPPER * stretch, FORE * stretch
    length = max(length, fore - upper + 1)
    along = (upper**2 - fore**2 + length**2) / (2 * length)
    aside = np.sqrt(max(upper**2 - along**2, 0.0))
    direction = reach / max(float(np.hypot(*reach)), 1e-6)
    normal = np.array([-direction[1], direction[0]])
    if normal[0] * outward < 0:
        normal = -normal
    elbow: np.ndarray = shoulder + along * direction + BENT * aside * normal
    return elbow


def hand(canvas: Canvas, place: np.ndarray, look: Look, side: int, grips: bool) -> None:
    """Palm, four fingers that point away from the worker, shorter around something, and a thumb to the inside."""
    size, inward = look.hand, 1.0 if side == 0 else -1.0
    tone = shaded(look.skin, 0.94)
    length = size * (1.35 if grips else 1.9)
    for angle in FINGERS:
        tip = place + length * np.array([np.sin(angle), np.cos(angle)])
        canvas.line([place, tip], tone, 7)
    canvas.line([place, place + size * np.array([1.4 * inward, 0.5])], tone, 8)
    canvas.disc(place, size, look.skin)


def body(canvas: Canvas, hands_HC: np.ndarray, look: Look) -> None:
    """Torso and head, which are nearest to the camera."""
    move = lean(hands_HC)
    left, right = SHOULDERS + move
    torso = np.array([left + by(-24, -34), right + by(24, -34), right + by(16, 16), left + by(-16, 16)])
    canvas.shape(torso, look.shirt)
    for shoulder in (left, right):
        canvas.disc(shoulder, 23, look.shirt)
    head = (left + right) / 2 + move * 0.4 + by(0, -14)
    canvas.disc(head + by(0, 16), 22, look.skin)
    canvas.disc(head, 31, look.hair)


def lean(hands_HC: np.ndarray) -> np.ndarray:
    """Where the body goes: after the hands, sideways."""
    return np.array([LEAN * (hands_HC[:, 0].mean() - SHOULDERS[:, 0].mean()), 0.0])
