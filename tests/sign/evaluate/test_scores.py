from dataclasses import replace

import numpy as np
import pytest

from kinetrace.metrics.embedding import unit
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import ranking, scores
from kinetrace.sign.evaluate.splits import Encoded, Splits, Texts
from kinetrace.sign.model.batches import Corpus
from tests.sign.trained import prepared

SENTENCES = np.array([1, 1, 2, 2, 3, 3])  # of the test clips
VECTORS = unit(np.random.default_rng(0).normal(size=(4, 32)))  # of sentence 0 to 3


@pytest.fixture(scope="module")
def corpus():
    return Corpus.of(Shards.open(prepared().folders.shards).subset("test"), 256)


def encoded(corpus, labels, embeddings=None):
    """The first clips of ``corpus``, in name those of ``labels``."""
    rows = replace(corpus.shards, clips=corpus.shards.clips[: len(labels)].assign(label_id=labels, subject="anna"))
    sentences = [f"sentence {label}" for label in labels]
    named = replace(corpus, shards=rows, labels=labels, sentences=sentences, clip_ids=corpus.clip_ids[: len(labels)])
    return Encoded(named, VECTORS[labels] if embeddings is None else embeddings, [], sentences, [])


def splits(corpus, known=(0, 1, 2, 3), test=None):
    texts = Texts(np.arange(4), VECTORS, SENTENCES)
    gallery = encoded(corpus, np.array(known))
    return Splits(gallery, encoded(corpus, SENTENCES[:0]), test or encoded(corpus, SENTENCES), texts)


def test_a_perfect_model_is_perfect_in_every_search(corpus):
    found = scores.score(splits(corpus))
    assert list(found.rankings) == ["", "inst_", "text_to_sign/", "within/"]
    for searched in found.rankings.values():
        assert (searched.ranks == 1).all()
    assert found.nearest.tolist() == SENTENCES.tolist()
    np.testing.assert_allclose(found.positive, 1)
    others = [np.delete(VECTORS @ VECTORS[label], label).mean() for label in SENTENCES]
    np.testing.assert_allclose(found.negative, others)


def test_glosses_are_judged_where_clips_have_them_and_the_model_reads_them(corpus):
    read = ["a b", "a", "", "b", "a b", "a"]
    test = replace(encoded(corpus, SENTENCES), glosses=read)
    assert "gloss_wer" not in scores.ratios(scores.score(splits(corpus, test=encoded(corpus, SENTENCES))))
    signed = replace(test, corpus=replace(test.corpus, glosses=["a b"] * 6))
    errors, words = scores.ratios(scores.score(splits(corpus, test=signed)))["gloss_wer"]
    assert errors.tolist() == [0, 1, 2, 1, 0, 1] and words.tolist() == [2] * 6
    deaf = replace(signed, glosses=[""] * 6)  # a head that reads nothing is wrong, not absent
    errors, words = scores.ratios(scores.score(splits(corpus, test=deaf)))["gloss_wer"]
    assert errors.tolist() == words.tolist() == [2] * 6
    half = replace(test, corpus=replace(test.corpus, glosses=["a b"] * 5 + [""]))
    assert "gloss_wer" not in scores.ratios(scores.score(splits(corpus, test=half)))


def test_a_sentence_that_training_never_saw_is_found_among_the_test_clips_alone(corpus):
    found = scores.score(splits(corpus, known=(0, 1, 2)))
    assert found.rankings[ranking.GALLERY].ranks.tolist() == [1, 1, 1, 1, 4, 4]
    assert found.rankings[ranking.WITHIN].ranks.tolist() == [1] * 6


def test_a_collapsed_model_is_last_in_every_search(corpus):
    collapsed = encoded(corpus, SENTENCES, np.repeat(VECTORS[:1], 6, axis=0))
    found = scores.score(splits(corpus, test=collapsed))
    assert (found.rankings[ranking.FROM_TEXT].ranks == 5).all()  # all clips tie with the two right ones
    assert (found.rankings[ranking.WITHIN].ranks == 3).all()


def test_predictions_have_a_numerator_and_a_denominator_for_every_ratio(corpus):
    whole = splits(corpus)
    found = scores.score(whole)
    table = scores.predictions(whole.test, found)
    for name in scores.ratios(found):
        sums = table[[f"{name}/numerator", f"{name}/denominator"]].to_numpy()
        assert sums.dtype == np.float64 and np.isfinite(sums).all(), name
    assert table["wer/numerator"].sum() == 0 and table["exact/numerator"].sum() == 6
    assert {"clip_id", "digest", "subject", "label_id", "truth", "hypothesis", "rank", "text_rank"} <= set(table)
