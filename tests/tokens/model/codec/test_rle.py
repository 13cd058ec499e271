import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.model.codec.rle import Runs, decode, encode
from tests.tokens.model.codec.sequences import draw


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_any_codes_come_back(seed):
    for _, codes in draw(seed, 100):  # 10,000 in all
        for rows in codes.values():
            runs = encode(rows)
            back = decode(runs)
            assert back.dtype == rows.dtype
            np.testing.assert_array_equal(back, rows)
            assert not (runs.values[1:] == runs.values[:-1]).all(axis=1).any()  # neighbours could be one run


def test_a_run_keeps_its_value():
    """A known fault: runs written as counts alone, so that ``5 5 5 7`` and ``1 1 1 2`` read the same."""
    runs = encode(np.array([[5, 9], [5, 9], [5, 9], [7, 9]]))
    assert runs.values.tolist() == [[5, 9], [7, 9]]
    assert runs.counts.tolist() == [3, 1]
    assert encode(np.array([[1, 9], [1, 9], [1, 9], [2, 9]])).values.tolist() != runs.values.tolist()


def test_a_change_at_any_level_ends_a_run():
    assert encode(np.array([[5, 9], [5, 8], [4, 8]])).counts.tolist() == [1, 1, 1]


def test_absence_is_a_run_of_its_own():
    runs = encode(np.array([[-1, -1], [-1, -1], [0, 0], [-1, -1]]))
    assert runs.values.tolist() == [[-1, -1], [0, 0], [-1, -1]]
    assert runs.counts.tolist() == [2, 1, 1]


def test_nothing_has_no_runs():
    runs = encode(np.zeros((0, 3), np.int16))
    assert runs.values.shape == (0, 3)
    assert decode(runs).shape == (0, 3)


@pytest.mark.parametrize("counts", [[1], [1, 0], [1, -1], [1, 1, 1], [[1, 1]]])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(ValueError, match="expected one a value, at least 1"):
        decode(Runs(np.array([[1], [2]]), np.array(counts)))
