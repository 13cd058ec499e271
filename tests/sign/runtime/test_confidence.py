import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.runtime.confidence import Confidence

COSINES = st.lists(st.floats(-1, 1), min_size=1, max_size=6)


@settings(deadline=None)
@given(COSINES, st.floats(0.005, 1), st.floats(-1, 1))
def test_it_is_a_softmax_over_the_sentences_and_none_of_them(fused, temperature, unknown):
    from scipy.special import softmax

    expected = softmax(np.array([*fused, unknown]) / temperature)[:-1]
    np.testing.assert_allclose(Confidence(temperature, unknown).of(np.array([fused]))[0], expected, atol=1e-12)


@settings(deadline=None)
@given(COSINES, st.floats(0.01, 0.5))
def test_a_nearer_best_sentence_is_surer(fused, gain):
    sure = Confidence(0.05, 0.5)
    nearer = np.array(fused)
    nearer[nearer.argmax()] += gain
    assert sure.of(nearer[None]).max() >= sure.of(np.array([fused])).max()


def test_no_candidate_and_far_ones_get_nothing_without_warnings():
    found = Confidence(1e-3, 0.9).of(np.array([[-np.inf, -np.inf], [-1.0, -1.0]]))
    assert found.tolist() == [[0, 0], [0, 0]]


def test_a_left_out_sentence_gets_nothing_and_the_others_share():
    found = Confidence(0.1, -1.0).of(np.array([[-np.inf, 0.7, 0.7]]))[0]
    assert found[0] == 0 and found[1] == pytest.approx(0.5, abs=1e-6)
