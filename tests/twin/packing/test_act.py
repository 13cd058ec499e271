import numpy as np
import pytest

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.act import Act, half_box
from kinetrace.twin.packing.orders import Order, State
from kinetrace.twin.packing.places import LARGE_BOX, SMALL_BOX, Places
from kinetrace.twin.packing.scene import LEFT_HAND, RIGHT_HAND, Stage

PLACES = Places.drawn(draws(1))


def act(large=False, **changes):
    order = Order(0, (False,), fragile=False, express=False, fed=False, scanner=True, large=large)
    return Act(Stage(PLACES), PLACES, State.of(order), 10.0, 20.0, draws(2), **changes)


def test_a_share_of_the_work_is_a_share_of_the_time():
    assert [act().at(share) for share in (0, 0.25, 1)] == [10, 12.5, 20]


def test_in_a_pause_time_goes_by_without_work():
    paused = act(pause=(0.5, 0.2))
    assert [paused.at(share) for share in (0, 0.5, 1)] == pytest.approx([10, 14, 20])
    assert paused.at(0.501) - paused.at(0.5) == pytest.approx(2, abs=0.1)


def test_a_hand_goes_near_its_place_and_no_other_hand_moves():
    going = act()
    going.go(RIGHT_HAND, PLACES.tape, 0.0, 0.5)
    left, right = (hand.at(np.array([9.0, 15.1])) for hand in going.stage.hands)
    assert np.abs(right[1] - PLACES.tape).max() <= 4
    assert (left[0] == left[1]).all()
    going.rest(LEFT_HAND, 0, 1)
    assert (going.stage.hands[LEFT_HAND].now != left[0]).all()


def test_places_on_the_box_scale_with_it():
    assert (half_box(act(large=True).state.order) == LARGE_BOX).all() and (act().half == SMALL_BOX).all()
    assert np.allclose(act(large=True).beside(1, -1) - PLACES.work, LARGE_BOX * (1, -1))
