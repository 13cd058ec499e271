"""Durations by label, as hazards of a chain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.operations.runtime import durations
from kinetrace.operations.runtime.durations import Duration, fitted, hazards, remaining

some = st.builds(Duration, median=st.floats(0.01, 3000), spread=st.floats(0.1, 4))


def test_many_segments_speak_for_themselves_and_few_are_drawn_to_the_rest():
    rng = np.random.default_rng(0)
    many, few = rng.lognormal(np.log(20), 0.3, 500).tolist(), [2.0]
    long, short, unseen = fitted([many, few, []])
    assert long.median == pytest.approx(20, rel=0.05) and long.spread == pytest.approx(0.3, abs=0.05)
    assert 2 < short.median < 20 and short.spread > long.spread
    together = np.log([*many, *few])
    assert unseen.median == pytest.approx(np.exp(together.mean()))
    assert unseen.spread == pytest.approx(together.std())


def test_equal_durations_leave_room_for_others():
    (only,) = fitted([[5.0, 5.0, 5.0]])
    assert only.median == pytest.approx(5.0) and only.spread == durations.LEAST_SPREAD


def test_a_segment_without_length_counts_as_one_frame():
    assert fitted([[0.0]])[0].median == pytest.approx(durations.LEAST)


def test_without_any_segment_there_is_nothing_to_fit():
    with pytest.raises(ValueError, match="no segment"):
        fitted([[], []])


@settings(max_examples=40, deadline=None)
@given(st.lists(some, min_size=1, max_size=3), st.floats(0.5, 60))
def test_hazards_are_probabilities_whatever_the_durations(several, fps):
    ends_KD = hazards(several, fps)
    assert ends_KD.shape[0] == len(several) and 2 <= ends_KD.shape[1] <= durations.LONGEST
    assert ((ends_KD > 0) & (ends_KD < 1)).all()
    assert (remaining(ends_KD) > 0).all() and np.isfinite(remaining(ends_KD)).all()


def test_hazards_give_the_durations_back():
    one = Duration(median=6.0, spread=0.4)
    ends_D = hazards([one], 10.0)[0]
    beyond = np.cumprod(1 - ends_D)
    assert beyond[59] == pytest.approx(one.beyond(6.0)) and one.beyond(6.0) == pytest.approx(0.5, abs=0.01)
    assert beyond[119] == pytest.approx(one.beyond(12.0))


def test_the_mean_remaining_is_the_mean_duration_at_first_and_shrinks_towards_the_end():
    one = Duration(median=6.0, spread=0.3)
    left_D = remaining(hazards([one], 10.0))[0]
    assert (1 + left_D[0]) / 10 == pytest.approx(one.mean, rel=0.02)
    assert left_D[50] < left_D[20] < left_D[0]
