import numpy as np
import pytest
import torch

from kinetrace.sign.model import inference
from kinetrace.sign.model.ctc import Words, best_path
from kinetrace.sign.model.decoder import beam_search
from kinetrace.sign.model.inference import Decoding, encode_corpus
from kinetrace.sign.model.text import Vocabulary
from tests.sign.models import VOCABULARY, clip, corpus, model, pad

WORDS = Vocabulary(("<pad>", "<begin>", "<end>", *"abcdef"), "minilm")
SIGNS = Words(("<blank>", "x", "y", "z"))
SPOKEN = Decoding(WORDS, SIGNS, beams=2, max_tokens=5, length_penalty=1.0)
CLIPS = [clip(length, seed) for seed, length in enumerate([9, 30, 2, 17, 24, 5])]


@pytest.fixture(scope="module")
def made():
    found = model()
    found.decoder.embed.weight.data *= 3
    return found


@pytest.fixture(scope="module")
def answers(made, tmp_path_factory):
    assert len(WORDS.pieces) == VOCABULARY
    return encode_corpus(made, corpus(tmp_path_factory.mktemp("clips"), CLIPS, [0] * 6), decoding=SPOKEN)


def test_every_clip_is_answered_in_the_order_of_the_corpus(made, answers):
    assert answers.embeddings.dtype == np.float32
    for row, frames in enumerate(CLIPS):
        with torch.inference_mode():
            embedding, tokens, mask = made(*pad([frames]))
        np.testing.assert_allclose(answers.embeddings[row], embedding[0], atol=1e-5)
        [[best]] = beam_search(made.decoder, tokens, mask, SPOKEN.search)
        assert answers.hypotheses[row] == WORDS.text(best.ids)
        with torch.inference_mode():
            assert answers.glosses[row] == SIGNS.text(best_path(made.gloss(tokens), mask)[0])
        assert answers.scores[row] == pytest.approx(best.score, abs=1e-5)
    assert any(answers.hypotheses) and any(answers.glosses)


def test_the_order_of_clips_does_not_matter(made, answers, tmp_path):
    order = [4, 0, 5, 2, 1, 3]
    shuffled = corpus(tmp_path, [CLIPS[index] for index in order], [0] * 6)
    found = encode_corpus(made, shuffled, decoding=SPOKEN)
    np.testing.assert_allclose(found.embeddings, answers.embeddings[order], atol=1e-5)
    assert found.hypotheses == [answers.hypotheses[index] for index in order]
    np.testing.assert_allclose(found.scores, answers.scores[order], atol=1e-5)


@pytest.mark.parametrize("size", [1, 4])
def test_the_size_of_batches_does_not_matter(made, answers, tmp_path, monkeypatch, size):
    monkeypatch.setattr(inference, "BATCH", size)
    found = encode_corpus(made, corpus(tmp_path, CLIPS, [0] * 6), decoding=SPOKEN)
    np.testing.assert_allclose(found.embeddings, answers.embeddings, atol=1e-5)
    assert found.hypotheses == answers.hypotheses


def test_sentences_are_generated_only_when_asked_for(made, answers, tmp_path):
    found = encode_corpus(made, corpus(tmp_path, CLIPS, [0] * 6))
    assert found.hypotheses == [""] * 6 and np.isnan(found.scores).all()
    np.testing.assert_array_equal(found.embeddings, answers.embeddings)


def test_repeated_answers_are_bit_identical(made, answers, tmp_path):
    found = encode_corpus(made, corpus(tmp_path, CLIPS, [0] * 6), decoding=SPOKEN)
    np.testing.assert_array_equal(found.embeddings, answers.embeddings)
