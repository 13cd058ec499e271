"""How close a generated sentence is to the reference: word errors, BLEU, chrF, exact match.

Sentences are taken as they are: case and punctuation count, as in jiwer's default transformation, which only
trims and collapses white space before splitting at spaces. References and hypotheses are ``[N]`` strings in
the same order; ValueError if their numbers differ.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, combining, normalize

import numpy as np

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

ORDERS = 4  # n-gram orders of BLEU


class Score(NamedTuple):
    """A corpus score from 0 to 100, and sacrebleu's signature, which says how it was computed."""

    value: float
    signature: str


def words(sentences: Sequence[str]) -> list[list[str]]:
    """The words of each sentence, as jiwer's default transformation gives them; none in an empty sentence."""
    from jiwer.transformations import wer_default

    return [wer_default([sentence])[0] for sentence in sentences]


def normalized(sentences: Sequence[str]) -> list[str]:
    """Lower case, without accents and punctuation, single spaces: for models whose vocabulary lacks them."""
    return [" ".join("".join(map(_plain, normalize("NFKD", text.lower()))).split()) for text in sentences]


def _plain(mark: str) -> str:
    if combining(mark):
        return ""
    return " " if category(mark)[0] in "PS" else mark


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Substitutions, deletions and insertions of the best alignment, and words of the reference.

    The corpus word error rate, jiwer's ``wer``, is ``errors.sum() / words.sum()``, not the mean of the quotients.

    Returns:
        Both ``[N]`` int64.
    """
    from rapidfuzz.distance import Levenshtein

    pairs = list(zip(words(references), words(hypotheses), strict=True))
    errors = [Levenshtein.distance(reference, hypothesis) for reference, hypothesis in pairs]
    return np.array(errors, np.int64), np.array([len(reference) for reference, _ in pairs], np.int64)


def exact(references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
    """``[N]`` bool: the same words in the same order."""
    pairs = zip(words(references), words(hypotheses), strict=True)
    return np.array([reference == hypothesis for reference, hypothesis in pairs], bool)


def bleu(references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    """Corpus BLEU (Papineni et al. 2002; Post 2018): tokenizer 13a, exponential smoothing.

    A corpus of sentences under four words scores 0, even if each is exact.
    """
    from sacrebleu.metrics.bleu import BLEU

    return _corpus(BLEU(), references, hypotheses)


def chrf(references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    """Corpus chrF2: F-score of character n-grams up to 6 (Popović 2015)."""
    from sacrebleu.metrics.chrf import CHRF

    return _corpus(CHRF(), references, hypotheses)


def bleu_statistics(references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
    """``[N, 10]`` int64, additive: hypothesis and reference length, 4 counts of matched n-grams, 4 of all n-grams."""
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(effective_order=True)  # changes the sentence's score alone, not its counts
    pairs = zip(references, hypotheses, strict=True)
    scores = [metric.sentence_score(hypothesis, [reference]) for reference, hypothesis in pairs]
    rows = [[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores]
    return np.array(rows, np.int64).reshape(-1, 2 + 2 * ORDERS)


def bleu_of(statistics: np.ndarray) -> np.ndarray:
    """Corpus BLEU of summed ``bleu_statistics``: ``[R, 10]`` gives ``[R]``, equal to sacrebleu's."""
    from sacrebleu.metrics.bleu import BLEU

    scores = [
        BLEU.compute_bleu(counts[:ORDERS], counts[ORDERS:], hypothesis, reference, smooth_method="exp").score
        for hypothesis, reference, *counts in np.rint(statistics).astype(np.int64).tolist()
    ]
    return np.array(scores, np.float64)


def _corpus(metric: "Metric", references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    if len(references) != len(hypotheses) or not references:
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses: expected as many, at least 1")
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score(float(value), str(metric.get_signature()))
