"""Samplers: what each chooses from pictures whose best frames are known."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.operations.data.samplers import REACH, Recall, boundary_recall, choose, entropy, smoothed, spread
from kinetrace.operations.params import SamplerParams

NAMES = ("uniform", "entropy", "motion", "hybrid")


def sampler(name="entropy", frames=8, **changes):
    given = {"gap": 0.2, "smoothing": 0.7, "coverage": 0.5, "flow": "dis", "boundary_boost": 0.0} | changes
    return SamplerParams(name=name, frames=frames, **given)


def noise(frames, height=24, width=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width), np.uint8)


def sliding(shifts, height=96, width=128):
    """A smooth pattern, moved to the right by so many pixels before each frame."""
    y, x = np.mgrid[:height, :width]
    places = np.cumsum(shifts)
    return np.stack(
        [(128 + 60 * np.sin((x - at) / 5) + 60 * np.cos(y / 6 + (x - at) / 9)).astype(np.uint8) for at in places]
    )


def evenly(frames, fps=10.0, start=0.0):
    return start + np.arange(frames) / fps


TIMES = st.lists(st.floats(0.001, 0.5), min_size=0, max_size=30).map(lambda steps: np.cumsum([1.0, *steps]))


@settings(max_examples=60, deadline=None)
@given(TIMES, st.sampled_from(NAMES), st.integers(2, 12), st.floats(0, 1), st.integers(0, 99))
def test_each_gives_the_budget_in_order_with_both_ends_and_again_the_same(times, name, frames, gap, seed):
    luma, params = noise(len(times), seed=seed), sampler(name, frames, gap=gap)
    chosen = choose(luma, times, params)
    assert chosen.dtype == np.int64 and len(chosen) == min(frames, len(times))
    assert np.all(np.diff(chosen) > 0)
    assert (chosen[0], chosen[-1]) == (0, len(times) - 1)
    np.testing.assert_array_equal(choose(luma.copy(), times, params), chosen)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(0.01, 0.5), min_size=2, max_size=9), st.integers(3, 7), st.floats(0, 0.6),
    st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 99),
)  # fmt: skip
def test_the_gap_is_kept_whenever_some_choice_keeps_it(steps, count, gap, coverage, seed):
    times = np.cumsum([0.0, *steps])
    count = min(count, len(times))
    scores = np.random.default_rng(seed).random(len(times))

    def kept(frames):
        return all(times[b] - times[a] >= gap - 1e-6 for a, b in pairwise(frames))

    inner = combinations(range(1, len(times) - 1), count - 2)
    possible = any(kept([0, *some, len(times) - 1]) for some in inner)
    assert kept(spread(scores, times, count, gap, coverage)) == possible


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(NAMES), st.lists(st.floats(0, 3), max_size=4), st.floats(0, 100))
def test_labels_and_the_place_in_the_recording_change_nothing_without_a_boost(name, boundaries, start):
    luma, params = noise(31), sampler(name)
    chosen = choose(luma, evenly(31), params)
    np.testing.assert_array_equal(choose(luma, evenly(31), params, boundaries), chosen)
    np.testing.assert_array_equal(choose(luma, evenly(31, start=start), params), chosen)


@pytest.mark.parametrize("name", ["entropy", "motion", "hybrid"])
def test_a_boost_chooses_the_frame_at_a_boundary_and_only_where_boundaries_are_given(name):
    luma, boosted = noise(51), sampler(name, 6, boundary_boost=5.0)
    plain = choose(luma, evenly(51), sampler(name, 6))
    np.testing.assert_array_equal(choose(luma, evenly(51), boosted), plain)
    np.testing.assert_array_equal(choose(luma, evenly(51), boosted, []), plain)
    assert 23 in choose(luma, evenly(51), boosted, [2.3])


def test_a_boost_fades_within_its_reach():
    still = np.zeros((51, 24, 32), np.uint8)
    chosen = choose(still, evenly(51), sampler(frames=3, boundary_boost=0.1), [3.0])
    assert chosen.tolist() == [0, 30, 50]
    far = choose(still, evenly(51), sampler(frames=3, boundary_boost=0.1), [5.0 + REACH])
    assert far.tolist() == [0, 2, 50]  # all the same: the earliest that keeps the gap


def test_uniform_is_even_in_time_and_not_in_frames():
    assert choose(noise(51), evenly(51), sampler("uniform", 6)).tolist() == [0, 10, 20, 30, 40, 50]
    times = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 2.0, 4.0])
    assert choose(noise(7), times, sampler("uniform", 3)).tolist() == [0, 5, 6]
    assert choose(noise(7), times, sampler("uniform", 5)).tolist() == [0, 3, 4, 5, 6]


@pytest.mark.parametrize("name", NAMES)
def test_few_frames_are_all_chosen(name):
    assert choose(noise(0), evenly(0), sampler(name)).tolist() == []
    assert choose(noise(1), evenly(1), sampler(name)).tolist() == [0]
    assert choose(noise(5), evenly(5), sampler(name)).tolist() == [0, 1, 2, 3, 4]


def test_entropy_counts_bits_of_the_grey_histogram():
    flat = np.full((4, 4), 9, np.uint8)
    halves = np.repeat(np.array([[0, 0, 255, 255]], np.uint8), 4, axis=0)
    all_greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_allclose(entropy(np.stack([flat, halves])), [0, 1], atol=1e-12)
    np.testing.assert_allclose(entropy(all_greys[None]), [8])


def test_entropy_of_a_wide_picture_is_nearly_that_of_all_its_pixels():
    wide = noise(1, 480, 640) // 2
    share = np.bincount(wide.ravel()) / wide.size
    np.testing.assert_allclose(entropy(wide), -np.sum(share * np.log2(share)), atol=0.01)


def test_smoothing_is_causal_and_starts_at_the_first_value():
    np.testing.assert_allclose(smoothed(np.array([2.0, 0.0, 10.0]), 0.7), [2.0, 1.4, 3.98])
    np.testing.assert_allclose(smoothed(np.array([2.0, 0.0, 10.0]), 0.0), [2.0, 0.0, 10.0])


def test_entropy_ranks_by_level_and_not_by_change():
    luma = np.zeros((40, 24, 32), np.uint8)
    luma[20:30] = noise(10)
    chosen = choose(luma, evenly(40), sampler(frames=5, smoothing=0.0))
    assert all(20 <= frame < 30 for frame in chosen[1:-1])


@pytest.mark.parametrize("flow", ["dis", "farneback"])
@pytest.mark.parametrize("name", ["motion", "hybrid"])
def test_motion_is_chosen_where_something_moves(name, flow):
    shifts = np.where((np.arange(40) >= 24) & (np.arange(40) < 32), 3, 0)
    params = sampler(name, 5, flow=flow, coverage=0.0, smoothing=0.0)
    assert all(24 <= frame < 32 for frame in choose(sliding(shifts), evenly(40), params)[1:-1])


def test_full_coverage_of_hybrid_is_even_whatever_the_pictures_show():
    assert choose(noise(41), evenly(41), sampler("hybrid", 5, coverage=1.0)).tolist() == [0, 10, 20, 30, 40]


def test_gain_falls_near_chosen_frames():
    scores = np.zeros(41)
    scores[[19, 22, 33]] = 1.0, 0.95, 0.8
    assert spread(scores, evenly(41), 4, 0.2, 0.0).tolist() == [0, 19, 22, 40]
    assert spread(scores, evenly(41), 4, 0.2, 0.6).tolist() == [0, 19, 33, 40]


def test_a_gap_that_leaves_no_room_is_relaxed_evenly():
    scores = np.arange(11.0)  # only frame 5 has half a second on both sides; then the holes are halved
    assert spread(scores, evenly(11), 3, 0.5, 0.0).tolist() == [0, 5, 10]
    assert spread(scores, evenly(11), 5, 0.5, 0.0).tolist() == [0, 2, 5, 7, 10]
    scores[6] = 20.0
    assert spread(scores, evenly(11), 5, 0.4, 0.0).tolist() == [0, 3, 6, 8, 10]


def test_a_greedy_choice_never_spoils_the_room_for_the_rest():
    scores = np.array([0, 0, 0, 9.0, 0, 0, 0])  # the best frame would leave room for no other
    assert spread(scores, evenly(7, fps=1.0), 4, 2.0, 0.0).tolist() == [0, 2, 4, 6]
    scores = np.zeros(13)
    scores[[3, 6, 9]] = 9.0, 8.0, 7.0  # there is room for one to be off the grid, but not for two
    assert spread(scores, evenly(13, fps=1.0), 6, 2.0, 0.0).tolist() == [0, 3, 6, 8, 10, 12]


def test_boundaries_count_as_met_within_the_tolerance():
    assert boundary_recall([0.0, 1.0, 2.0], [1.25, 1.5, 2.2]) == Recall(hits=2, total=3)
    assert boundary_recall([0.0, 1.0, 2.0], [1.5], tolerance=0.5) == (1, 1)
    assert boundary_recall([1.0], []) == (0, 0)
    assert boundary_recall([], [1.0]) == (0, 1)
