"""Posteriors are weighed against what is common."""

import numpy as np
import pytest

from kinetrace.operations.runtime.evidence import FLOOR, evidence
from tests.operations.runtime.chains import fit


def test_evidence_is_the_posterior_over_the_share_of_time():
    grammar = fit("aaab", labels="ab", weight=0.5)
    prior = np.array(grammar.prior)
    np.testing.assert_allclose(evidence(prior[None], grammar), 0, atol=1e-12)
    expected = 0.5 * np.log(np.array([[1.0, FLOOR]]) / prior)
    np.testing.assert_allclose(evidence(np.array([[1.0, 0.0]]), grammar), expected)
    assert evidence(np.array([[0.5, 0.5]]), grammar).argmax() == 1  # the rarer one


@pytest.mark.parametrize("posteriors", [np.ones((4, 2)), np.ones(3), np.full((1, 3), np.nan), np.full((1, 3), -0.1)])
def test_posteriors_of_other_labels_are_refused(posteriors):
    with pytest.raises(ValueError, match="posterior"):
        evidence(posteriors, fit("abc"))
