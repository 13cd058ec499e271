import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.metrics import spans
from kinetrace.metrics.spans import reached, tiou

PLACES = st.integers(-20, 60)
TRUE = st.tuples(PLACES, st.integers(1, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))
PREDICTED = st.tuples(PLACES, PLACES)
PAIRS = st.lists(st.tuples(TRUE, PREDICTED), min_size=1, max_size=8)


def arrays(pairs):
    """Spans in tenths of a second."""
    true, predicted = zip(*pairs, strict=True)
    return np.array(true) / 10, np.array(predicted) / 10


@given(PAIRS)
def test_tiou_is_the_share_of_tenths_of_a_second_that_are_in_both_spans_of_those_in_either(pairs):
    for (true, predicted), found in zip(pairs, tiou(*arrays(pairs)), strict=True):
        ours, theirs = set(range(*true)), set(range(*predicted))
        assert found == pytest.approx(len(ours & theirs) / len(ours | theirs))


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ((0, 2), (1, 2), 1 / 2),
        ((0, 10), (5, 15), 1 / 3),
        ((0, 2), (6, 8), 0),
        ((1, 2), (2, 3), 0),  # half-open: they touch and share nothing
        ((0, 5), (-5, 10), 1 / 3),  # beyond the clip counts too
        ((0, 5), (4, 1), 0),
        ((0, 5), (2, 2), 0),
        ((0, 5), (np.nan, 3), 0),
        ((0, 5), (0, np.nan), 0),
        ((0, 5), (0, np.inf), 0),
        ((0, 5), (-np.inf, np.inf), 0),
        ((0, 5), (np.inf, np.inf), 0),
    ],
)
def test_tiou_by_hand(true, predicted, expected):
    assert tiou(np.array([true]), np.array([predicted]))[0] == pytest.approx(expected)


def test_the_gap_between_spans_is_no_part_of_their_union():
    """A clip whose span is missed by far is as wrong as one that is missed by little: the hull would tell them apart
    only by negative values, which a mean must not hold."""
    found = tiou(np.array([[0, 1], [0, 1]]), np.array([[1.5, 2], [30, 31]]))
    assert found.tolist() == [0, 0]


@given(PAIRS)
def test_tiou_lies_between_nothing_and_all_and_is_symmetric(pairs):
    true, predicted = arrays(pairs)
    found = tiou(true, predicted)
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()
    right = predicted[:, 0] < predicted[:, 1]
    np.testing.assert_allclose(tiou(predicted[right], true[right]), found[right], atol=1e-12)
    assert not found[~right].any()


@given(st.lists(TRUE, min_size=1), st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_tiou_does_not_feel_the_zero_of_time_nor_its_unit(true, shift, unit):
    true = np.array(true, float)
    np.testing.assert_allclose(tiou(true, true), 1)
    half = true - np.array([0, 1]) * (true[:, 1:] - true[:, :1]) / 2
    np.testing.assert_allclose(tiou(true, half), 0.5)
    np.testing.assert_allclose(tiou(true * unit + shift, half * unit + shift), 0.5, rtol=1e-5)


def test_a_clip_without_an_operation_has_no_tiou():
    found = tiou(np.array([[np.nan, np.nan], [0, 1]]), np.array([[0, 5], [0, 1]]))
    np.testing.assert_array_equal(found, [np.nan, 1])
    np.testing.assert_array_equal(reached(found, 0.5), [np.nan, 1])


def test_a_threshold_is_reached_when_it_is_met():
    found = tiou(np.array([[0, 10]] * 4), np.array([[0, 3], [0, 5], [0, 7], [0, 10]]))
    assert [reached(found, threshold).tolist() for threshold in (0.3, 0.5, 0.7)] == [
        [1, 1, 1, 1],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
    ]


@given(PAIRS)
def test_a_higher_threshold_is_never_reached_more_often(pairs):
    found = tiou(*arrays(pairs))
    shares = [reached(found, threshold).mean() for threshold in (0.3, 0.5, 0.7)]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("span", [(3, 3), (4, 1)])
def test_a_true_span_must_not_be_empty(span):
    with pytest.raises(ValueError, match="true span 1 is"):
        tiou(np.array([(0, 1), span]), np.array([(0, 1), (0, 1)]))


def test_one_of_each_a_clip():
    with pytest.raises(ValueError, match="2 true and 1 predicted"):
        tiou(np.array([[0, 1], [0, 1]]), np.array([[0, 1]]))
    assert spans.tiou(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
