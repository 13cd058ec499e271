import numpy as np
import pytest

from kinetrace.operations.data.recordings import Segment
from kinetrace.operations.evaluate import work
from kinetrace.operations.evaluate.baselines import Trivial
from kinetrace.operations.evaluate.timelines import Timeline
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.grammar import Grammar
from tests.operations import squares

FPS, LABELS = 10.0, squares.LABELS
TRUTH = np.repeat([0, 1, 0, 2, 0, 1], 30)
GRAMMAR = Grammar.fit(
    [[Segment(3.0 * place, 3.0 * place + 3, LABELS[label]) for place, label in enumerate([0, 1, 0, 2] * 4)]],
    LABELS, GrammarParams(order=2, smoothing=0.5, weight=0.5),
)  # fmt: skip


def line(labels_T, truth=TRUTH):
    posteriors = np.eye(3)[labels_T] * 0.8 + 0.2 / 3
    return Timeline("A-1", "A", truth, posteriors, np.ones(len(truth), bool), FPS)


def flickering(share=0.2):
    wrong = np.random.default_rng(1).random(len(TRUTH)) < share
    return np.where(wrong, (TRUTH + 1) % 3, TRUTH)


def values(found):
    return {name: additive.value for name, additive in found.items()}


def test_the_truth_has_every_figure_at_its_best():
    assert set(values(work.judged([line(TRUTH)], [TRUTH], 3)).values()) == {1.0}


def test_frames_that_flicker_make_segments_that_are_not_there():
    lines = [line(flickering())]
    answers = work.read(lines, GRAMMAR)
    found = {way: values(work.judged(lines, said, 3)) for way, said in answers.items()}
    assert found["frames"]["f1@50"] < 0.4 < found["live"]["f1@50"] < found["viterbi"]["f1@50"]
    assert found["frames"]["macro_f1"] == pytest.approx(0.8, abs=0.15)


def test_the_live_way_never_looks_ahead():
    cut = 60
    whole = work.read([line(flickering())], GRAMMAR)["live"][0]
    part = line(flickering()[:cut], TRUTH[:cut])
    np.testing.assert_array_equal(work.read([part], GRAMMAR)["live"][0], whole[:cut])


def test_what_is_said_in_breaks_is_no_false_segment():
    truth = TRUTH.copy()
    truth[30:60] = -1
    assert values(work.judged([line(TRUTH, truth)], [TRUTH], 3))["f1@50"] == 1


def test_the_next_operation_of_each_moment():
    assert work.next_operation(np.array([0, 0, -1, 2, 2, 1])).tolist() == [2, 2, -1, 1, 1, -1]
    assert work.next_operation(np.array([-1, -1])).tolist() == [-1, -1]
    assert work.next_operation(np.array([], np.int64)).tolist() == []


def test_the_forecast_of_a_strict_order_is_mostly_right():
    assert work.forecast([line(TRUTH)], GRAMMAR).value > 0.7  # after the first two operations


def test_the_majority_says_one_thing_at_every_moment():
    table, _ = squares.table()
    (answer,) = work.majority([line(TRUTH)], Trivial.of(table, LABELS))
    assert len(answer) == len(TRUTH) and len(set(answer.tolist())) == 1
