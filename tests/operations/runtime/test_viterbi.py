"""The decoded path is the likeliest of all, whatever the grammar."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime import durations
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.operations.runtime.viterbi import decode, viterbi
from tests.operations.runtime.chains import FPS, fit, problems, segments, ways


def certain(labels, count):
    """``[T, K]`` of a network that is right and sure."""
    return np.eye(count)[np.asarray(labels, int)]


@settings(max_examples=60, deadline=None)
@given(problems())
def test_no_path_is_likelier_than_the_decoded_one(problem):
    grammar, posteriors_TK = problem
    path, every = decode(posteriors_TK, FPS, grammar), list(ways(grammar, posteriors_TK))
    assert path.score == pytest.approx(max(way.score for way in every), abs=1e-9)
    lengths = np.diff([*path.starts_N.tolist(), path.frames]).tolist()
    found = next(way for way in every if way.operations == tuple(zip(path.labels_N.tolist(), lengths, strict=True)))
    assert found.score == pytest.approx(path.score, abs=1e-9)
    assert found.labels == path.labels_T.tolist()


@settings(max_examples=40, deadline=None)
@given(problems(frames=7))
def test_operations_longer_than_what_is_told_apart_are_judged_alike(problem):
    grammar, posteriors_TK = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durations, "LONGEST", 3)
        best = max(way.score for way in ways(grammar, posteriors_TK[:6]))
        assert decode(posteriors_TK[:6], FPS, grammar).score == pytest.approx(best, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2), st.lists(st.tuples(st.integers(0, 3), st.integers(4, 40)), min_size=1, max_size=12))
def test_posteriors_without_noise_give_the_truth(order, spans):
    spans = [spans[0], *(span for before, span in pairwise(spans) if before[0] != span[0])]
    truth = [label for label, length in spans for _ in range(length)]
    grammar = fit("abcd", "abcd", "acbd", labels="abcd", order=order)
    assert viterbi(certain(truth, 4), 10.0, grammar).tolist() == truth


@settings(max_examples=30, deadline=None)
@given(problems(frames=30))
def test_a_path_fills_the_recording_from_its_first_frame(problem):
    grammar, posteriors_TK = problem
    path = decode(posteriors_TK, FPS, grammar)
    assert path.starts_N[0] == 0 and (np.diff([*path.starts_N, path.frames]) > 0).all()
    assert len(path.labels_T) == len(posteriors_TK) == path.frames


def test_the_grammar_settles_what_frames_leave_open():
    """Nothing is seen of the second operation: it is the one that follows the first."""
    grammar = fit("abc", "abc", "abc", order=1)
    posteriors_TK = certain([0, 0, 1, 1, 2, 2], 3)
    posteriors_TK[2:4] = np.array(grammar.prior)  # says nothing
    assert viterbi(posteriors_TK, FPS, grammar).tolist() == [0, 0, 1, 1, 2, 2]


def test_order_2_tells_apart_what_order_1_cannot():
    """After b comes c where a was before it, and d where e was; the frames say nothing of what comes after b."""
    trained = ["abc"] * 6 + ["ebd"] * 6
    posteriors_TK = certain([4, 4, 1, 1, 0, 0], 5)
    posteriors_TK[4:] = [0.01, 0.01, 0.5, 0.47, 0.01]
    found = [viterbi(posteriors_TK, FPS, fit(*trained, labels="abcde", order=order)).tolist() for order in (1, 2)]
    assert found == [[4, 4, 1, 1, 2, 2], [4, 4, 1, 1, 3, 3]]


def test_a_flicker_is_smoothed_away_and_what_lasts_is_kept():
    grammar = fit("abab", "abab", order=1, weight=0.3, labels="ab", seconds=5.0)
    posteriors_TK = np.where(certain([0] * 50 + [1] * 50, 2) == 1, 0.8, 0.2)
    posteriors_TK[20] = [0.2, 0.8]
    assert viterbi(posteriors_TK, 10.0, grammar).tolist() == [0] * 50 + [1] * 50


def test_a_label_that_training_never_saw_can_be_decoded():
    grammar = fit("abab", labels="abc")
    assert viterbi(certain([0] * 4 + [2] * 4 + [1] * 4, 3), FPS, grammar).tolist() == [0] * 4 + [2] * 4 + [1] * 4
    assert 2 not in viterbi(certain([0] * 4 + [1] * 4, 3), FPS, grammar)


@pytest.mark.parametrize(("order", "first"), [(1, [1, 1, 1, 0, 0, 0]), (2, [0, 0, 0, 1, 1, 1])])
def test_of_equally_likely_paths_the_one_that_ends_in_the_first_state_is_taken(order, first):
    grammar = fit("ab", "ba", labels="ab", order=order)
    even_TK = np.full((6, 2), 0.5)
    best = max(way.score for way in ways(grammar, even_TK))
    ties = [way.labels for way in ways(grammar, even_TK) if way.score > best - 1e-9]
    assert ties == [[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]]
    assert viterbi(even_TK, FPS, grammar).tolist() == first  # states of order 2 are ordered by the label before


def test_an_empty_recording_has_no_operation():
    path = decode(np.empty((0, 3)), FPS, fit("abc"))
    assert path.frames == len(path.labels_T) == len(path.starts_N) == 0


@pytest.mark.parametrize("order", [1, 2])
def test_25_minutes_of_ten_operations_take_seconds(order):
    labels = "abcdefghij"
    rng = np.random.default_rng(0)
    recordings = [segments(labels * 15, rng.lognormal(2, 0.5, 150).tolist()) for _ in range(4)]
    grammar = Grammar.fit(recordings, list(labels), GrammarParams(order=order, smoothing=0.5, weight=0.3))
    truth_T = np.concatenate([np.full(round(10 * one.end) - round(10 * one.start), labels.index(one.label))
                              for one in recordings[0]])[:15_000]  # fmt: skip
    posteriors_TK = rng.dirichlet(np.full(10, 0.3), len(truth_T))
    posteriors_TK[np.arange(len(truth_T)), truth_T] += 0.3
    posteriors_TK /= posteriors_TK.sum(axis=1, keepdims=True)
    viterbi(posteriors_TK[:10], 10.0, grammar)  # compiles
    begin = time.process_time()
    found_T = viterbi(posteriors_TK, 10.0, grammar)
    assert time.process_time() - begin < 10
    assert (found_T == truth_T).mean() > max(0.95, (posteriors_TK.argmax(axis=1) == truth_T).mean() + 0.1)
