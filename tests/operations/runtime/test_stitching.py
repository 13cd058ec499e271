import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.runtime.stitching import stitch

FPS = 10.0


def test_overlapping_windows_are_averaged():
    said = np.array([[[1.0, 0.0]] * 4, [[0.0, 1.0]] * 4])
    found = stitch([0.0, 0.2], said, FPS, 6)
    assert found.posteriors_TK[:, 0].tolist() == [1, 1, 0.5, 0.5, 0, 0]
    assert found.seen_T.all()


def test_moments_without_a_window_prefer_nothing():
    found = stitch([0.3], np.ones((1, 2, 1)) * [[[0.9, 0.1]]], FPS, 7)
    assert found.seen_T.tolist() == [False] * 3 + [True] * 2 + [False] * 2
    assert (found.posteriors_TK[~found.seen_T] == 0.5).all()


def test_what_reaches_beyond_the_end_is_left_out():
    assert stitch([0.0], np.full((1, 9, 3), 1 / 3), FPS, 4).posteriors_TK.shape == (4, 3)


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 60))
def test_every_moment_has_a_distribution(starts, moments):
    random = np.random.default_rng(len(starts))
    said = random.dirichlet(np.ones(3), (len(starts), 5))
    found = stitch([start / FPS for start in starts], said.reshape(-1, 5, 3), FPS, moments)
    np.testing.assert_allclose(found.posteriors_TK.sum(1), 1, atol=1e-9)
