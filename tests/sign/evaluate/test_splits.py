from dataclasses import replace

import numpy as np
import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import splits
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.ctc import Words
from tests.sign.trained import trained


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint.load(trained().folders.checkpoint)


@pytest.fixture(scope="module")
def found(checkpoint):
    return splits.encode(checkpoint, Shards.open(trained().folders.shards), trained().params)


def test_every_clip_of_every_split_goes_through_the_model(found):
    for part in (found.gallery, found.val, found.test):
        assert len(part) == len(part.embeddings) == len(part.tokens) > 0
        np.testing.assert_allclose(np.linalg.norm(part.embeddings, axis=1), 1, atol=1e-5)


def test_tokens_are_those_of_the_clip_alone_without_padding(found, checkpoint):
    index = int(found.test.corpus.lengths.argmin())
    frames, lengths = found.test.corpus.batch(np.array([index]))
    with torch.inference_mode():
        _, tokens, _ = checkpoint.model(frames, lengths)
    assert found.test.tokens[index].shape == tokens[0].shape
    np.testing.assert_allclose(found.test.tokens[index], tokens[0].numpy(), atol=1e-4)


def test_sentences_that_training_never_saw_get_an_anchor(checkpoint, found):
    gone = checkpoint.sentence_ids[0]
    kept = torch.arange(1, len(checkpoint.sentence_ids))
    smaller = Checkpoint(
        checkpoint.model, checkpoint.params, checkpoint.vocabulary, checkpoint.sentences[1:],
        checkpoint.sentence_ids[1:], checkpoint.bank_LE[kept], checkpoint.glosses,
    )  # fmt: skip
    texts = splits.texts(smaller, found.test.corpus)
    assert sorted(texts.ids) == sorted(found.texts.ids)
    whole = found.texts.anchors[found.texts.ids == gone]
    np.testing.assert_allclose(texts.anchors[texts.ids == gone], whole, atol=1e-5)


def test_two_ids_of_one_sentence_share_its_text(checkpoint, found):
    test = found.test.corpus
    other = replace(test, labels=test.labels + 1000)  # the same sentences under ids of their own
    texts = splits.texts(checkpoint, other)
    assert sorted(texts.ids) == sorted(found.texts.ids)
    assert texts.of_test.tolist() == test.labels.tolist()


def test_glosses_of_a_model_that_reads_none_are_refused(checkpoint, found):
    silent = replace(checkpoint, glosses=Words.of([]))
    with pytest.raises(KinetraceError, match=r"decoder is ctc.*set it to attention"):
        splits.encoded(silent, found.test.corpus, splits.decoding(silent, trained().params), "ctc")
