import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from kinetrace.metrics import text

WORDS = st.sampled_from(["tea", "Tea", "tea,", "i", "want", "don't", "é", "?", "コ", "a.b"])
GAPS = st.sampled_from([" ", "  ", " \t ", "\t", "\n", "\u00a0"])


@st.composite
def sentences(draw, least=0):
    words = draw(st.lists(WORDS, min_size=least, max_size=7))
    return draw(st.sampled_from(["", " "])) + "".join(word + draw(GAPS) for word in words)


def pairs(least=0):
    return st.lists(st.tuples(sentences(least), sentences()), min_size=1, max_size=8).map(
        lambda rows: zip(*rows, strict=True)
    )


@given(pairs(least=1))
def test_summed_word_errors_are_jiwers_rate(rows):
    references, hypotheses = map(list, rows)
    errors, words = text.word_errors(references, hypotheses)
    assert errors.sum() / words.sum() == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-12)


def test_the_rate_is_the_corpus_rate_not_the_mean_over_sentences():
    errors, words = text.word_errors(["a b c d", "e"], ["a b c d", "f"])
    assert (errors.tolist(), words.tolist()) == ([0, 1], [4, 1])


def test_case_and_punctuation_count_and_white_space_does_not():
    errors, _ = text.word_errors(["i want tea"] * 3, ["I want tea", "i want tea.", "  i   want tea "])
    assert errors.tolist() == [1, 1, 0]


def test_empty_sentences():
    errors, words = text.word_errors(["two words", "", ""], ["", "one", ""])
    assert (errors.tolist(), words.tolist()) == ([2, 1, 0], [2, 0, 0])
    assert text.exact(["two words", "", ""], ["", "one", ""]).tolist() == [False, False, True]


@given(pairs())
def test_exact_means_no_word_error(rows):
    references, hypotheses = map(list, rows)
    errors, _ = text.word_errors(references, hypotheses)
    np.testing.assert_array_equal(text.exact(references, hypotheses), errors == 0)


@given(pairs())
def test_bleu_of_summed_statistics_is_sacrebleus(rows):
    references, hypotheses = map(list, rows)
    statistics = text.bleu_statistics(references, hypotheses)
    reference = BLEU().corpus_score(hypotheses, [references]).score
    assert text.bleu_of(statistics.sum(axis=0, keepdims=True))[0] == pytest.approx(reference, abs=1e-9)
    assert text.bleu(references, hypotheses).value == pytest.approx(reference, abs=1e-9)


def test_weighted_statistics_are_the_score_of_the_repeated_corpus():
    references = ["the cat is on the mat", "there is a cat on it", "one more here now"]
    hypotheses = ["the cat sat on the mat", "there was a cat on it", "one more there now"]
    weights = np.array([[2.0, 0.0, 3.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    scores = text.bleu_of(weights @ text.bleu_statistics(references, hypotheses))
    for score, counts in zip(scores[:2], weights[:2].astype(int), strict=True):
        repeated = [np.repeat(side, counts).tolist() for side in (references, hypotheses)]
        assert score == pytest.approx(BLEU().corpus_score(repeated[1], [repeated[0]]).score, abs=1e-9)
    assert scores[2] == 0  # nothing drawn


def test_signatures_say_how_the_score_was_computed():
    value, signature = text.bleu(["i want a hot tea"], ["i want a hot tea"])
    assert value == pytest.approx(100)
    assert "tok:13a" in signature and "smooth:exp" in signature and "version:" in signature
    assert text.chrf(["i want tea"], ["i want tea"]).signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6")


def test_a_short_exact_sentence_scores_no_bleu_but_full_chrf():
    assert text.bleu(["i want tea"], ["i want tea"]).value == 0
    assert text.chrf(["i want tea"], ["i want tea"]).value == pytest.approx(100)


@given(pairs())
def test_chrf_is_sacrebleus(rows):
    references, hypotheses = map(list, rows)
    expected = CHRF().corpus_score(hypotheses, [references]).score
    assert text.chrf(references, hypotheses).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "metric",
    [
        text.word_errors, text.shuffled_word_errors, text.exact, text.rouge_l, text.bleu, text.chrf,
        text.bleu_statistics, text.chrf_statistics,
    ],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_sentences_must_come_in_pairs(metric):
    with pytest.raises(ValueError):
        metric(["one", "two"], ["one"])


def test_no_sentences():
    errors, words = text.word_errors([], [])
    assert errors.shape == words.shape == text.exact([], []).shape == (0,)
    assert text.bleu_statistics([], []).shape == (0, 10)
    assert text.chrf_statistics([], []).shape == (0, 18)
    assert text.rouge_l([], []).shape == text.shuffled_word_errors([], [])[0].shape == (0,)
    with pytest.raises(ValueError, match="at least 1"):
        text.bleu([], [])


def test_normalized_drops_case_accents_and_punctuation():
    assert text.normalized(["Où est le café ?", "DON'T  stop_here!", "", "¿Qué?"]) == [
        "ou est le cafe", "don t stop here", "", "que",
    ]  # fmt: skip


def test_normalized_keeps_the_vowel_signs_of_other_scripts():
    assert text.normalized(["कितना"]) == ["कितना"]


@given(pairs())
def test_chrf_of_summed_statistics_is_sacrebleus(rows):
    references, hypotheses = map(list, rows)
    statistics = text.chrf_statistics(references, hypotheses)
    reference = CHRF().corpus_score(hypotheses, [references]).score
    assert text.chrf_of(statistics.sum(axis=0, keepdims=True))[0] == pytest.approx(reference, abs=1e-9)


def test_chrf_of_nothing_drawn_is_zero():
    assert text.chrf_of(np.zeros((2, 18))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "score"),
    [  # the tests of rouge-score, google-research/rouge/rouge_scorer_test.py
        ("testing one two", "testing one", 4 / 5),
        ("testing one two", "testing two", 4 / 5),
        ("testing one two", "testing", 1 / 2),
        ("testing one two", "", 0),
        ("w1 w2 w3 w4 w5", "/", 0),
        ("1 2 3 4 5", "2 5 3 4", 2 * 3 / 9),
        # Lin 2004, section 3.1: of the same words, the order counts
        ("police killed the gunman", "police kill the gunman", 3 / 4),
        ("police killed the gunman", "the gunman kill police", 1 / 2),
    ],
)
def test_rouge_l_is_that_of_the_reference_implementation(reference, hypothesis, score):
    assert text.rouge_l([reference], [hypothesis])[0] == pytest.approx(score)


@given(pairs())
def test_rouge_l_is_one_for_exact_sentences_alone(rows):
    references, hypotheses = map(list, rows)
    filled = np.array([bool(words) for words in text.words(references)])
    found = text.rouge_l(references, hypotheses)
    np.testing.assert_array_equal(found == 1, text.exact(references, hypotheses) & filled)
    assert ((found >= 0) & (found <= 1)).all()


@given(pairs(least=1))
def test_shuffled_word_errors_are_the_mean_over_all_clips_of_other_sentences(rows):
    references, hypotheses = map(list, rows)
    errors, words = text.shuffled_word_errors(references, hypotheses)
    for index, reference in enumerate(references):
        others = [said for other, said in zip(references, hypotheses, strict=True) if other != reference]
        if others:
            each = text.word_errors([reference] * len(others), others)[0]
            assert errors[index] == pytest.approx(each.mean())
            assert words[index] == len(text.words([reference])[0])
        else:
            assert errors[index] == words[index] == 0


def test_a_decoder_that_does_not_listen_has_the_shuffled_rate():
    references = [f"i want {drink} {number}" for drink in ("tea", "milk", "juice") for number in ("one", "two")]
    deaf = ["i want tea one"] * len(references)
    errors, words = text.word_errors(references, deaf)
    shuffled, _ = text.shuffled_word_errors(references, deaf)
    assert shuffled.sum() == errors.sum()  # the clip does not matter
    listening, _ = text.shuffled_word_errors(references, references)
    assert listening.sum() / words.sum() == pytest.approx((2 * 1 + 1 * 1 + 2 * 2) / 5 / 4)
