"""How each test clip fared: the place of its sentence, similarities, word errors.

Retrieval ranks *sentences*: a sentence scores by its most similar training clip (Ret, MRR) or by its text (Inst).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.metrics import retrieval, text
from kinetrace.sign.evaluate.splits import Encoded, Splits


@dataclass(frozen=True)
class Scores:
    """Of each test clip: ``ranks`` of its sentence among ``labels`` by clip and by text, similarities, and texts.

    ``references`` and ``hypotheses`` are without case, accents and punctuation, which the decoder's vocabulary lacks.
    """

    clip_ranks: np.ndarray
    text_ranks: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    references: list[str]
    hypotheses: list[str]
    nearest: np.ndarray  # [N] the sentence id that the model would answer


def score(splits: Splits) -> Scores:
    """Rank the sentences for each test clip."""
    gallery, test, texts = splits.gallery, splits.test, splits.texts
    similarity = test.embeddings @ gallery.embeddings.T
    labels, by_label = retrieval.label_scores(similarity, gallery.labels)
    to_text = test.embeddings @ texts.anchors.T
    own = texts.ids[None] == test.labels[:, None]
    return Scores(
        clip_ranks=retrieval.ranks(similarity, test.labels, gallery.labels),
        text_ranks=retrieval.ranks(to_text, test.labels, texts.ids),
        positive=(to_text * own).sum(1),
        negative=np.where(own, 0, to_text).sum(1) / np.maximum((~own).sum(1), 1),
        references=text.normalized(test.corpus.sentences),
        hypotheses=text.normalized(test.hypotheses),
        nearest=labels[by_label.argmax(1)],
    )


def predictions(test: Encoded, scores: Scores) -> pd.DataFrame:
    """One row a test clip: what was right, what was answered, and each metric's numerator and denominator."""
    rows = test.corpus.shards.clips
    table = rows[["clip_id", "digest", "subject", "label_id"]].assign(
        truth=scores.references,
        hypothesis=scores.hypotheses,
        nearest_label_id=scores.nearest,
        rank=scores.clip_ranks,
        text_rank=scores.text_ranks,
    )
    errors, words = text.word_errors(scores.references, scores.hypotheses)
    one = np.ones(len(table))
    ratios = {
        "ret1": (scores.clip_ranks <= 1, one),
        "ret5": (scores.clip_ranks <= 5, one),
        "mrr": (1 / scores.clip_ranks, one),
        "inst1": (scores.text_ranks <= 1, one),
        "pos_sim": (scores.positive, one),
        "neg_sim": (scores.negative, one),
        "wer": (errors, words),
        "exact": (text.exact(scores.references, scores.hypotheses), one),
    }
    for name, (numerator, denominator) in ratios.items():
        table[f"{name}/numerator"] = np.asarray(numerator, dtype=np.float64)
        table[f"{name}/denominator"] = np.asarray(denominator, dtype=np.float64)
    return table
