from dataclasses import replace

import numpy as np
import pytest

from kinetrace.shards import Shards
from kinetrace.sign.evaluate import confusions
from kinetrace.sign.model.batches import Corpus
from tests.sign.trained import prepared


@pytest.fixture(scope="module")
def corpus():
    """Four sentences of 5, 3, 2 and 1 clips, in name only."""
    whole = Corpus.of(Shards.open(prepared().folders.shards), 256)
    labels = np.repeat([7, 3, 5, 9], [5, 3, 2, 1])
    return replace(whole, labels=labels, sentences=[f"sentence {label}" for label in labels])


def test_the_commonest_wrong_answers_come_first_each_sentence_once(corpus):
    answered = np.array([7, 7, 3, 3, 3, 3, 3, 9, 5, 5, 9])  # 7 for 3 three times, 3 for 9 once
    found = confusions.confusions(corpus, corpus, answered)
    assert found.sentences == ["sentence 7", "sentence 3", "sentence 9"]
    assert found.counts.tolist() == [[2, 3, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0]]


def test_what_does_not_fit_is_counted_as_other(corpus, monkeypatch):
    monkeypatch.setattr(confusions, "MOST", 2)
    found = confusions.confusions(corpus, corpus, np.array([7, 7, 3, 3, 3, 3, 3, 9, 5, 5, 9]))
    assert found.sentences == ["sentence 7", "sentence 3"]
    assert found.counts.tolist() == [[2, 3, 0], [0, 2, 1]]


def test_without_a_wrong_answer_there_is_nothing_to_show(corpus):
    found = confusions.confusions(corpus, corpus, corpus.labels)
    assert (found.sentences, found.counts.shape) == ([], (0, 1))


def test_a_sentence_that_no_test_clip_has_is_a_row_of_zeros(corpus):
    test = replace(corpus, labels=np.full(11, 7), sentences=["sentence 7"] * 11)
    found = confusions.confusions(corpus, test, np.full(11, 3))
    assert found.sentences == ["sentence 7", "sentence 3"]
    assert found.counts.tolist() == [[0, 11, 0], [0, 0, 0]]
