from dataclasses import replace

import numpy as np
import pytest

from kinetrace.twin.packing.render import Painter
from kinetrace.twin.packing.scene import IN_BOX, ON_SHELF, OUT, RIGHT, SHIPPING_LABEL, WRONG
from kinetrace.twin.packing.session import Session

SESSION = Session.of(7, 0, 0, 40, 15)


def painted(order=None, **changes):
    """A frame in which nothing is going on, with ``changes`` of the scene or the ``order``."""
    scene = {name: np.array(values[:1]) for name, values in vars(SESSION.scene).items()}
    for name, value in changes.items():
        scene[name][:] = value
    orders = [replace(SESSION.orders[0], **(order or {}))]
    return Painter(SESSION.packer, replace(SESSION.scene, **scene), orders).picture(0).astype(int)


def visible(one, other):
    """How many pixels differ clearly."""
    return int((np.abs(one - other).max(axis=2) > 40).sum())


@pytest.mark.parametrize("sign", ["fragile", "express", "scanner"])
def test_what_an_order_asks_for_can_be_seen(sign):
    assert visible(painted(order={sign: True}), painted(order={sign: False})) > 300


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("lamps", (0, 0, 0, 0), (1, 0, 0, 0)),
        ("item_where", (ON_SHELF, 0, 0, 0), (0, 0, 0, 0)),
        ("item_tag", (WRONG, 0, 0, 0), (RIGHT, 0, 0, 0)),
        ("written", 0, 1),
        ("box_there", 0, 1),
        ("pile", 0, 1),
        ("dispenser_hand", -1, 1),
        ("beam", 0, 1),
        ("label_kind", 0, SHIPPING_LABEL),
        ("parcel_there", 0, 1),
    ],
)
def test_what_has_been_done_can_be_seen(name, before, after):
    hand = {"dispenser": (250, 300), "label": (250, 300)} if name in ("dispenser_hand", "label_kind") else {}
    common = {"item_where": (OUT, 0, 0, 0)} | hand
    one, other = ({**common, name: value} for value in (before, after))
    other |= {"dispenser": (400, 300)} if name == "dispenser_hand" else {}
    assert visible(painted(**one), painted(**other)) > 180


def test_a_box_hides_what_is_under_its_lid():
    box = {"box_there": 1, "fold": 1, "items": SESSION.packer.places.work, "item_where": (IN_BOX, 0, 0, 0)}
    without = {**box, "item_where": 0}
    assert visible(painted(**box, flaps=0), painted(**without, flaps=0)) > 600
    assert visible(painted(**box, flaps=1), painted(**without, flaps=1)) == 0


def test_hands_are_in_front_of_what_lies_there():
    over, away = painted(hands=SESSION.packer.places.tape), painted()
    x, y = (SESSION.packer.camera @ [*SESSION.packer.places.tape, 1]).astype(int)
    assert np.abs(over[y, x] - SESSION.packer.look.skin).max() < 3 and (over[y, x] != away[y, x]).any()
