import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.twin.packing.track import Track, reach

TIMES = np.arange(0, 10, 0.1)


def test_a_move_starts_and_ends_at_rest_and_is_fastest_in_the_middle():
    share = np.linspace(0, 1, 101)
    way = reach(share)
    speed = np.diff(way)
    assert way[0] == 0 and way[-1] == pytest.approx(1) and way[50] == pytest.approx(0.5)
    assert (speed >= 0).all() and speed.argmax() in (49, 50) and speed[0] < 1e-4 > speed[-1]


@given(st.lists(st.tuples(st.floats(0, 8), st.floats(0.1, 1.5), st.floats(-100, 100)), max_size=6))
def test_moves_lead_to_the_last_target_however_they_overlap(moves):
    track = Track.of([3.0, 4.0])
    for start, lasts, target in moves:
        track.to([target, -target], start, start + lasts)
    assert np.allclose(track.at(TIMES)[-1], track.now)
    assert np.allclose(track.at(TIMES)[0], [3, 4]) or any(start == 0 for start, _, _ in moves)


def test_without_an_end_a_move_happens_at_once():
    track = Track.of(0)
    track.to(1, 4.95)
    assert track.at(TIMES)[:, 0].tolist() == [0.0] * 50 + [1.0] * 50


def test_a_wave_goes_back_and_forth_and_leaves_nothing():
    track = Track.of([0.0, 0.0])
    track.wave(2, 6, (10, 0), 1.0)
    values = track.at(TIMES)
    assert 8 < values[:, 0].max() <= 10 and -10 <= values[:, 0].min() < -8
    assert not values[:20].any() and not values[60:].any() and not values[:, 1].any()


def test_a_thing_is_where_the_hand_is_that_holds_it_and_then_where_it_was_put():
    thing, hand = Track.of([5.0, 5.0]), Track.of([5.0, 5.0])
    hand.to([50.0, 20.0], 2, 4)
    thing.hold(1, 1.95, 4.05, (0, 3))
    thing.to([50.0, 23.0], 3)
    hands = np.stack([np.zeros((100, 2)), hand.at(TIMES)], axis=1)
    places, holds = thing.carried(TIMES, hands), thing.held(TIMES)
    assert (holds == np.where((TIMES >= 1.95) & (TIMES < 4.05), 1, -1)).all()
    assert np.allclose(places[holds == 1], hands[holds == 1, 1] + (0, 3))
    assert places[0].tolist() == [5, 5] and places[-1].tolist() == [50, 23]
