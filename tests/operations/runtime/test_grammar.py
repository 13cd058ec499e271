"""A grammar says which operation begins, which follows which, and how long each takes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.grammar import Grammar
from tests.operations.runtime.chains import fit, grammars, segments

SOURCE = Path("model_config.json")


@settings(max_examples=60, deadline=None)
@given(grammars(), st.text(alphabet="abc-z", max_size=6))
def test_distributions_sum_to_one_and_rule_nothing_out(grammar, history):
    for found in (grammar.next_distribution(history), grammar.starting(), *grammar.transitions().reshape(-1, 3)):
        assert found.sum() == pytest.approx(1) and (found > 0).all()


@settings(max_examples=60, deadline=None)
@given(grammars(), st.text(alphabet="abc", min_size=1, max_size=6))
def test_transitions_are_the_distributions_after_a_history(grammar, history):
    places = ["abc".index(label) for label in history]
    context = -1 if grammar.order == 1 or len(places) == 1 else places[-2]
    found = grammar.transitions()[context, places[-1]]
    np.testing.assert_array_equal(found, grammar.next_distribution(history))


@settings(max_examples=60, deadline=None)
@given(grammars())
def test_json_keeps_all_of_it(grammar):
    again = Grammar.of_dict(json.loads(json.dumps(grammar.as_dict())), SOURCE)
    np.testing.assert_array_equal(again.transitions(), grammar.transitions())
    assert again == grammar and hash(again) == hash(grammar)


def test_witten_bell_by_hand():
    """After a: b twice, c once, so 3 times 2 kinds; overall 6 a, b or c, each with half a count more."""
    grammar = fit("ab", "ab", "ac", order=1)
    overall = np.array([3.5, 2.5, 1.5]) / 7.5
    np.testing.assert_allclose(grammar.next_distribution("a"), (np.array([0, 2, 1]) + 2 * overall) / 5)
    np.testing.assert_allclose(grammar.starting(), (np.array([3, 0, 0]) + overall) / 4)
    np.testing.assert_allclose(grammar.next_distribution("b"), overall)  # nothing ever followed


def test_order_2_falls_back_on_order_1_where_it_saw_nothing():
    trained = ("abc", "abc", "cba")
    one, two = fit(*trained, order=1), fit(*trained, order=2)
    assert two.next_distribution("ab").argmax() == 2 and two.next_distribution("cb").argmax() == 0
    np.testing.assert_array_equal(two.next_distribution("bb"), one.next_distribution("b"))
    np.testing.assert_array_equal(two.next_distribution("b"), one.next_distribution("b"))
    np.testing.assert_array_equal(one.next_distribution("ab"), one.next_distribution("cb"))
    assert not one.triples and two.triples


def test_null_joins_what_it_parts_and_its_time_is_nobodys():
    with_null, without = (
        Grammar.fit([segments(*one)], list("ab"), GrammarParams(order=2, smoothing=0.5, weight=1.0))
        for one in (("a-b-a", [1.0, 9.0, 2.0, 5.0, 1.0]), ("aba", [1.0, 2.0, 1.0]))
    )
    assert with_null == without
    np.testing.assert_array_equal(with_null.next_distribution(["a", "Null"]), without.next_distribution("a"))


def test_labels_outside_the_vocabulary_are_skipped():
    assert fit("axb", labels="ab") == fit("ab", labels="ab")
    assert fit("ab", labels="ab").accuracy(["axxb"]) == 1.0


def test_a_label_without_evidence_stays_possible():
    grammar = fit("abab", labels="abc")
    assert 0 < grammar.next_distribution("a")[2] < 0.1
    assert grammar.durations[2].median == pytest.approx(1.0)
    assert grammar.prior[2] == pytest.approx(0.5 / 5.5)


def test_perplexity_is_one_of_what_is_certain_and_that_of_a_die_where_nothing_is_known():
    assert fit(*["ab" * 200] * 5, labels="ab").perplexity(["abababab"]) == pytest.approx(1, abs=0.01)
    die = fit(*"abcdef", labels="abcdef")
    assert die.perplexity(["abc", "fed"]) == pytest.approx(6)


def test_perplexity_by_hand():
    grammar = fit("ab", "ab", "ac", order=1)
    chances = [grammar.next_distribution("a")[1], grammar.next_distribution("b")[0]]
    assert grammar.perplexity(["aba"]) == pytest.approx(np.prod(chances) ** -0.5)


def test_accuracy_counts_what_comes_after_the_first():
    grammar = fit("abc", "abc", order=1)
    assert grammar.accuracy(["abc"]) == 1.0
    assert grammar.accuracy(["acb", "ab"]) == pytest.approx(1 / 3)


def test_sequences_of_one_operation_judge_nothing():
    assert np.isnan(fit("abc").perplexity(["a", ""])) and np.isnan(fit("abc").accuracy(["a"]))


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["a", "a"], "occurs twice"), (["a", "Null"], "'Null'"), (["z"], "no segment"), ([], "no segment")],
)
def test_labels_that_make_no_vocabulary_are_refused(labels, said):
    params = GrammarParams(order=1, smoothing=0.5, weight=1.0)
    with pytest.raises(ValueError, match=said):
        Grammar.fit([segments("ab")], labels, params)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"order": 3}, "grammar.order: found 3"),
        ({"smoothing": 0.0}, "grammar.smoothing"),
        ({"weight": "1"}, "grammar.weight: found the text '1', expected a number"),
        ({"labels": ["a", "a", "b"]}, "occurs twice"),
        ({"labels": ["a", "b", ""]}, "grammar.labels.2"),
        ({"starts": [1, 2]}, "starts has 2 entries, expected one for each label, 3"),
        ({"seen": [1, -2, 3]}, "grammar.seen.1: found -2"),
        ({"pairs": [[0, 1, 1], [0, 1, 2]]}, "pairs: the same labels stand there twice"),
        ({"pairs": [[0, 3, 1]]}, "pairs: [0, 3] names a label beyond"),
        ({"pairs": [[0, 1]]}, "grammar.pairs.0.2: missing"),
        ({"triples": [[0, 1, 2, 0]]}, "grammar.triples.0.3: found 0"),
        ({"triples": [["0", 1, 2, 1]]}, "grammar.triples.0.0: found '0'"),
        ({"prior": [0.5, 0.4, 0.2]}, "prior sums to 1.1, expected 1"),
        ({"prior": [1.0, 0.0, 0.0]}, "grammar.prior.1"),
        ({"durations": [{"median": -1.0, "spread": 1.0}] * 3}, "grammar.durations.0.median: found -1.0"),
        ({"durations": [{"median": 1.0}] * 3}, "grammar.durations.0.spread: missing"),
        ({"beam": 1}, "grammar.beam: unknown key"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(change, said):
    with pytest.raises(KinetraceError) as caught:
        Grammar.of_dict(fit("abc").as_dict() | change, SOURCE)
    assert str(SOURCE) in str(caught.value) and said in str(caught.value)


def test_what_is_missing_in_a_file_is_named():
    content = fit("abc").as_dict()
    del content["starts"]
    with pytest.raises(KinetraceError, match=r"grammar\.starts: missing"):
        Grammar.of_dict(content, SOURCE)
    with pytest.raises(KinetraceError, match="grammar: the section is missing"):
        Grammar.of_dict(None, SOURCE)
