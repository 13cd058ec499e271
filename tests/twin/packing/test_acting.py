from itertools import pairwise

import numpy as np
import pytest

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.acting import EARLY, stage_orders
from kinetrace.twin.packing.orders import Order, State
from kinetrace.twin.packing.places import Places
from kinetrace.twin.packing.scene import ON_SHELF, RIGHT_HAND, Stage
from kinetrace.twin.packing.workflow import Step

FPS = 15
PLACES = Places.drawn(draws(1))
FRAGILE = Order(0, (False,), fragile=True, express=False, fed=True, scanner=True, large=False)
NEXT = Order(1, (False, True, False), fragile=False, express=True, fed=True, scanner=True, large=True)


def staged(labels, order=FRAGILE, random=1):
    """The scene of these operations, five seconds each, the last one of the order ``NEXT``."""
    steps, state = [], State.of(order)
    for number, label in enumerate(labels):
        steps.append(Step(label, 1 + 5.0 * number, 6 + 5.0 * number, state))
        state = State.of(NEXT) if label == "Put on Back Table" else state.after(label)
    stage = Stage(PLACES)
    orders = stage_orders(stage, PLACES, steps, draws(random))
    return stage.scene(np.arange(0, 2 + 5 * len(labels), 1 / FPS), draws(2)), orders


PACKED = ["Assemble Box", "Picking", "Insert Items", "Close Box"]


def test_an_order_is_on_the_table_from_the_first_frame():
    scene, _ = staged(["Assemble Box"])
    assert scene.item_where[0].tolist() == [ON_SHELF, 0, 0, 0] and scene.lamps[0].tolist() == [1, 0, 0, 0]
    assert scene.box_there[0] == 1 and scene.fold[0] == 0


def test_hands_leave_half_a_second_before_a_box_is_closed():
    """So the last frames of Close Box show what comes next, as published."""
    box_label, _ = staged([*PACKED, "Attach Box Label"])
    fill_out, _ = staged([*PACKED, "Fill out Order"])
    closed = round(21 * FPS)
    early = round((21 - EARLY) * FPS)
    assert box_label.tape[early] > 0.99 and box_label.dispenser_hand[early + 1] < 0
    apart = np.linalg.norm(box_label.hands[:, RIGHT_HAND] - fill_out.hands[:, RIGHT_HAND], axis=1)
    assert apart[early - 5 : early].max() < 5 < 20 < apart[closed - 1]


def test_other_operations_do_not_show_what_comes_next():
    insert, _ = staged(["Assemble Box", "Picking", "Insert Items"])
    relocate, _ = staged(["Assemble Box", "Picking", "Fill out Order"])
    until = round(11 * FPS)
    assert np.allclose(insert.hands[:until], relocate.hands[:until], atol=8)


def test_the_next_order_can_be_seen_before_the_last_box_is_away():
    scene, orders = staged([*PACKED, "Put on Back Table", "Assemble Box"])
    begin, end = 21 * FPS, 26 * FPS
    assert orders == [FRAGILE, NEXT]
    assert scene.order[begin] == 0 and scene.order[begin + FPS] == 1 and scene.order[-1] == 1
    assert scene.lamps[begin + FPS].tolist() == [1, 1, 1, 0]
    assert scene.box_there[begin + 2 * FPS] == 0 and scene.box_there[end - FPS] == 1


@pytest.mark.parametrize("label", ["Assemble Box", "Picking"])
def test_hands_hesitate_now_and_then(label):
    ways = [staged([label], random=random)[0].hands for random in range(30)]
    rates = [np.abs(np.diff(way, axis=0)).max(axis=(1, 2)) for way in ways]
    still = [max(len(list(run)) for run in _runs(rate[2 * FPS : 5 * FPS] < 1.6)) for rate in rates]
    assert len(set(still)) > 3
    assert all((way > (0, 60)).all() and (way < (640, 480)).all() for way in ways)


def _runs(quiet):
    edges = [0, *(np.nonzero(np.diff(quiet))[0] + 1), len(quiet)]
    return [range(a, b) for a, b in pairwise(edges) if quiet[a]] or [range(0)]
