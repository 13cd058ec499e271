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


def test_effective_rank_counts_the_directions_in_use():
    assert embedding.effective_rank(np.eye(6)) == pytest.approx(6)
    assert embedding.effective_rank(np.outer(np.arange(1, 9), np.ones(5))) == pytest.approx(1)
    assert embedding.effective_rank(np.diag([1.0, 1.0, 0.0])) == pytest.approx(2)
    assert embedding.effective_rank(np.zeros((3, 3))) == 0


def test_effective_rank_of_two_unequal_directions():
    shares = np.array([0.75, 0.25])
    assert embedding.effective_rank(np.diag([3.0, 1.0])) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_alignment_agrees_with_a_loop_over_pairs():
    vectors = points()
    labels = np.array(["a", "b", "c", "c"] * 9 + ["only"] + ["a"] * 3)
    lengths = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(40) for j in range(40) if i != j and labels[i] == labels[j]]
    expected = np.mean([((lengths[i] - lengths[j]) ** 2).sum() for i, j in pairs])
    assert embedding.alignment(vectors, labels) == pytest.approx(expected, rel=1e-6)
    assert np.isnan(embedding.alignment(vectors[:2], np.array([0, 1])))
    assert embedding.alignment(np.ones((4, 3)), np.zeros(4, int)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("block", [7, 1024])
def test_uniformity_agrees_with_a_loop_over_pairs(monkeypatch, block):
    monkeypatch.setattr(embedding, "BLOCK", block)
    vectors = points()
    lengths = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    squares = ((lengths[:, None] - lengths) ** 2).sum(-1)
    expected = np.log(np.exp(-2 * squares[np.triu_indices(40, 1)]).mean())
    assert embedding.uniformity(vectors) == pytest.approx(expected, rel=1e-6)


def test_uniformity_of_a_collapsed_and_of_a_spread_space():
    assert embedding.uniformity(np.ones((5, 3))) == pytest.approx(0, abs=1e-9)
    assert embedding.uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-8)
    assert np.isnan(embedding.uniformity(np.ones((1, 3))))
