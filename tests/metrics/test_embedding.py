import numpy as np
import pytest

from kinetrace.metrics import embedding


def points(count=40, width=8, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def test_similarities_to_the_own_and_the_other_anchors():
    anchors = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])
    positive, negative = embedding.pos_neg_similarity(np.array([[5.0, 0.0], [0.0, 1.0]]), anchors, np.array([0, 1]))
    assert positive == pytest.approx(1)
    assert negative == pytest.approx((0 - 1 + 0 + 0) / 4)


def test_similarities_agree_with_a_loop():
    vectors, anchors = points(), points(5, seed=1)
    labels = np.arange(40) % 5
    own, other = [], []
    for vector, label in zip(vectors, labels, strict=True):
        for index, anchor in enumerate(anchors):
            cosine = vector @ anchor / np.linalg.norm(vector) / np.linalg.norm(anchor)
            (own if index == label else other).append(cosine)
    expected = (np.mean(own), np.mean(other))
    assert embedding.pos_neg_similarity(vectors, anchors, labels) == pytest.approx(expected, abs=1e-6)


def test_similarities_of_degenerate_input():
    positive, negative = embedding.pos_neg_similarity(np.zeros((3, 4)), points(2, 4), np.array([0, 1, 1]))
    assert (positive, negative) == (0, 0)
    positive, negative = embedding.pos_neg_similarity(np.ones((3, 4)), np.ones((1, 4)), np.zeros(3, int))
    assert positive == pytest.approx(1) and np.isnan(negative)
    assert np.isnan(embedding.pos_neg_similarity(np.zeros((0, 4)), points(2, 4), np.zeros(0, int))).all()


def test_the_effective_rank_counts_directions_alike_in_size():
    assert embedding.effective_rank(np.eye(5)) == pytest.approx(5)
    assert embedding.effective_rank(np.ones((40, 8))) == pytest.approx(1)
    assert embedding.effective_rank(points(4000, 8)) == pytest.approx(8, abs=0.01)


def test_the_effective_rank_of_unequal_directions_by_hand():
    values = np.array([3.0, 1.0])  # shares 3/4 and 1/4
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert embedding.effective_rank(np.diag(values)) == pytest.approx(expected)


def test_the_effective_rank_does_not_depend_on_scale_or_order():
    vectors = points()
    assert embedding.effective_rank(7 * vectors[::-1]) == pytest.approx(embedding.effective_rank(vectors))


def pairwise(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return ((unit[:, None] - unit[None]) ** 2).sum(-1)


def test_alignment_and_uniformity_agree_with_all_pairs():
    vectors, labels = points(), np.arange(40) % 7
    distances, others = pairwise(vectors), ~np.eye(40, dtype=bool)
    same = (labels[:, None] == labels[None]) & others
    assert embedding.alignment(vectors, labels) == pytest.approx(distances[same].mean())
    assert embedding.uniformity(vectors) == pytest.approx(np.log(np.exp(-2 * distances[others]).mean()))


def test_uniformity_is_the_same_however_many_rows_are_taken_at_a_time(monkeypatch):
    whole = embedding.uniformity(points())
    monkeypatch.setattr(embedding, "ROWS", 7)
    assert embedding.uniformity(points()) == pytest.approx(whole)


def test_a_collapsed_space_is_aligned_and_not_uniform():
    assert embedding.alignment(np.ones((6, 4)), np.array([0, 0, 0, 1, 1, 2])) == pytest.approx(0, abs=1e-12)
    assert embedding.uniformity(np.ones((6, 4))) == pytest.approx(0, abs=1e-12)


def test_chance_of_alignment_and_uniformity_in_many_dimensions():
    vectors = points(600, 256)
    assert embedding.alignment(vectors, np.arange(600) % 20) == pytest.approx(2, abs=0.02)
    assert embedding.uniformity(vectors) == pytest.approx(-4, abs=0.05)


@pytest.mark.parametrize("count", [0, 1])
def test_figures_of_pairs_are_unknown_without_a_pair(count):
    assert np.isnan(embedding.alignment(points(count), np.zeros(count)))
    assert np.isnan(embedding.uniformity(points(count)))


def test_the_effective_rank_of_nothing_is_unknown():
    assert np.isnan(embedding.effective_rank(np.zeros((0, 4))))
    assert np.isnan(embedding.effective_rank(np.zeros((3, 4))))
