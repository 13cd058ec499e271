import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.data.landmarks import PARTS, WIDTH
from kinetrace.sign.train.augment import Draws, observed, resample, two_views
from tests.sign.models import clip, pad
from tests.sign.views import CLIPS, EVERYTHING, NAMES, only, view


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
