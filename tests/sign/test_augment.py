import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.augment import Draws, augment, mirror, observed, resample, two_views
from kinetrace.sign.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, WIDTH, columns
from kinetrace.sign.params import AugmentParams
from tests.sign.models import clip, pad, points

NOTHING = dict.fromkeys(AugmentParams.model_fields, 0.0)
EVERYTHING = AugmentParams(
    warp=0.4, frame_dropout=0.2, yaw=25.0, roll=10.0, scale=0.2, hand_scale=0.2, shift=0.2, noise=0.02,
    hand_dropout=0.5, mirror=0.5,
)  # fmt: skip
CLIPS = [clip(length, seed) for seed, length in enumerate([20, 7, 33, 2])]
NAMES = ["a", "b", "c", "d"]


def only(**changes: float) -> AugmentParams:
    return AugmentParams(**(NOTHING | changes))


def view(params, clips=CLIPS, names=NAMES, *, seed=0, epoch=0, number=0):
    """What each clip becomes, without padding."""
    frames, lengths = augment(*pad(clips), names, params, seed, epoch, number)
    assert frames.shape[1] == lengths.max() and frames.dtype == torch.float32
    return [row[:length].numpy() for row, length in zip(frames, lengths.tolist(), strict=True)]


@pytest.mark.parametrize("number", [0, 1])
def test_without_changes_a_view_is_every_second_frame(number):
    for found, own in zip(view(only(), number=number), CLIPS, strict=True):
        np.testing.assert_allclose(found, own[number::2], atol=1e-6)


def test_two_views_are_the_even_frames_and_then_the_odd_ones():
    frames, lengths = two_views(*pad(CLIPS[:2]), NAMES[:2], only(), 0, 0)
    assert lengths.tolist() == [10, 4, 10, 3]
    for row, own in enumerate([CLIPS[0][::2], CLIPS[1][::2], CLIPS[0][1::2], CLIPS[1][1::2]]):
        np.testing.assert_allclose(frames[row, : len(own)], own, atol=1e-6)
        assert not frames[row, len(own) :].any()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_clips_have_both_views(frames):
    found, lengths = two_views(*pad([clip(frames)]), ["a"], EVERYTHING, 0, 0)
    assert (lengths >= 1).all() and found.shape[1] == lengths.max()
    assert found.isfinite().all()


@pytest.mark.parametrize("epoch", range(3))
def test_what_a_clip_becomes_does_not_depend_on_its_batch(epoch):
    together = view(EVERYTHING, epoch=epoch)
    backwards = view(EVERYTHING, CLIPS[::-1], NAMES[::-1], epoch=epoch)[::-1]
    alone = [view(EVERYTHING, [own], [name], epoch=epoch)[0] for own, name in zip(CLIPS, NAMES, strict=True)]
    for one, other, third in zip(together, backwards, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_allclose(one, third, atol=1e-5)


def test_the_draws_of_a_clip_do_not_depend_on_how_many_frames_are_drawn():
    few, many = (Draws.of(1, 2, ["a"], 0, frames) for frames in (5, 64))
    for one, other in zip(vars(few).values(), vars(many.cut(5)).values(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


def test_draws_are_uniform_and_normal_and_independent():
    draws = Draws.of(0, 0, [str(n) for n in range(200)], 0, 30)
    for uniform in (draws.uniform_BU, draws.hide_BT):
        assert uniform.min() >= 0 and uniform.max() < 1
        assert uniform.mean().item() == pytest.approx(0.5, abs=0.02)
    assert draws.noise_BTF.mean().item() == pytest.approx(0, abs=0.01)
    assert draws.noise_BTF.std().item() == pytest.approx(1, abs=0.01)
    table = torch.cat([draws.uniform_BU, draws.hide_BT, draws.noise_BTF[:, 0, :20]], 1).double()
    assert (table.T.corrcoef() - torch.eye(table.shape[1])).abs().max() < 0.35


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 1}, {"number": 1}])
def test_seed_epoch_and_view_change_what_a_clip_becomes_and_repeat_it(change):
    params = only(yaw=20.0, scale=0.2, noise=0.01)
    still = [np.repeat(clip(1), 20, axis=0)]
    first, again, other = (view(params, still, ["a"], **kind)[0] for kind in ({}, {}, change))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_two_clips_in_a_batch_change_differently():
    first, second = view(only(yaw=20.0), [clip(9)] * 2, ["a", "b"])
    assert np.abs(first - second).max() > 1e-3


@given(st.integers(0, 50), st.sets(st.tuples(st.integers(0, 19), st.sampled_from(list(PARTS))), max_size=20))
@settings(deadline=None, max_examples=25)
def test_missing_parts_stay_missing(epoch, missing):
    frames = clip(20)
    for frame, part in missing:
        frames[frame, PARTS[part]] = 0
    [found] = view(only(**(EVERYTHING.model_dump() | {"warp": 0.0})), [frames], ["a"], epoch=epoch)
    sides = {"left_hand": "right_hand", "right_hand": "left_hand"}
    for row, own in zip(found, frames[::2], strict=True):
        for part, place in PARTS.items():
            if row[place].any():
                assert own[place].any() or own[PARTS[sides.get(part, part)]].any()
    assert np.isfinite(found).all()


def test_a_part_never_seen_stays_zero():
    frames = clip(20, missing=["face", "left_hand"])
    for epoch in range(10):
        [found] = view(only(**(EVERYTHING.model_dump() | {"mirror": 0.0})), [frames], ["a"], epoch=epoch)
        assert not found[:, PARTS["face"]].any() and not found[:, PARTS["left_hand"]].any()


def test_an_all_zero_clip_stays_so():
    for found in view(EVERYTHING, [np.zeros((9, WIDTH), np.float32)] * 4):
        assert not found.any()


@pytest.mark.parametrize("speed", [0.5, 0.77, 1.0, 1.3, 1.8])
@pytest.mark.parametrize("number", [0, 1])
def test_a_warped_linear_motion_stays_linear(speed, number):
    start, step = clip(1)[0], clip(1, seed=1)[0] / 20
    frames, lengths = pad([start + step * np.arange(length, dtype=np.float32)[:, None] for length in (30, 11)])
    found, new = resample(frames, lengths, torch.tensor([speed, speed]), number, 64)
    for row, length in enumerate((30, 11)):
        times = [k for k in (speed * (2 * n + number) for n in range(64)) if k <= length - 1]
        assert new[row] == len(times)
        expected = start + step * np.array(times, np.float32)[:, None]
        np.testing.assert_allclose(found[row, : len(times)], expected, atol=1e-5)


def test_between_a_seen_and_a_missing_part_the_nearer_frame_decides():
    frames = clip(3)
    frames[1, PARTS["left_hand"]] = 0
    found, _ = resample(*pad([frames]), torch.tensor([0.2]), 0, 6)  # at frames 0, 0.4, 0.8, 1.2, 1.6, 2
    hand = found[0, :, PARTS["left_hand"]]
    assert [bool(row.any()) for row in hand] == [True, True, False, False, True, True]
    np.testing.assert_array_equal(hand[1], frames[0, PARTS["left_hand"]])
    between = 0.6 * frames[0] + 0.4 * frames[1]
    np.testing.assert_allclose(found[0, 1, PARTS["right_hand"]], between[PARTS["right_hand"]], atol=1e-6)


@pytest.mark.parametrize("warp", [0.0, 0.3, 0.8])
def test_warped_lengths_lie_within_the_range(warp):
    names = [str(n) for n in range(64)]
    lengths = [len(found) for found in view(only(warp=warp), [clip(41)] * 64, names)]
    assert min(lengths) >= math.floor(40 / (2 * (1 + warp))) + 1 and max(lengths) <= math.floor(20 / (1 - warp)) + 1
    assert (len(set(lengths)) > 5) == (warp > 0)


def test_mirror_is_an_involution_that_swaps_hands_and_reflects_x():
    frames, _ = pad([clip(5, missing=["right_hand"]), clip(5, seed=1)])
    once = mirror(frames, torch.tensor([True, True]))
    torch.testing.assert_close(mirror(once, torch.tensor([True, True])), frames, atol=1e-6, rtol=0)
    left, right = points(frames, "left_hand"), points(once, "right_hand")
    torch.testing.assert_close(right, torch.stack([1 - left[..., 0], left[..., 1], left[..., 2]], -1))
    assert not once[0, :, PARTS["left_hand"]].any()
    shoulder = once[:, :, columns("pose", LEFT_SHOULDER)][..., 0]
    torch.testing.assert_close(shoulder, 1 - frames[:, :, columns("pose", RIGHT_SHOULDER)][..., 0])


def test_mirror_leaves_the_others_alone():
    frames, _ = pad([clip(5), clip(5, seed=1)])
    found = mirror(frames, torch.tensor([False, True]))
    torch.testing.assert_close(found[0], frames[0])
    assert (found[1] - frames[1]).abs().max() > 0.1


def test_a_mirrored_clip_keeps_its_scale_where_the_pose_is_missing_at_times():
    """What is missing must not count as shoulders in one point when the noise takes their distance as its unit."""
    frames = clip(20)
    frames[::4, PARTS["pose"]] = 0
    frames[::6, PARTS["left_hand"]] = 0
    mirrored = mirror(*pad([frames])[:1], torch.tensor([True]))
    assert not mirrored[0, ::4, PARTS["pose"]].any()
    [found] = view(only(mirror=1.0), [frames], ["a"])
    np.testing.assert_allclose(found, mirrored[0, ::2], atol=1e-6)


def distances(group):
    return np.linalg.norm(group[:, :, None] - group[:, None], axis=-1)


@pytest.mark.parametrize("part", ["left_hand", "right_hand", "face"])
def test_yaw_turns_each_group_about_its_own_vertical_axis(part):
    [found] = view(only(yaw=30.0), [clip(20)], ["a"])
    turned, own = points(found, part), points(clip(20)[::2], part)
    np.testing.assert_allclose(distances(turned), distances(own), atol=1e-5)
    np.testing.assert_allclose(turned[..., 1], own[..., 1], atol=1e-6)
    np.testing.assert_allclose(turned[:, 0], own[:, 0], atol=1e-6)
    assert np.abs(turned[..., 0] - own[..., 0]).max() > 1e-3


def test_all_groups_turn_by_the_same_angle():
    angles = []
    [found] = view(only(yaw=30.0), [clip(20)], ["a"])
    for part in ("left_hand", "right_hand", "face"):
        turned, own = (points(frames, part)[:, :, [0, 2]] for frames in (found, clip(20)[::2]))
        before, after = own[:, 1:] - own[:, :1], turned[:, 1:] - turned[:, :1]
        cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
        angles.append(np.degrees(np.arctan2(cross, (before * after).sum(-1))).ravel())
    angle = np.concatenate(angles)
    assert 0.5 < abs(angle[0]) <= 30
    np.testing.assert_allclose(angle, angle[0], atol=0.05)


@pytest.mark.parametrize("change", [{"scale": 0.3}, {"roll": 20.0}, {"shift": 0.3}, {"yaw": 20.0}, {"hand_scale": 0.3}])
def test_the_shoulders_stay_where_they_are(change):
    [found] = view(only(**change), [clip(20)], ["a"])
    for shoulder in (LEFT_SHOULDER, RIGHT_SHOULDER):
        place = columns("pose", shoulder)
        np.testing.assert_allclose(found[:, place][:, :2], clip(20)[::2, place][:, :2], atol=1e-6)
    assert np.abs(found - clip(20)[::2]).max() > 1e-3


def test_scale_stretches_x_and_y_about_the_middle_of_the_shoulders():
    [found] = view(only(scale=0.3), [clip(20)], ["a"])
    own = clip(20)[::2]
    centre = points(own, "pose")[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(1, keepdims=True)[..., :2]
    for part in ("left_hand", "right_hand", "face"):
        ratio = (points(found, part)[..., :2] - centre) / (points(own, part)[..., :2] - centre)
        far = np.abs(points(own, part)[..., :2] - centre) > 0.05
        for axis in range(2):
            values = ratio[..., axis][far[..., axis]]
            np.testing.assert_allclose(values, np.median(values), atol=1e-3)
            assert 0.7 <= np.median(values) <= 1.3


def test_hand_scale_grows_a_hand_about_its_wrist():
    [found] = view(only(hand_scale=0.4), [clip(20)], ["a"])
    grown = []
    for part in ("left_hand", "right_hand"):
        hand, own = points(found, part), points(clip(20)[::2], part)
        np.testing.assert_allclose(hand[:, 0], own[:, 0], atol=1e-6)
        ratio = distances(hand)[:, 0, 1:] / distances(own)[:, 0, 1:]
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
        grown.append(ratio[0, 0])
    assert all(0.6 <= ratio <= 1.4 for ratio in grown) and abs(grown[0] - grown[1]) > 1e-3
    np.testing.assert_allclose(found[:, PARTS["face"]], clip(20)[::2, PARTS["face"]], atol=1e-6)


def test_shift_moves_all_but_the_shoulders_by_at_most_its_reach():
    own = clip(20)[::2]
    [found] = view(only(shift=0.5), [clip(20)], ["a"])
    moves = (points(found, "face") - points(own, "face"))[..., :2]
    np.testing.assert_allclose(moves, np.broadcast_to(moves[0, 0], moves.shape), atol=1e-6)
    assert 0.001 < np.abs(moves).max() <= 0.5 * 0.27


def test_noise_is_measured_in_shoulder_widths():
    still = np.repeat(clip(1), 60, axis=0)
    [found] = view(only(noise=0.02), [still], ["a"])
    difference = (points(found, "face") - points(still[::2], "face")).std()
    shoulders = points(still, "pose")[0, [LEFT_SHOULDER, RIGHT_SHOULDER], :2]
    assert difference == pytest.approx(0.02 * np.linalg.norm(shoulders[0] - shoulders[1]), rel=0.05)


def test_frame_dropout_hides_whole_frames_in_their_place():
    names = [str(n) for n in range(40)]
    hidden = np.stack([~found.any(1) for found in view(only(frame_dropout=0.3), [clip(40)] * 40, names)])
    assert hidden.shape == (40, 20)
    assert hidden.mean() == pytest.approx(0.3, abs=0.06)
    [found] = view(only(frame_dropout=0.3), [clip(40)], ["0"])
    np.testing.assert_allclose(found[~hidden[0]], clip(40)[::2][~hidden[0]], atol=1e-6)


def test_hand_dropout_hides_one_hand_for_the_whole_clip():
    names = [str(n) for n in range(200)]
    gone = []
    for found in view(only(hand_dropout=0.4), [clip(6)] * 200, names):
        seen = [found[:, PARTS[hand]].any(1) for hand in ("left_hand", "right_hand")]
        assert all(len(set(hand)) == 1 for hand in seen)
        gone.append([not hand[0] for hand in seen])
    assert np.sum(gone, axis=1).max() == 1
    assert np.mean(gone, axis=0) == pytest.approx([0.2, 0.2], abs=0.08)


def test_mirror_happens_as_often_as_asked():
    own = points(clip(6)[::2], "left_hand")
    count = sum(
        not np.allclose(points(found, "left_hand"), own, atol=1e-4)
        for found in view(only(mirror=0.25), [clip(6)] * 200, [str(n) for n in range(200)])
    )
    assert count == pytest.approx(50, abs=25)


def test_the_input_is_left_as_it_is():
    frames, lengths = pad(CLIPS)
    before = frames.clone()
    two_views(frames, lengths, NAMES, EVERYTHING, 0, 0)
    torch.testing.assert_close(frames, before, atol=0, rtol=0)


def test_observed_is_by_part_and_frame():
    frames, _ = pad([clip(3)])
    frames[0, 1, PARTS["left_hand"]] = 0
    frames[0, 1, PARTS["left_hand"].start + 5] = 0.1
    frames[0, 2, PARTS["face"]] = 0
    found = observed(frames)[0]
    assert found[:2].all() and not found[2, PARTS["face"]].any() and found[2, : PARTS["face"].start].all()
