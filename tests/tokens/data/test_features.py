import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.data.features import features, motion
from kinetrace.tokens.data.landmarks import CENTRES, PARTS, POINTS

EYE = 40.0


def clip(frames: int = 6, seed: int = 0) -> np.ndarray:
    """``[T, 133, 3]``, everything seen, eyes ``EYE`` pixels apart."""
    random = np.random.default_rng(seed)
    points = random.uniform(0, 512, (1, POINTS, 3)) + random.normal(0, 5, (frames, POINTS, 3))
    points[:, 1, :2] = points[:, 2, :2] + (EYE, 0)
    points[..., 2] = random.uniform(0.3, 1, (frames, POINTS))
    return points.astype(np.float32)


def flat(points: np.ndarray) -> np.ndarray:
    return points.reshape(len(points), -1)


def test_points_are_relative_to_the_centre_of_their_part_in_eye_distances():
    points = clip()
    values, observed = features(flat(points))
    values = values.reshape(points.shape)
    assert (values.dtype, observed.dtype, observed.shape) == (np.float32, bool, (6, 399))
    assert observed.all()
    for part in ("face", "left_hand", "right_hand", "body"):
        expected = (points[:, PARTS[part], :2] - points[:, CENTRES[part], None, :2]) / EYE
        np.testing.assert_allclose(values[:, PARTS[part], :2], expected, atol=1e-4)
    np.testing.assert_allclose(values[:, 17:23, :2], (points[:, 17:23, :2] - points[:, :1, :2]) / EYE, atol=1e-4)
    np.testing.assert_array_equal(values[..., 2], points[..., 2])


def test_what_is_hidden_or_has_no_centre_is_not_observed_but_its_score_is():
    points = clip()
    points[2, 100, 2], points[4, CENTRES["face"], 2] = 0.1, 0
    values, observed = (array.reshape(points.shape) for array in features(flat(points)))
    assert not observed[2, 100, :2].any() and not values[2, 100, :2].any()
    assert not observed[4, PARTS["face"], :2].any()
    assert observed[4, PARTS["left_hand"]].all()
    assert observed[..., 2].all() and values[2, 100, 2] == np.float32(0.1)


def test_without_eyes_nothing_but_scores_is_observed_and_nothing_moves():
    points = clip()
    points[:, 1, 2] = 0
    values, observed = (array.reshape(points.shape) for array in features(flat(points)))
    assert not observed[..., :2].any() and observed[..., 2].all() and not values[..., :2].any()
    assert not motion(flat(points)).any()


def test_the_frames_stay_as_they_are():
    frames = flat(clip())
    before = frames.copy()
    frames.flags.writeable = False  # as shards give them
    features(frames)
    motion(frames)
    np.testing.assert_array_equal(frames, before)


def test_motion_is_the_mean_way_of_the_points_in_eye_distances():
    points = np.repeat(clip(1), 4, axis=0)
    points[2:, :, :2] += (30, 40)  # 50 pixels at once
    points[3, 0, 0] += 133 * EYE
    energy = motion(flat(points))
    assert energy.dtype == np.float64
    np.testing.assert_allclose(energy, [0, 0, 50 / EYE, 1], rtol=1e-5)


def test_a_point_that_appears_is_no_movement():
    points = np.repeat(clip(1), 3, axis=0)
    points[:, 91:112, 2] = [[0], [1], [0]]
    points[[0, 2], 91:112, :2] = 0
    assert not motion(flat(points)).any()


def test_one_frame_does_not_move_and_no_common_point_is_no_movement():
    assert motion(flat(clip(1))).tolist() == [0]
    points = clip(2)
    points[0, 3:, 2], points[1, :3, 2] = 0, 0
    assert motion(flat(points)).tolist() == [0, 0]


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.1, 20), shift=st.floats(-1000, 1000), seed=st.integers(0, 50))
def test_the_size_and_the_place_of_the_image_change_nothing(scale, shift, seed):
    points = clip(5, seed)
    other = points.copy()
    other[..., :2] = points[..., :2] * scale + shift
    np.testing.assert_allclose(features(flat(points))[0], features(flat(other))[0], atol=0.02)
    np.testing.assert_allclose(motion(flat(points)), motion(flat(other)), rtol=0.01)


@pytest.mark.parametrize("function", [features, motion])
def test_a_still_clip_of_zeros_is_no_error(function):
    assert not np.concatenate([np.ravel(part)[:1] for part in function(np.zeros((3, 399), np.float32))]).any()
