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
