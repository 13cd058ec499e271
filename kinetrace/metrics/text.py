"""How close a generated sentence is to the reference: word errors, BLEU, chrF, ROUGE-L, exact match.

Sentences are taken as they are: case and punctuation count, as in jiwer's default transformation, which only
trims and collapses white space before splitting at spaces. References and hypotheses are ``[N]`` strings in
the same order; ValueError if their numbers differ.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, combining, normalize

import numpy as np

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

ORDERS = 4  # n-gram orders of BLEU
LETTERS, BETA = 6, 2  # n-gram orders of chrF2, and how much more recall weighs than precision


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


def shuffled_word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Word errors of each reference against the hypothesis of a clip of another sentence, all such clips alike likely.

    ``errors.sum() / words.sum()`` is the word error rate that is expected when clips are shuffled among sentences. By
    construction it is that of a decoder that says just such sentences without heeding its clip: fluent and unrelated.
    One that listens has a rate far below. The mean over all pairs, so that no seed decides it.

    Returns:
        Errors ``[N]`` float64 and words ``[N]`` int64; both 0 where there is no other sentence.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses: expected as many")
    errors, counts = np.zeros(len(references)), np.zeros(len(references), np.int64)
    asked, of_reference = np.unique(np.array(references, dtype=object), return_inverse=True)
    said, of_hypothesis = np.unique(np.array(hypotheses, dtype=object), return_inverse=True)
    candidates = words(said.tolist())
    for number, reference in enumerate(words(asked.tolist())):
        own = of_reference == number
        others = np.bincount(of_hypothesis[~own], minlength=len(said))
        if others.any():
            distances = cdist([reference], candidates, scorer=Levenshtein.distance)[0]
            errors[own], counts[own] = distances @ others / others.sum(), len(reference)
    return errors, counts


def rouge_l(references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
    """``[N]`` float64, ROUGE-L (Lin 2004) of each sentence: the harmonic mean of the shares of words, of reference and
    of hypothesis, that their longest common subsequence covers. 0 where either is empty. The corpus score is the mean.

    As the package rouge-score's ``rougeL`` F-measure, without its own lower case and letters a to z alone.
    """
    from rapidfuzz.distance import LCSseq

    pairs = list(zip(words(references), words(hypotheses), strict=True))
    common = [2 * LCSseq.similarity(reference, hypothesis) for reference, hypothesis in pairs]
    lengths = [len(reference) + len(hypothesis) for reference, hypothesis in pairs]
    return np.array(common, np.float64) / np.maximum(lengths, 1)


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


def chrf_statistics(references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
    """``[N, 18]`` int64, additive: of character n-grams of order 1 to 6 those of hypothesis, of reference, of both."""
    rows = [
        [count for order in range(1, LETTERS + 1) for count in _letters(reference, hypothesis, order)]
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    return np.array(rows, np.int64).reshape(-1, 3 * LETTERS)


def _letters(reference: str, hypothesis: str, order: int) -> tuple[int, int, int]:
    wanted, said = (_grams("".join(sentence.split()), order) for sentence in (reference, hypothesis))
    # as sacrebleu: an order that the reference is too short for counts nothing
    return (said.total() if wanted else 0), wanted.total(), (wanted & said).total()


def _grams(letters: str, order: int) -> Counter[str]:
    return Counter(letters[start : start + order] for start in range(len(letters) - order + 1))


def chrf_of(statistics: np.ndarray) -> np.ndarray:
    """Corpus chrF2 of summed ``chrf_statistics``: ``[R, 18]`` gives ``[R]``, equal to sacrebleu's."""
    said, wanted, both = np.moveaxis(np.asarray(statistics, np.float64).reshape(-1, LETTERS, 3), -1, 0)
    counted = (said > 0) & (wanted > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision, recall = ((both * counted / np.maximum(total, 1)).sum(axis=1) / orders for total in (said, wanted))
    weighed = BETA**2 * precision + recall
    score: np.ndarray = 100 * (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)
    return score


def _corpus(metric: "Metric", references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    if len(references) != len(hypotheses) or not references:
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses: expected as many, at least 1")
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score(float(value), str(metric.get_signature()))
