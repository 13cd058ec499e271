import numpy as np

from kinetrace.operations.data.features import WIDTH, features, motion


def test_motion_is_the_mean_change_since_the_frame_before():
    frames = np.zeros((3, WIDTH), np.float32)
    frames[1, : WIDTH // 2] = 0.5
    np.testing.assert_allclose(motion(frames), [0, 0.25, 0.25])


def test_a_still_clip_has_no_motion_whatever_it_shows():
    assert not motion(np.tile(np.random.default_rng(0).random(WIDTH, np.float32), (5, 1))).any()


def test_every_value_of_a_thumbnail_is_described_as_it_is():
    frames = np.random.default_rng(0).random((4, WIDTH), np.float32)
    values, observed = features(frames)
    np.testing.assert_array_equal(values, frames)
    assert observed.all() and observed.shape == frames.shape
