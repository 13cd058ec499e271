"""The table and what stands on it: what never changes, painted once, and what an order brings."""

from collections.abc import Sequence

import numpy as np

from kinetrace.twin.packing.boxes import BLACK, GREEN, WHITE, box_label, shipping_label
from kinetrace.twin.packing.canvas import Canvas, shaded
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.packer import Colour, Look
from kinetrace.twin.packing.places import HEIGHT, TRAY, WIDTH, Places, by
from kinetrace.twin.packing.scene import BOX_LABEL, RIGHT, SHIPPING_LABEL, TAG, WRONG

MAGENTA, DARK, GREY = (190.0, 40.0, 215.0), (45.0, 45.0, 45.0), (120.0, 120.0, 120.0)
RED, YELLOW, BLUE = (35.0, 35.0, 225.0), (90.0, 225.0, 250.0), (150.0, 60.0, 20.0)
SHEET = np.array([40.0, 50.0])
PILE = np.array([[-24.0, -26.0], [26.0, -24.0], [-24.0, 26.0], [26.0, 24.0]])


def background(look: Look, places: Places, camera: np.ndarray) -> np.ndarray:
    """``[480, 640, 3]`` uint8: what never moves."""
    canvas = Canvas(np.full((HEIGHT, WIDTH, 3), look.floor, np.uint8), camera)
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    canvas.box(middle + by(0, 60), (316, 186), shaded(look.table, 0.55))
    canvas.box(middle + by(0, 52), (316, 184), look.table)
    for board in range(1, 4):
        y = 108 + 92 * board
        canvas.line([(6, y), (634, y)], shaded(look.table, 0.93), 2)
    _shelf(canvas, look, places)
    canvas.box(places.tray + by(4, 6), TRAY + 6, shaded(look.table, 0.6))
    canvas.box(places.tray, TRAY + 6, shaded(look.tray, 1.25))
    canvas.box(places.tray, TRAY, look.tray)
    _tags(canvas, places.tags)
    _printer(canvas, places)
    canvas.box(places.back, (66, 58), shaded(look.table, 0.5))
    canvas.box(places.back - by(0, 3), (62, 54), shaded(look.table, 0.78))
    canvas.box(places.scanner, (26, 40), shaded(DARK, 1.2))
    canvas.box(places.scanner, (19, 33), shaded(look.table, 1.25))
    for layer in range(3):
        canvas.box(places.stack + by(0, 9 - 5 * layer), (78, 26), shaded(look.card, 0.6 + 0.15 * layer))
    canvas.line([places.stack - by(74, 1), places.stack + by(74, -1)], shaded(look.card, 0.6), 2)
    return canvas.picture


def _shelf(canvas: Canvas, look: Look, places: Places) -> None:
    middle = places.bins.mean(axis=0)
    canvas.box(middle, (52, 172), shaded(look.shelf, 0.7))
    for bin_place in places.bins:
        canvas.box(bin_place, (45, 36), look.shelf)
        canvas.box(bin_place + by(-6, 2), (33, 28), shaded(look.shelf, 0.5))


def _tags(canvas: Canvas, place: np.ndarray) -> None:
    """The sheet of new labels for items."""
    canvas.box(place, (36, 24), (210.0, 215.0, 215.0))
    for x in (-22, 0, 22):
        for y in (-11, 11):
            canvas.box(place + by(x, y), (8, 8), WHITE)
            canvas.box(place + by(x, y), (5, 2), GREEN)


def _printer(canvas: Canvas, places: Places) -> None:
    """Two labels stick out of it, ready to be taken."""
    canvas.box(places.printer + by(4, 6), (62, 40), shaded(DARK, 0.7))
    canvas.box(places.printer, (62, 40), (165.0, 165.0, 160.0))
    canvas.box(places.printer + by(0, 18), (50, 14), DARK)
    box_label(canvas, places.printer_slots[0], False)
    shipping_label(canvas, places.printer_slots[1])


def lamp(canvas: Canvas, bin_place: np.ndarray, lit: bool) -> None:
    """Lit: an item is to be picked here."""
    canvas.disc(bin_place + by(35, -22), 12, (80.0, 255.0, 90.0) if lit else (40.0, 60.0, 40.0))


def sheet(canvas: Canvas, places: Places, order: Order, written: float) -> None:
    """The order: yellow when it is express, a red mark when it is fragile, three thick lines once it is filled out."""
    canvas.box(places.sheet + by(3, 4), SHEET, DARK)
    canvas.box(places.sheet, SHEET, YELLOW if order.express else WHITE)
    canvas.box(places.sheet + by(-14, -36), (20, 5), GREY)
    if order.fragile:
        top = places.sheet + by(20, -34)
        canvas.shape(top + np.array([(0.0, -16.0), (18.0, 14.0), (-18.0, 14.0)]), RED)
        canvas.box(top + by(0, 4), (2, 6), WHITE)
    for row in range(3):
        share = min(max(3 * written - row, 0.0), 1.0)
        y = places.sheet[1] - 6 + 18 * row
        left = places.sheet[0] - 30
        if share > 0:
            canvas.line([(left, y), (left + 60 * share, y)], BLUE, 8)
        else:
            canvas.line([(left, y + 4), (left + 60, y + 4)], GREY, 1)


def item(canvas: Canvas, place: np.ndarray, colour: Colour, tag: int) -> None:
    """An item with its label: magenta while it is wrong, white once it is replaced."""
    canvas.box(place + by(2, 3), (21, 17), shaded(colour, 0.4))
    canvas.box(place, (21, 17), colour)
    canvas.line([place + by(-19, -15), place + by(19, -15)], shaded(colour, 1.3), 2)
    if tag == WRONG:
        canvas.box(place, (12, 10), MAGENTA)
        canvas.line([place - by(7, 5), place + by(7, 5)], BLACK, 3)
    elif tag == RIGHT:
        canvas.box(place, (12, 10), WHITE)
        canvas.box(place, (7, 3), GREEN)


def pile(canvas: Canvas, places: Places, count: int, card: Colour) -> None:
    """The boxes on the back table."""
    for spot in PILE[:count]:
        canvas.box(places.back + spot + by(3, 3), (25, 22), shaded(card, 0.45))
        canvas.box(places.back + spot, (25, 22), shaded(card, 0.92))
        canvas.box(places.back + spot, (25, 4), shaded(card, 1.15))


def dispenser(canvas: Canvas, place: np.ndarray, look: Look) -> None:
    """A roll of tape in its holder."""
    body = np.array([(-24.0, -12.0), (12.0, -16.0), (26.0, 2.0), (26.0, 13.0), (-24.0, 13.0)])
    canvas.shape(place + body, look.dispenser)
    canvas.disc(place + by(-4, -2), 16, shaded(look.tape, 0.9))
    canvas.disc(place + by(-4, -2), 7, shaded(look.dispenser, 0.6))
    canvas.box(place + by(27, 7), (4, 8), GREY)


def scanner(canvas: Canvas, place: np.ndarray, look: Look) -> None:
    """A dark handle under a wide head with a light window."""
    canvas.shape(place + np.array([(-8.0, -30.0), (8.0, -30.0), (9.0, 8.0), (-9.0, 8.0)]), look.scanner)
    canvas.shape(place + np.array([(-16.0, 4.0), (16.0, 4.0), (19.0, 26.0), (-19.0, 26.0)]), shaded(look.scanner, 1.3))
    canvas.box(place + by(0, 21), (14, 4), (200.0, 180.0, 255.0))


def beam(canvas: Canvas, place: np.ndarray) -> None:
    """The scanner's light on the label."""
    canvas.line([place + by(-26, 36), place + by(26, 40)], (40.0, 30.0, 255.0), 4)


def pen(canvas: Canvas, place: np.ndarray, look: Look, held: bool) -> None:
    """Lying beside the sheet, or pointing at what is written."""
    tip: Sequence[float] = (-9, 12) if held else (0, 26)
    tail: Sequence[float] = (14, -22) if held else (0, -26)
    canvas.line([place + tail, place + tip], look.pen, 7)
    canvas.line([place + np.asarray(tip) * 0.7, place + tip], BLACK, 4)


def label(canvas: Canvas, place: np.ndarray, kind: int) -> None:
    """A label in the hand."""
    if kind == TAG:
        canvas.box(place, (12, 10), WHITE)
        canvas.box(place, (7, 3), GREEN)
    elif kind == BOX_LABEL:
        box_label(canvas, place, False)
    elif kind == SHIPPING_LABEL:
        shipping_label(canvas, place)
