import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.tokens.data.frames import frames_of


def points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)


def test_the_row_of_the_size_is_dropped_and_points_follow_one_another():
    values = points(4, 134, 3)
    np.testing.assert_array_equal(frames_of(values), values[:, 1:].reshape(4, 399))
    np.testing.assert_array_equal(frames_of(values[:, 1:]), frames_of(values))
    np.testing.assert_array_equal(frames_of(frames_of(values)), frames_of(values))


def test_scores_are_brought_into_range_and_the_given_array_stays():
    values = points(2, 133, 3)
    values[0, 5, 2], values[1, 7, 2], values[0, 5, 0] = 7, -1, 700
    before, found = values.copy(), frames_of(values).reshape(2, 133, 3)
    assert (found[0, 5, 2], found[1, 7, 2], found[0, 5, 0]) == (1, 0, 700)
    np.testing.assert_array_equal(values, before)


def test_no_frames_are_no_frames():
    assert frames_of(np.zeros((0, 133, 3))).shape == (0, 399)
    assert frames_of(np.zeros((0, 399))).shape == (0, 399)


@pytest.mark.parametrize(
    "values, words",
    [
        (points(4, 132, 3), r"shape \(4, 132, 3\), expected \[frames, 133 or 134, 3\] or \[frames, 399\]"),
        (points(133, 3), r"shape \(133, 3\)"),
        (points(1, 2, 133, 3), r"shape \(1, 2, 133, 3\)"),
        (np.float32(3), r"shape \(\)"),
        (points(2, 133, 3).astype(complex), "complex128 values"),
        (np.full((2, 133, 3), "1"), "values, expected float32"),
        (np.full((2, 133, 3), None, dtype=object), "object values"),
        (np.full((2, 133, 3), 1e300), "798 values are NaN or infinite, the first in frame 0 at point 0"),
    ],
)
def test_anything_else_is_refused_in_words(values, words):
    with pytest.raises(KinetraceError, match=words):
        frames_of(values)
