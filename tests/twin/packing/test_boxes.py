import numpy as np

from kinetrace.twin.packing.boxes import BOX_LABEL_AT, SHIPPING_LABEL_AT, Box, inside, lid
from kinetrace.twin.packing.canvas import Canvas
from kinetrace.twin.packing.places import LARGE_BOX

CARD, TAPE = (90.0, 140.0, 190.0), (200.0, 230.0, 240.0)
CENTRE = np.array([320.0, 240.0])


def painted(**state):
    canvas = Canvas(np.zeros((480, 640, 3), np.uint8), np.eye(2, 3))
    box = Box(CENTRE, LARGE_BOX, **state)
    inside(canvas, box, CARD)
    lid(canvas, box, CARD, TAPE)
    return canvas.picture.astype(int)


def at(picture, place=(0.0, 0.0)):
    x, y = (CENTRE + LARGE_BOX * place).astype(int)
    return picture[y, x]


def area(picture):
    return int(picture.any(axis=2).sum())


def test_a_box_unfolds():
    flat, half, standing = (painted(fold=fold, flaps=0, tape=0) for fold in (0, 0.7, 1))
    assert area(flat) < area(half) < area(standing)
    assert at(flat, (0, 0.3)).sum() > 1.5 * at(standing, (0, 0.3)).sum()  # one looks into it


def test_flaps_close_the_short_ones_first():
    open_box, half, closed = (painted(flaps=flaps, tape=0) for flaps in (0, 0.5, 1))
    assert area(open_box) > area(half) > area(closed)
    dark = at(open_box)
    assert (at(half) == dark).all() and (at(half, (-0.7, 0)) != dark).any() and (at(closed) != dark).any()


def test_tape_grows_from_one_end_to_the_other():
    taped = [np.abs(painted(tape=tape) - painted(tape=0)).any(axis=2).sum() for tape in (0.25, 0.5, 1)]
    assert taped[0] * 1.6 < taped[1] and taped[1] * 1.6 < taped[2]


def test_labels_have_places_of_their_own():
    bare = painted()
    for name, place in (("box_label", BOX_LABEL_AT), ("shipping_label", SHIPPING_LABEL_AT)):
        changed = np.abs(painted(**{name: True}) - bare).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert np.allclose((columns.mean(), rows.mean()), CENTRE + LARGE_BOX * place, atol=2)
        assert changed.sum() > 800
    ticked = np.abs(painted(box_label=True, scanned=True) - painted(box_label=True)).any(axis=2)
    assert 120 < ticked.sum() < 400
