"""The rules that are compared, and that the grammar's is among them."""

import numpy as np
import pytest

from experiments.backoff import RULES, surprises
from kinetrace.operations.data.recordings import Segment
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.grammar import Grammar

REST = ["abcabd", "abca", "cbad", "dd"]


@pytest.mark.parametrize("order", [1, 2])
def test_witten_bell_is_what_the_grammar_does(order):
    rest = [[Segment(place, place + 1, label) for place, label in enumerate(steps)] for steps in REST]
    grammar = Grammar.fit(rest, list("abcde"), GrammarParams(order=order, smoothing=0.5, weight=1.0))
    held = "abcadbce"
    found = surprises(["abcde".index(label) for label in held], [["abcde".index(x) for x in s] for s in REST], 5, 0.5)
    expected = [-np.log(grammar.next_distribution(held[:at])["abcde".index(held[at])]) for at in range(1, len(held))]
    np.testing.assert_allclose(found["Witten–Bell"][order - 1], expected)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_gives_a_distribution_that_follows_what_was_seen(name):
    found = RULES[name](np.array([6.0, 2.0, 0.0, 0.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert found.sum() == pytest.approx(1) and (found > 0).all()
    assert found[0] > found[1] > found[2] and found[3] / found[2] == pytest.approx(4 / 3)
