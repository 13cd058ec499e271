"""Probabilities of labels from those of tokens, against sums over everything that could be written."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinetrace.operations.model.answers import Answer, to_json
from kinetrace.operations.runtime.posteriors import LabelTrie, class_posterior, label_trie
from tests.operations.runtime.tiny import LABELS, language_model, tokenizer

NESTED = ("Box", "Box Label", "Box Label Two", "Bo", 'A "b"', "箱", "箱を")
logprobs = arrays(np.float64, st.integers(1, 12), elements=st.floats(-50, 0) | st.just(-np.inf))


@pytest.mark.parametrize("merges", [0, 60, 300])
@pytest.mark.parametrize("labels", [LABELS, NESTED, ("Alone",)])
def test_the_paths_spell_the_answers_and_none_begins_another(merges, labels):
    words = tokenizer(merges)
    trie = label_trie(words, labels)
    for label, path in zip(labels, trie.paths, strict=True):
        text, whole = words.decode([*trie.prefix, *path]), to_json(Answer(label, 0.0, 0.0, None))
        assert whole.startswith(text)
        assert text.startswith('{"operation": ' + json.dumps(label, ensure_ascii=False))
        assert words(whole)["input_ids"][: len(trie.prefix) + len(path)] == [*trie.prefix, *path]
    assert not any(a == b[: len(a)] for a, b in product(trie.paths, trie.paths) if a is not b)


def test_a_longer_vocabulary_shares_its_beginnings():
    trie = label_trie(tokenizer(0), LABELS)  # a token a byte
    assert "Attach Box Label" in LABELS and "Attach Shipping Label" in LABELS and "Assemble Box" in LABELS
    assert len(trie.nodes) == len({label[:end] for label in LABELS for end in range(len(label) + 1)})
    assert trie.nodes[0] == ()


@pytest.mark.parametrize("labels", [LABELS, NESTED])
def test_the_posterior_is_that_of_each_answer_alone(labels):
    """Brute force: the model reads each answer by itself, and the probabilities of its tokens are multiplied."""
    words = tokenizer(60)
    model, trie = language_model(len(words) + 7), label_trie(words, labels)
    weights = []
    for path in trie.paths:
        ids = torch.tensor([[1, 2, *trie.prefix, *path]])
        with torch.inference_mode():
            probabilities = model(ids).logits[0].double().softmax(-1).numpy()
        before = 2 + len(trie.prefix)
        weights.append(np.prod([probabilities[before + at - 1, token] for at, token in enumerate(path)]))
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(class_posterior(trie.label_logprobs(at_once(model, trie))), expected, rtol=1e-4)


def at_once(model, trie: LabelTrie) -> np.ndarray:
    """The log-probabilities after each node, all paths in one batch."""
    tokens = torch.from_numpy(trie.tokens_KL(0))
    before = torch.tensor([[1, 2, *trie.prefix]]).expand(len(tokens), -1)
    with torch.inference_mode():
        logits = model(torch.cat([before, tokens], 1)).logits[:, before.shape[1] - 1 :]
    places = trie.places_N2
    return logits[places[:, 0], places[:, 1]].double().log_softmax(-1).numpy()


@given(st.data())
def test_with_all_that_can_follow_the_probabilities_of_labels_sum_to_one(data):
    """A trie of every word of up to three letters, ended by the token 0, leaves nothing over."""
    paths = tuple(
        (*word, 0)[:3] for length in range(4) for word in product((1, 2), repeat=length)
        if length < 3 or word[2] != 0
    )  # fmt: skip
    trie = LabelTrie((), tuple(dict.fromkeys(paths)))
    rows = data.draw(arrays(np.float64, (len(trie.nodes), 3), elements=st.floats(-20, 0)))
    rows -= np.log(np.exp(rows).sum(1, keepdims=True))
    np.testing.assert_allclose(np.exp(trie.label_logprobs(rows)).sum(), 1, rtol=1e-9)


def test_places_are_where_a_batch_of_paths_holds_the_nodes():
    trie = LabelTrie((), ((1, 2), (1, 3, 4), (5,)))
    assert trie.nodes == ((), (1,), (1, 3))
    assert all(trie.paths[k][:at] == node for (k, at), node in zip(trie.places_N2, trie.nodes, strict=True))
    assert trie.tokens_KL(9).tolist() == [[1, 2, 9], [1, 3, 4], [5, 9, 9]]


@given(logprobs, st.floats(0.05, 20))
def test_a_posterior_is_a_distribution_in_the_order_of_the_log_probabilities(values, temperature):
    found = class_posterior(values, temperature)
    assert found.shape == values.shape and (found >= 0).all()
    np.testing.assert_allclose(found.sum(), 1)
    if np.isfinite(values).any():
        assert (found[np.isneginf(values)] == 0).all()
        assert found[values.argmax()] == found.max()


def test_temperature_evens_out_and_is_that_of_the_formula():
    values = np.log([0.7, 0.2, 0.1])
    np.testing.assert_allclose(class_posterior(values), [0.7, 0.2, 0.1])
    warm = np.sqrt([0.7, 0.2, 0.1])
    np.testing.assert_allclose(class_posterior(values, 2.0), warm / warm.sum())
    np.testing.assert_allclose(class_posterior(np.stack([values, values - 900])), [[0.7, 0.2, 0.1]] * 2)


def test_labels_without_any_probability_are_all_the_same():
    np.testing.assert_array_equal(class_posterior(np.full(4, -np.inf)), np.full(4, 0.25))
