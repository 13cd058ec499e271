from itertools import combinations

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


def first_right(similarity, relevant):
    """The definition: entries that are wrong and not worse than the best right one stand before it."""
    found = []
    for row, right in zip(similarity.tolist(), relevant.tolist(), strict=True):
        best = max((score for score, ok in zip(row, right, strict=True) if ok), default=None)
        wrong = [score for score, ok in zip(row, right, strict=True) if not ok]
        found.append(len(row) + 1 if best is None else 1 + sum(score >= best for score in wrong))
    return found


@given(problems())
def test_first_ranks_agree_with_the_definition_one_entry_at_a_time(problem):
    similarity, queries, gallery = problem
    relevant = queries[:, None] == gallery[None]
    assert retrieval.first_ranks(similarity, relevant).tolist() == first_right(similarity, relevant)


def test_one_right_entry_of_several_is_enough():
    relevant = np.array([[True, False, True, False]])
    assert retrieval.first_ranks(np.array([[0.1, 0.8, 0.9, 0.7]]), relevant).tolist() == [1]
    assert retrieval.first_ranks(np.array([[0.1, 0.9, 0.8, 0.7]]), relevant).tolist() == [2]


@pytest.mark.parametrize(("row", "rank"), [([np.nan, 0.5], 2), ([0.5, np.nan], 2), ([np.nan, np.nan], 2)])
def test_first_ranks_count_what_is_not_a_number_against_the_system(row, rank):
    assert retrieval.first_ranks(np.array([row]), np.array([[True, False]])).tolist() == [rank]


def test_first_ranks_without_a_right_entry_and_without_a_gallery():
    assert retrieval.first_ranks(np.ones((1, 3)), np.zeros((1, 3), bool)).tolist() == [4]
    assert retrieval.first_ranks(np.ones((2, 0)), np.zeros((2, 0), bool)).tolist() == [1, 1]


def median_of(ranks, weights):
    places, counts = retrieval.rank_counts(np.array(ranks), np.array(weights, float))
    return retrieval.median_rank(counts.sum(axis=0, keepdims=True), places)[0]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1).filter(lambda rows: any(w for _, w in rows))
)
def test_the_median_rank_is_that_of_the_repeated_ranks(rows):
    ranks, weights = zip(*rows, strict=True)
    assert median_of(ranks, weights) == np.median(np.repeat(ranks, weights))


def test_the_median_rank_of_shares_does_not_feel_rounding():
    assert median_of([1, 1, 1, 2, 2, 2], [1 / 3] * 6) == 1.5
    assert median_of([1] * 9 + [4] * 7, [1 / 9] * 9 + [1 / 7] * 7) == 2.5


def test_each_histogram_has_its_own_median():
    found = retrieval.median_rank(np.array([[3.0, 0, 1], [0, 1, 5], [0, 0, 0]]), np.array([1, 2, 7]))
    np.testing.assert_array_equal(found, [1, 7, np.nan])


def test_the_median_rank_of_nothing_is_unknown():
    assert np.isnan(median_of([], []))


@pytest.mark.parametrize(("right", "total"), [(1, 1), (1, 6), (2, 6), (5, 6), (6, 6)])
def test_chance_agrees_with_counting_all_orders(right, total):
    first = [min(order) for order in combinations(range(total), right)]  # places of the right entries, alike likely
    expected = np.bincount(first, minlength=total) / len(first)
    np.testing.assert_allclose(retrieval.chance(right, total), expected, atol=1e-12)


def test_chance_of_a_single_right_entry_is_even():
    np.testing.assert_allclose(retrieval.chance(1, 120), 1 / 120)
