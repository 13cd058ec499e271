import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.data import features
from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VISIBILITY, WIDTH, columns
from kinetrace.sign.model.frontend import UPPER_BODY, Frontend, body_frame, frame_mask, lagged, split_points
from tests.sign.models import clip, pad, points

ALL = list(PARTS)
FRAMES = 6
missing_parts = st.sets(st.tuples(st.integers(0, FRAMES - 1), st.sampled_from(ALL)), max_size=12)


def frontend(parts=ALL, mean=0.0, std=1.0) -> Frontend:
    return Frontend(list(parts), np.broadcast_to(mean, WIDTH), np.broadcast_to(std, WIDTH))


def channels(frames: np.ndarray, made: Frontend | None = None) -> torch.Tensor:
    """``[T, C]`` of one clip without padding."""
    batch, lengths = pad([frames])
    return (made or frontend())(batch, frame_mask(lengths, batch.shape[1]))[0]


def without(frames: np.ndarray, missing) -> np.ndarray:
    frames = frames.copy()
    for frame, part in missing:
        frames[frame, PARTS[part]] = 0
    return frames


def positions_of(frames: np.ndarray) -> np.ndarray:
    """What ``features`` says of the points that the frontend takes, in its order."""
    placed, _ = features.features(frames)
    taken = [points(placed, part)[:, : UPPER_BODY if part == "pose" else None, :2] for part in ALL]
    return np.concatenate([part.reshape(len(frames), -1) for part in taken], axis=1)


@given(st.integers(0, 99), missing_parts, st.sampled_from(["body", "no pose", "one point"]))
@settings(deadline=None, max_examples=40)
def test_positions_agree_with_the_features_that_the_statistics_describe(seed, missing, pose):
    frames = without(clip(FRAMES, seed), missing)
    if pose != "body":
        frames[:, PARTS["pose"]] = 0 if pose == "no pose" else 0.5
    expected = positions_of(frames)
    np.testing.assert_allclose(channels(frames)[:, : expected.shape[1]], expected, atol=1e-5)


@given(st.integers(0, 99), missing_parts, st.floats(-3, 3), st.floats(-3, 3), st.floats(0.2, 5))
@settings(deadline=None, max_examples=40)
def test_place_and_size_in_the_image_do_not_matter(seed, missing, right, down, size):
    frames = without(clip(FRAMES, seed), missing)
    if not frames[:, PARTS["pose"]].any():
        return
    moved = frames.copy()
    for part in ALL:
        points(moved, part)[...] = points(moved, part) * size + [right, down, 0.5]
    moved[:, :132][:, 3::4] = frames[:, :132][:, 3::4]
    moved = without(moved, missing)
    np.testing.assert_allclose(channels(moved), channels(frames), atol=3e-4)


@pytest.mark.parametrize(("mean", "std"), [(7.0, 0.1), (1e38, 0.0), (np.nan, np.nan), (np.inf, 1e-30)])
def test_missing_parts_are_zero_whatever_the_statistics(mean, std):
    made = frontend(mean=mean, std=std)
    frames = without(clip(FRAMES), [(t, part) for t in range(FRAMES) for part in ALL if part != "pose"])
    found, pose = channels(frames, made), 2 * UPPER_BODY
    points_of_all = 2 * (UPPER_BODY + 21 + 21 + 94)
    for start in range(0, 3 * points_of_all, points_of_all):
        assert not found[:, start + pose : start + points_of_all].any()
    assert not found[:, 3 * points_of_all : -4].any()
    assert found[:, -4:].tolist() == [[1, 0, 0, 0]] * FRAMES


def test_a_part_missing_in_one_frame_is_zero_there_and_in_every_difference_with_it():
    frames = without(clip(FRAMES), [(3, "left_hand")])
    found = channels(frames, frontend(["left_hand"], mean=0.3))
    position, lag1, lag2 = found[:, :42], found[:, 42:84], found[:, 84:126]
    assert [bool(row.any()) for row in position] == [True, True, True, False, True, True]
    assert [bool(row.any()) for row in lag1] == [False, True, True, False, False, True]
    assert [bool(row.any()) for row in lag2] == [False, False, True, False, True, False]


def test_normalization_takes_the_mean_of_each_value_and_one_deviation_a_part():
    generator = np.random.default_rng(5)
    mean, std = generator.normal(size=WIDTH), generator.uniform(0, 2, WIDTH)
    plain = channels(clip(), frontend(["right_hand"])).numpy()
    found = channels(clip(), Frontend(["right_hand"], mean, std))
    flat = (np.arange(WIDTH)[PARTS["right_hand"]]).reshape(21, 3)[:, :2].ravel()
    deviation = np.sqrt(np.mean(std[flat] ** 2))
    np.testing.assert_allclose(found[:, :42], (plain[:, :42] - mean[flat]) / deviation, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[:, 42:84], plain[:, 42:84] / deviation, rtol=1e-4, atol=1e-4)


def test_hand_points_are_also_given_relative_to_their_wrist():
    frames, made = clip(), frontend(["left_hand"])
    found = channels(frames, made)[:, 126:-1].reshape(-1, 21, 3)
    shoulders = points(frames, "pose")[:, [LEFT_SHOULDER, RIGHT_SHOULDER], :2]
    unit = np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=1).mean()
    hand = points(frames, "left_hand")
    np.testing.assert_allclose(found, 3 * (hand - hand[:, :1]) / unit, atol=1e-4)


@pytest.mark.parametrize("parts", [ALL, ["pose"], ["left_hand", "right_hand"], ["face", "pose"]])
def test_the_number_of_channels_is_what_it_says(parts):
    made = frontend(parts)
    assert channels(clip(), made).shape == (20, made.channels)


def test_steps_are_the_differences_to_the_frame_before():
    made = frontend(["pose", "face"])
    found = channels(clip(), made)
    width = made.steps.start
    np.testing.assert_allclose(found[1:, made.steps], found[1:, :width] - found[:-1, :width], atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_clips_keep_their_length(frames):
    found = channels(clip(frames))
    assert len(found) == frames
    assert found.isfinite().all()


def test_padding_is_zero_and_changes_nothing():
    made, frames = frontend(mean=0.4), clip(7)
    batch, lengths = pad([frames, clip(12, seed=1)], extra=5, filling=3.0)
    found = made(batch, frame_mask(lengths, batch.shape[1]))
    assert not found[0, 7:].any()
    assert not found[1, 12:].any()
    np.testing.assert_allclose(found[0, :7], channels(frames, made), atol=1e-5)


def test_visibility_is_no_channel():
    frames = clip()
    other = frames.copy()
    other[:, VISIBILITY] *= 0.5
    torch.testing.assert_close(channels(frames), channels(other))


def test_body_frame_of_a_clip():
    frames = without(clip(FRAMES), [(2, "pose")])
    batch, lengths = pad([frames], extra=2)
    centre, unit, placed = body_frame(batch, frame_mask(lengths, FRAMES + 2))
    shoulders = [frames[:, columns("pose", point)][:, :3] for point in (LEFT_SHOULDER, RIGHT_SHOULDER)]
    np.testing.assert_allclose(centre[0, :FRAMES], sum(shoulders) / 2, atol=1e-6)
    gaps = np.linalg.norm((shoulders[0] - shoulders[1])[:, :2], axis=1)
    np.testing.assert_allclose(unit, gaps[[0, 1, 3, 4, 5]].mean(keepdims=True), rtol=1e-5)
    assert placed[0].tolist() == [True, True, False, True, True, True, False, False]


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_lagged_against_a_loop(frames, lag, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(2, frames, 3, generator=generator)
    seen = (torch.rand(2, frames, 3, generator=generator) < 0.7).float()
    expected = torch.zeros_like(values)
    for t in range(lag, frames):
        expected[:, t] = (values[:, t] - values[:, t - lag]) * seen[:, t] * seen[:, t - lag]
    torch.testing.assert_close(lagged(values, seen, lag), expected)


def test_split_points_is_a_view_so_that_points_can_be_changed_in_place():
    frames = torch.zeros(2, 3, WIDTH)
    split_points(frames, "left_hand")[..., 1] = 5
    assert (frames[..., PARTS["left_hand"]].reshape(2, 3, 21, 3) == torch.tensor([0, 5, 0])).all()
    assert frames.sum() == 2 * 3 * 21 * 5


def test_frame_mask():
    assert frame_mask(torch.tensor([1, 3]), 4).tolist() == [[True, False, False, False], [True, True, True, False]]
