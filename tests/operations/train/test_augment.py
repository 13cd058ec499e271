import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.train.augment import Change, changed, generator, jittered, thinned
from tests.operations.squares import params

STILL = {f"augment__{name}": 0.0 for name in ("mirror", "light", "colour", "shift", "scale", "noise", "frame_dropout")}


def frames(count: int = 3, pixels: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (count, pixels, pixels, 3), dtype=np.uint8)


def change(seed: int = 0, **strengths: float) -> Change:
    chosen = params(**STILL | {f"augment__{name}": value for name, value in strengths.items()}).augment
    return Change.draw(chosen, 32, np.random.default_rng(seed))


def test_what_is_random_depends_on_seed_epoch_and_clip_alone():
    numbers = {key: generator(*key).random() for key in ((7, 0, "a"), (8, 0, "a"), (7, 1, "a"), (7, 0, "b"))}
    assert len(set(numbers.values())) == 4
    assert generator(7, 0, "a").random() == numbers[7, 0, "a"]


def test_without_strength_nothing_changes():
    np.testing.assert_array_equal(changed(frames(), change(), generator(1, 1, "a")), frames())


def test_light_multiplies_all_colours_and_colour_each():
    lit = changed(frames(), change(light=0.3), generator(1, 1, "a")).astype(float) / frames()
    assert np.ptp(lit.mean((0, 1, 2))) < 0.01 and abs(lit.mean() - 1) > 0.01
    tinted = changed(frames(), change(colour=0.3), generator(1, 1, "a")).astype(float) / frames()
    assert np.ptp(tinted.mean((0, 1, 2))) > 0.02


@pytest.mark.parametrize("strengths", [{"shift": 0.2}, {"scale": 0.3}])
def test_all_frames_of_a_clip_move_alike(strengths):
    same = np.repeat(frames(1), 4, axis=0)
    found = changed(same, change(**strengths), generator(1, 1, "a"))
    assert (found == found[:1]).all() and (found[0] != same[0]).any()


def test_a_shift_moves_by_its_share_of_the_picture():
    shifts = [change(seed, shift=0.25).moved_23[:, 2] for seed in range(200)]
    assert np.abs(shifts).max() <= 8 and np.abs(shifts).max() > 7
    np.testing.assert_array_equal(change(shift=0.25).moved_23[:, :2], np.eye(2))


def test_a_scale_leaves_the_middle_where_it_is():
    for seed in range(5):
        moved = change(seed, scale=0.3).moved_23
        np.testing.assert_allclose(moved @ [16, 16, 1], [16, 16])


def test_a_mirror_exchanges_left_and_right_of_as_many_clips_as_asked():
    found = changed(frames(), change(mirror=1.0), generator(1, 1, "a"))
    np.testing.assert_array_equal(found, frames()[:, :, ::-1])
    turned = sum(change(seed, mirror=0.3).moved_23[0, 0] < 0 for seed in range(300))
    assert 60 < turned < 120


def test_noise_is_of_brightness_and_differs_between_frames():
    same = np.full((2, 32, 32, 3), 100, np.uint8)
    found = changed(same, change(noise=0.1), generator(1, 1, "a")).astype(int) - 100
    assert (found == found[..., :1]).all() and (found[0] != found[1]).any()
    assert 0 < found.std() <= 25.5 and abs(found.mean()) < 1


places = st.lists(st.integers(0, 59), min_size=1, max_size=20, unique=True).map(sorted).map(np.array)


@given(places, st.integers(0, 2**32 - 1))
def test_jittered_frames_stay_in_the_clip_and_in_order(chosen, seed):
    found = jittered(chosen, 60, np.random.default_rng(seed))
    assert (np.diff(found) > 0).all() and found.min() >= 0 and found.max() < 60
    gaps = np.diff(np.concatenate([[-60], chosen, [120]]))
    assert (np.abs(found - chosen) <= np.maximum(gaps[1:], gaps[:-1]) / 2).all()


def test_jitter_reaches_frames_between_the_chosen_ones_and_keeps_neighbours():
    drawn = [jittered(np.array([0, 10, 20, 21]), 60, np.random.default_rng(seed)).tolist() for seed in range(200)]
    assert {places[1] for places in drawn} == set(range(6, 15))
    assert {places[0] for places in drawn} == {0} and {places[2] for places in drawn} == {20}


def test_frames_that_are_left_out_show_the_one_before_instead():
    chosen = np.arange(0, 40, 2)
    drawn = np.stack([thinned(chosen, 0.3, np.random.default_rng(seed)) for seed in range(200)])
    assert (drawn[:, 0] == 0).all() and (np.diff(drawn) >= 0).all() and np.isin(drawn, chosen).all()
    assert (drawn[:, 1:] != chosen[1:]).mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(thinned(chosen, 0.0, np.random.default_rng(0)), chosen)
