import numpy as np
import pytest

from kinetrace.twin.packing import table
from kinetrace.twin.packing.canvas import Canvas
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.packer import Packer
from kinetrace.twin.packing.scene import BOX_LABEL, NO_TAG, RIGHT, SHIPPING_LABEL, TAG, WRONG

PACKER = Packer.of(7, 0)
SPOT = np.array([300.0, 200.0])


def painted(paint):
    canvas = Canvas(np.full((480, 640, 3), 100, np.uint8), np.eye(2, 3))
    paint(canvas)
    return canvas.picture.astype(int)


def differ(one, other):
    return int((np.abs(one - other).max(axis=2) > 40).sum())


EMPTY = painted(lambda canvas: None)


def test_the_background_has_the_table_the_shelf_and_the_floor():
    picture = table.background(PACKER.look, PACKER.places, PACKER.camera)
    assert picture.shape == (480, 640, 3) and picture.dtype == np.uint8
    assert np.abs(picture[2, 320] - np.array(PACKER.look.floor)).max() <= 1
    x, y = (PACKER.camera @ [450, 350, 1]).astype(int)
    assert np.abs(picture[y, x] - np.array(PACKER.look.table)).max() <= 1


def test_a_lamp_is_bright_when_it_is_lit():
    lit, dark = (painted(lambda canvas, lit=lit: table.lamp(canvas, SPOT, lit)) for lit in (True, False))
    assert differ(lit, dark) > 300


def test_items_show_their_labels():
    shown = {
        tag: painted(lambda canvas, tag=tag: table.item(canvas, SPOT, (90.0, 60.0, 30.0), tag))
        for tag in (NO_TAG, WRONG, RIGHT)
    }
    assert min(differ(shown[a], shown[b]) for a, b in ((NO_TAG, WRONG), (WRONG, RIGHT), (NO_TAG, RIGHT))) > 300


def test_labels_in_the_hand_differ():
    shown = [painted(lambda canvas, k=k: table.label(canvas, SPOT, k)) for k in (0, TAG, BOX_LABEL, SHIPPING_LABEL)]
    assert differ(shown[0], EMPTY) == 0
    assert all(differ(a, b) > 200 for index, a in enumerate(shown) for b in shown[index + 1 :])


def test_a_sheet_shows_how_far_it_is_filled_out():
    order = Order(0, (False,), fragile=False, express=False, fed=False, scanner=True, large=False)
    shown = [painted(lambda canvas, w=w: table.sheet(canvas, PACKER.places, order, w)) for w in (0, 0.4, 0.7, 1)]
    written = [differ(picture, shown[0]) for picture in shown]
    assert written[0] == 0 and np.diff(written).min() > 150


def test_the_pile_grows():
    areas = [differ(painted(lambda c, n=n: table.pile(c, PACKER.places, n, PACKER.look.card)), EMPTY) for n in range(5)]
    assert areas[0] == 0 and np.diff(areas).min() > 500


@pytest.mark.parametrize("tool", ["dispenser", "scanner"])
def test_tools_are_large_enough_to_be_told_apart(tool):
    assert differ(painted(lambda canvas: getattr(table, tool)(canvas, SPOT, PACKER.look)), EMPTY) > 700


def test_the_pen_points_when_it_is_held():
    held, lying = (painted(lambda c, h=h: table.pen(c, SPOT, PACKER.look, h)) for h in (True, False))
    assert differ(held, EMPTY) > 200 and differ(held, lying) > 150
    assert differ(painted(lambda canvas: table.beam(canvas, SPOT)), EMPTY) > 150
