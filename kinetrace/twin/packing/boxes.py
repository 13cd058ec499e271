"""How a box looks from above: flat, unfolding, open, closing, taped, labelled."""

from dataclasses import dataclass

import numpy as np

from kinetrace.twin.packing.canvas import Canvas, shaded
from kinetrace.twin.packing.packer import Colour
from kinetrace.twin.packing.places import by

ORANGE, WHITE, BLACK, GREEN = (30.0, 130.0, 250.0), (245.0, 245.0, 245.0), (25.0, 25.0, 25.0), (60.0, 190.0, 40.0)
BOX_LABEL_AT, SHIPPING_LABEL_AT = np.array([-0.5, -0.5]), np.array([0.4, 0.45])  # in shares of the half sizes
FLAP = 0.62  # length of a short flap in half heights


@dataclass(frozen=True)
class Box:
    """The state of a box, as ``Scene`` has it; ``half`` its width and height, in pixels."""

    centre: np.ndarray
    half: np.ndarray
    fold: float = 1.0
    flaps: float = 1.0
    tape: float = 1.0
    box_label: bool = False
    scanned: bool = False
    shipping_label: bool = False


def inside(canvas: Canvas, box: Box, card: Colour) -> None:
    """What is below the items: walls and bottom, or the flat box."""
    half = box.half * (1 + 0.22 * (1 - box.fold), 1 - 0.3 * (1 - box.fold))
    canvas.box(box.centre + by(5, 7), half, shaded(card, 0.35))
    canvas.box(box.centre, half, shaded(card, 0.95))
    if box.fold < 1:
        crease = half * (0.96, 0)
        canvas.line([box.centre - crease, box.centre + crease], shaded(card, 0.6), 3)
    if box.fold > 0:
        canvas.box(box.centre, half * (0.92, 0.9 * box.fold), shaded(card, 0.34))


def lid(canvas: Canvas, box: Box, card: Colour, tape: Colour) -> None:
    """What is above the items: flaps, tape and labels."""
    if box.fold > 0.5:
        short, long = np.clip((2 * box.flaps, 2 * box.flaps - 1), 0, 1)
        for side in (-1.0, 1.0):
            _flap(canvas, box, np.array([side, 0.0]), FLAP * box.half[1], short, shaded(card, 0.86))
        for side in (-1.0, 1.0):
            _flap(canvas, box, np.array([0.0, side]), box.half[1], long, shaded(card, 1.08 if side > 0 else 1.0))
    if box.tape > 0:
        left, right = -1.1, -1.1 + 2.2 * box.tape
        strip = [(left, -0.17), (right, -0.17), (right, 0.17), (left, 0.17)]
        canvas.shape(box.centre + np.array(strip) * box.half, tape)
        canvas.line(box.centre + np.array([(left, 0.0), (right, 0.0)]) * box.half, shaded(tape, 0.8), 1)
    if box.box_label:
        box_label(canvas, box.centre + BOX_LABEL_AT * box.half, box.scanned)
    if box.shipping_label:
        shipping_label(canvas, box.centre + SHIPPING_LABEL_AT * box.half)


def _flap(canvas: Canvas, box: Box, side: np.ndarray, length: float, closed: float, colour: Colour) -> None:
    """A flap at that ``side``: it stands out while open, and turns over the box as it closes."""
    along = np.abs(side[::-1])
    unfolded = max(0.0, 2 * box.fold - 1)
    edge, out = box.centre + side * box.half, side * length * np.cos(np.pi * closed) * unfolded
    narrow = 0.9 if closed < 0.5 else 0.99
    corners = [edge - along * box.half, edge + along * box.half]
    tips = [edge + out + along * box.half * narrow, edge + out - along * box.half * narrow]
    canvas.shape(np.array(corners + tips), shaded(colour, 0.8 + 0.2 * abs(np.cos(np.pi * closed))))
    canvas.line(np.array(tips), shaded(colour, 0.6), 1)


def box_label(canvas: Canvas, centre: np.ndarray, scanned: bool) -> None:
    """Small and orange; ticked in green once it is scanned."""
    canvas.box(centre, (17, 12), ORANGE)
    canvas.box(centre, (12, 7), WHITE)
    if scanned:
        canvas.disc(centre, 8, GREEN)


def shipping_label(canvas: Canvas, centre: np.ndarray) -> None:
    """Larger and white, with a bar code."""
    canvas.box(centre, (24, 16), WHITE)
    for bar, width in ((-15, 3), (-7, 2), (0, 4), (9, 2), (15, 3)):
        canvas.box(centre + by(bar, 3), (width, 8), BLACK)
