"""Motion: a pattern that slides by a known number of pixels."""

import numpy as np
import pytest

from kinetrace.operations.data.flow import WIDTH, motion, reduced
from tests.operations.data.test_samplers import sliding

METHODS = ["dis", "farneback"]


@pytest.mark.parametrize("method", METHODS)
def test_motion_is_in_pixels_from_the_frame_before(method):
    found = motion(sliding([0, 0, 2, 0, 1, 1]), method)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [0, 0, 2, 0, 1, 1], atol=0.35)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_frame_is_given_the_motion_after_it(method):
    found = motion(sliding([0, 2]), method)
    assert found[0] == found[1] > 1


@pytest.mark.parametrize("method", METHODS)
def test_motion_is_the_same_at_any_size(method):
    small = sliding([0, 2, 1], 120, WIDTH)
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(motion(large, method), motion(small, method), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (9, 9), (333, 2)])
def test_pictures_of_odd_sizes_have_a_motion(method, size):
    pictures = np.random.default_rng(0).integers(0, 256, (3, *size), np.uint8)
    assert np.isfinite(motion(pictures, method)).all()


def test_fewer_than_two_frames_do_not_move():
    assert motion(np.zeros((1, 8, 8), np.uint8), "dis").tolist() == [0]
    assert motion(np.zeros((0, 8, 8), np.uint8), "dis").tolist() == []


def test_a_wide_picture_is_reduced_by_the_mean_of_its_pixels():
    wide = np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8)
    small = reduced(wide)
    assert small.shape == (120, 160)
    np.testing.assert_allclose(small, wide.reshape(120, 4, 160, 4).mean((1, 3)), atol=0.51)
