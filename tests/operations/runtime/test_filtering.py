"""The filter knows what frames so far say, no more and no less."""

import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.operations.runtime import durations
from kinetrace.operations.runtime.durations import hazards
from kinetrace.operations.runtime.filtering import OnlineFilter, filtered
from tests.operations.runtime.chains import FPS, fit, following, problems, ways


def expected(grammar, posteriors_TK):
    """The last frame's operation, the one after it, and the frames until then, summed over every path."""
    every, ends_KD = list(ways(grammar, posteriors_TK)), hazards(grammar.durations, FPS)
    weights = np.exp(np.array([way.score for way in every]))
    now_K, next_K, frames = np.zeros(len(grammar.labels)), np.zeros(len(grammar.labels)), 0.0
    for way, weight in zip(every, weights / weights.sum(), strict=True):
        now_K[way.operations[-1][0]] += weight
        next_K += weight * following(grammar, way.names)
        frames += weight * ahead(tuple(ends_KD[way.operations[-1][0]].tolist()), way.operations[-1][1])
    return now_K, next_K, frames


@cache
def ahead(ends_D, lasted, far=4000):
    """The mean of frames still to come, by its definition: the sum of the chances to be there after each."""
    stays = [1 - ends_D[min(place, len(ends_D) - 1)] for place in range(lasted - 1, lasted - 1 + far)]
    return float(np.cumprod(stays).sum())


def assert_summed(grammar, posteriors_TK):
    found, (now_K, next_K, frames) = filtered(posteriors_TK, FPS, grammar), expected(grammar, posteriors_TK)
    np.testing.assert_allclose(found.now_TK[-1], now_K, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.next_TK[-1], next_K, rtol=1e-9, atol=1e-12)
    assert found.seconds_T[-1] * FPS == pytest.approx(frames, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_it_is_the_sum_over_all_paths(problem):
    assert_summed(*problem)


@settings(max_examples=20, deadline=None)
@given(problems())
def test_operations_longer_than_what_is_told_apart_are_judged_alike(problem):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durations, "LONGEST", 3)
        assert_summed(*problem)


@settings(max_examples=50, deadline=None)
@given(problems(frames=20), problems(frames=20), st.integers(1, 20))
def test_it_never_looks_ahead(problem, other, moment):
    """Whatever comes after a moment, what is said at the moment stays the same to the last bit."""
    grammar, posteriors_TK = problem
    known_TK = posteriors_TK[:moment]
    alone, followed = filtered(known_TK, FPS, grammar), filtered(np.concatenate([known_TK, other[1]]), FPS, grammar)
    np.testing.assert_array_equal(followed.now_TK[: len(known_TK)], alone.now_TK)
    np.testing.assert_array_equal(followed.next_TK[: len(known_TK)], alone.next_TK)
    np.testing.assert_array_equal(followed.seconds_T[: len(known_TK)], alone.seconds_T)


@settings(max_examples=50, deadline=None)
@given(problems(frames=40))
def test_distributions_sum_to_one_and_change_lies_ahead(problem):
    grammar, posteriors_TK = problem
    found = filtered(posteriors_TK, FPS, grammar)
    for values_TK in (found.now_TK, found.next_TK):
        assert (values_TK >= 0).all()
        np.testing.assert_allclose(values_TK.sum(axis=1), 1, rtol=1e-9)
    assert (found.seconds_T > 0).all()


def test_what_comes_next_is_known_while_the_operation_runs_and_its_change_draws_near():
    grammar = fit("abcabc", "abcabc", order=1, seconds=4.0)
    posteriors_TK = np.eye(3)[[0] * 8 + [1] * 7]
    found = filtered(posteriors_TK, FPS, grammar)
    assert found.next_TK[:8].argmax(axis=1).tolist() == [1] * 8
    assert found.next_TK[8:].argmax(axis=1).tolist() == [2] * 7
    assert found.seconds_T[0] == pytest.approx(3.5, abs=0.7) and found.seconds_T[6] < 1.5


@pytest.mark.parametrize("order", [1, 2])
def test_a_surprise_is_doubted_until_it_lasts(order):
    grammar = fit("abcabc", "abcabc", order=order, weight=0.3, seconds=4.0)
    posteriors_TK = np.tile([0.8, 0.1, 0.1], (12, 1))
    posteriors_TK[3:] = [0.1, 0.1, 0.8]
    found = filtered(posteriors_TK, FPS, grammar).now_TK
    assert found[3].argmax() == 0 and found[-1].argmax() == 2


def test_a_certain_network_with_a_great_weight_does_not_break_it():
    grammar = fit("abc", weight=50.0)
    found = filtered(np.eye(3)[[0, 0, 2, 2, 1, 1]], FPS, grammar)
    assert found.now_TK.argmax(axis=1).tolist() == [0, 0, 2, 2, 1, 1]


def test_a_refused_frame_is_not_counted():
    online, other = OnlineFilter(fit("abc"), FPS), OnlineFilter(fit("abc"), FPS)
    frame_K = np.array([0.2, 0.5, 0.3])
    online.step(frame_K)
    other.step(frame_K)
    with pytest.raises(ValueError, match="expected"):
        online.step(frame_K[:2])
    np.testing.assert_array_equal(online.step(frame_K).now_K, other.step(frame_K).now_K)


def test_no_frames_give_no_rows():
    found = filtered(np.empty((0, 3)), FPS, fit("abc"))
    assert found.now_TK.shape == found.next_TK.shape == (0, 3) and found.seconds_T.shape == (0,)


def test_it_keeps_up_with_a_camera():
    """Ten operations of tens of seconds at 10 frames a second, with order 2: a tenth of real time at most."""
    online = OnlineFilter(fit("abcdefghij", labels="abcdefghij", seconds=20.0), 10.0)
    begin = time.process_time()
    for _ in range(50):
        online.step(np.full(10, 0.1))
    assert time.process_time() - begin < 0.5
