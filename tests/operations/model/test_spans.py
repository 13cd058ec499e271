import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.model.spans import decode, overlap


def certain(first: int, last: int, count: int = 10) -> np.ndarray:
    spans = np.zeros((1, count, count), np.float32)
    spans[0, first, last] = 1
    return spans


@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from([2.0, 5.0, 10.0]))
def test_a_certain_span_is_decoded_from_its_first_moment_to_the_end_of_its_last(one, other, fps):
    first, last = sorted((one, other))
    np.testing.assert_allclose(decode(certain(first, last), fps), [[first / fps, (last + 1) / fps]], rtol=1e-6)


def test_what_overlaps_most_on_average_beats_what_is_likeliest():
    spans = 0.4 * certain(0, 0) + 0.3 * certain(4, 8) + 0.3 * certain(4, 9)
    assert decode(spans, 1.0)[0, 0] == 4


@given(st.integers(0, 2**32 - 1))
def test_no_span_has_a_larger_expected_overlap(seed):
    spans = np.triu(np.random.default_rng(seed).dirichlet(np.full(36, 0.2)).reshape(6, 6))[None].astype(np.float32)
    found = decode(spans, 1.0)[0]
    every = np.array([(first, last + 1.0) for first in range(6) for last in range(first, 6)])
    weights = np.array([spans[0, int(first), int(last) - 1] for first, last in every])
    gains = [(overlap(every, span) * weights).sum() for span in every]
    assert (overlap(every, found) * weights).sum() == pytest.approx(max(gains), abs=1e-5)


@pytest.mark.parametrize(
    "one, other, expected",
    [((0, 2), (1, 3), 1 / 3), ((0, 2), (0, 2), 1), ((0, 1), (2, 3), 0), ((0, 4), (1, 2), 0.25), ((1, 1), (1, 1), 0)],
)
def test_overlap(one, other, expected):
    assert overlap(np.array(one, float), np.array(other, float)) == pytest.approx(expected)
