import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinetrace.metrics import retrieval


def brute_force(similarity, query_labels, gallery_labels):
    """The definition, one query and one label at a time."""
    names = sorted(set(gallery_labels.tolist()))
    found = []
    for row, wanted in zip(similarity.tolist(), query_labels.tolist(), strict=True):
        best = {name: max(s for s, g in zip(row, gallery_labels.tolist(), strict=True) if g == name) for name in names}
        worse = sum(best[name] < best[wanted] for name in names) if wanted in best else -1
        found.append(len(names) - worse)
    return np.array(found)


@st.composite
def problems(draw):
    queries, entries = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    labels = st.integers(0, 4)
    levels = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0])  # few, so that ties are common
    return (
        draw(arrays(float, (queries, entries), elements=levels)),
        draw(arrays(int, queries, elements=labels)),
        draw(arrays(int, entries, elements=labels)),
    )


@given(problems())
def test_ranks_agree_with_the_definition_one_label_at_a_time(problem):
    np.testing.assert_array_equal(retrieval.ranks(*problem), brute_force(*problem))


@given(problems(), st.randoms(use_true_random=False))
def test_ranks_do_not_depend_on_the_order_of_the_gallery(problem, random):
    similarity, queries, gallery = problem
    order = list(range(len(gallery)))
    random.shuffle(order)
    shuffled = retrieval.ranks(similarity[:, order], queries, gallery[order])
    np.testing.assert_array_equal(shuffled, retrieval.ranks(similarity, queries, gallery))


def test_several_entries_of_the_right_label_do_not_crowd_each_other_out():
    similarity = np.array([[0.9, 0.8, 0.7, 0.95]])
    assert retrieval.ranks(similarity, np.array([1]), np.array([1, 1, 1, 2])).tolist() == [2]


def test_a_tie_counts_against_the_system():
    assert retrieval.ranks(np.zeros((1, 3)), np.array([0]), np.array([0, 1, 2])).tolist() == [3]


@pytest.mark.parametrize("hole", [0, 1])
def test_a_score_that_is_not_a_number_counts_against_the_system(hole):
    similarity = np.array([[0.9, 0.1]])
    similarity[0, hole] = np.nan
    assert retrieval.ranks(similarity, np.array([0]), np.array([0, 1])).tolist() == [2]


@pytest.mark.parametrize("absent", [-1, 2, 9])
def test_a_label_that_the_gallery_lacks_stands_behind_all(absent):
    assert retrieval.ranks(np.ones((1, 3)), np.array([absent]), np.array([1, 3, 3])).tolist() == [3]


def test_labels_may_be_text():
    similarity = np.array([[0.1, 0.9], [0.1, 0.9]])
    assert retrieval.ranks(similarity, np.array(["tea", "coffee"]), np.array(["coffee", "tea"])).tolist() == [1, 2]


def test_an_empty_gallery_and_no_query():
    assert retrieval.ranks(np.zeros((2, 0)), np.array([1, 2]), np.zeros(0, int)).tolist() == [1, 1]
    assert retrieval.ranks(np.zeros((0, 2)), np.zeros(0, int), np.array([1, 2])).tolist() == []


def test_label_scores_are_the_best_of_each_label():
    labels, scores = retrieval.label_scores(np.array([[0.3, 0.9, 0.5], [0.2, 0.0, 0.1]]), np.array([7, 2, 7]))
    assert labels.tolist() == [2, 7]
    assert scores.tolist() == [[0.9, 0.5], [0.0, 0.2]]


def test_summaries():
    ranks = np.array([1, 2, 4, 10])
    assert retrieval.recall_at(ranks, 1) == 0.25
    assert retrieval.recall_at(ranks, 4) == 0.75
    assert retrieval.mean_reciprocal_rank(ranks) == pytest.approx((1 + 0.5 + 0.25 + 0.1) / 4)
