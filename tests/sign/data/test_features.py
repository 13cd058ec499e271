import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.data.features import features, motion, observed
from kinetrace.sign.data.landmarks import PARTS, VALUES_A_POINT, VISIBILITY, WIDTH, columns

SHOULDERS = (11, 12)


def clip(frames=6, seed=0):
    """Every part detected; shoulders one half apart, so that nothing is degenerate."""
    generator = np.random.default_rng(seed)
    values = generator.uniform(0.2, 0.8, (frames, WIDTH)).astype(np.float32)
    for point, x in zip(SHOULDERS, (0.75, 0.25), strict=True):
        values[:, columns("pose", point)] = [x, 0.5, 0.1, 0.9]
    return values


def reference(frames):
    """Point by point and frame by frame, as the docstring says it."""
    left, right = (frames[:, columns("pose", point)].astype(np.float64) for point in SHOULDERS)
    posed = [t for t in range(len(frames)) if frames[t, PARTS["pose"]].any()]
    unit = np.mean([np.hypot(*(left[t] - right[t])[:2]) for t in posed])
    values, seen = np.zeros(frames.shape), np.zeros(frames.shape, bool)
    for t in posed:
        for name, part in PARTS.items():
            if not frames[t, part].any():
                continue
            for start in range(part.start, part.stop, VALUES_A_POINT[name]):
                centre = (left[t] + right[t])[:3] / 2
                values[t, start : start + 3] = (frames[t, start : start + 3] - centre) / unit
                values[t, start + 3 : start + VALUES_A_POINT[name]] = frames[
                    t, start + 3 : start + VALUES_A_POINT[name]
                ]
            seen[t, part] = True
    return values, seen


@given(st.integers(0, 1000), st.sets(st.tuples(st.integers(0, 5), st.sampled_from(sorted(PARTS))), max_size=12))
@settings(deadline=None, max_examples=25)
def test_values_and_observed_agree_with_the_definition(seed, missing):
    frames = clip(seed=seed)
    for frame, part in missing:
        frames[frame, PARTS[part]] = 0
    if not frames[:, PARTS["pose"]].any():
        return
    values, seen = features(frames)
    expected, expected_seen = reference(frames)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(seen, expected_seen)
    assert values.dtype == np.float32


def test_place_and_size_in_the_image_do_not_matter():
    frames, moved = clip(), clip()
    coordinates = np.setdiff1d(np.arange(WIDTH), VISIBILITY)
    moved[:, coordinates] = moved[:, coordinates] * 0.5 + 0.3
    np.testing.assert_allclose(features(frames)[0], features(moved)[0], atol=1e-5)


def test_visibility_is_left_as_it_is():
    frames = clip()
    np.testing.assert_array_equal(features(frames)[0][:, VISIBILITY], frames[:, VISIBILITY])


def test_a_missing_part_is_zero_and_not_observed():
    frames = clip()
    frames[2, PARTS["left_hand"]] = 0
    values, seen = features(frames)
    assert not seen[2, PARTS["left_hand"]].any()
    assert not values[2, PARTS["left_hand"]].any()
    assert seen[2, PARTS["right_hand"]].all()
    assert seen[3].all()


def test_in_a_frame_without_a_pose_nothing_counts_since_it_has_no_origin():
    frames = clip()
    frames[1, PARTS["pose"]] = 0
    values, seen = features(frames)
    assert not seen[1].any()
    assert not values[1].any()
    assert observed(frames)[1, PARTS["left_hand"]].all()


@pytest.mark.parametrize("pose", ["missing", "one point"])
def test_a_clip_without_a_usable_pose_keeps_its_own_coordinates(pose):
    frames = clip()
    frames[:, PARTS["pose"]] = 0 if pose == "missing" else 0.5
    values, seen = features(frames)
    np.testing.assert_array_equal(values, frames)
    np.testing.assert_array_equal(seen, observed(frames))


def test_an_all_zero_clip_is_not_observed():
    values, seen = features(np.zeros((3, WIDTH), np.float32))
    assert not values.any()
    assert not seen.any()


def test_the_input_is_not_changed_and_may_be_read_only():
    frames = clip()
    frames.flags.writeable = False
    before = frames.copy()
    features(frames)
    motion(frames)
    np.testing.assert_array_equal(frames, before)


def signtalk_energy(frames):
    """The formula in SignTalk's words: differences of all but visibility, first row repeated, norm of each row."""
    coordinates = np.delete(frames.astype(np.float64), VISIBILITY, axis=1)
    return np.linalg.norm(np.diff(coordinates, axis=0, prepend=coordinates[:1]), axis=1)


@pytest.mark.parametrize("frames", [1, 2, 50])
def test_motion_is_the_norm_of_the_differences(frames):
    values = clip(frames)
    np.testing.assert_allclose(motion(values), signtalk_energy(values), rtol=1e-12)
    assert motion(values)[0] == 0


def test_motion_ignores_visibility():
    frames = np.repeat(clip(1), 5, axis=0)
    frames[:, VISIBILITY] = np.random.default_rng(0).random((5, len(VISIBILITY)))
    assert motion(frames).tolist() == [0] * 5


def test_motion_of_one_point_is_its_step():
    frames = np.repeat(clip(1), 3, axis=0)
    frames[2, columns("left_hand", 4)] += [0.3, 0.4, 0.0]
    np.testing.assert_allclose(motion(frames), [0, 0, 0.5], rtol=1e-6)
