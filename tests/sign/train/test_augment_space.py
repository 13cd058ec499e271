"""What turns, scales, shifts, hides or mirrors the body; ``test_augment.py`` has time, views and draws."""

import numpy as np
import pytest
import torch

from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, columns
from kinetrace.sign.train.augment import mirror
from tests.sign.models import clip, pad, points
from tests.sign.views import only, view


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
