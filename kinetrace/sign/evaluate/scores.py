"""How each test clip fared: where searches found its sentence, how similar it is to texts, and what was said for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.metrics import retrieval, text
from kinetrace.sign.evaluate import ranking
from kinetrace.sign.evaluate.ranking import Ranking, Ratio
from kinetrace.sign.evaluate.splits import Encoded, Splits


@dataclass(frozen=True)
class Scores:
    """Of each test clip: ``rankings`` by search, cosine to its own sentence's text and, on average, to the others'.

    ``nearest``: ``[N]`` the sentence id of the most similar training clip. ``references`` and ``hypotheses`` are
    without case, accents and punctuation, which the decoder's vocabulary lacks. ``signed`` are the glosses of the
    clips and ``read`` those that the CTC head found; None where there is no such head or a clip has no glosses.
    """

    rankings: dict[str, Ranking]
    nearest: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    references: list[str]
    hypotheses: list[str]
    signed: Sequence[str] | None
    read: Sequence[str]


def score(splits: Splits) -> Scores:
    """Search for each test clip in every direction, and compare it with all texts."""
    gallery, test, texts = splits.gallery, splits.test, splits.texts
    to_gallery, to_text = test.embeddings @ gallery.embeddings.T, test.embeddings @ texts.anchors.T
    to_test = test.embeddings @ test.embeddings.T
    searches = ranking.sign_to_sign(to_gallery, to_test, test.labels, gallery.labels, test.subjects) | {
        ranking.TO_TEXT: ranking.to_labels(to_text, texts.of_test, texts.ids),
        ranking.FROM_TEXT: ranking.from_texts(to_text, texts.of_test, texts.ids),
    }
    labels, by_label = retrieval.label_scores(to_gallery, gallery.labels)
    own = texts.ids[None] == texts.of_test[:, None]
    return Scores(
        rankings={stem: searches[stem] for stem in ranking.TITLES if stem in searches},
        nearest=labels[by_label.argmax(1)],
        positive=(to_text * own).sum(1),
        negative=np.where(own, 0, to_text).sum(1) / np.maximum((~own).sum(1), 1),
        references=text.normalized(test.corpus.sentences),
        hypotheses=text.normalized(test.hypotheses),
        signed=test.corpus.glosses if test.glosses and all(test.corpus.glosses) else None,
        read=test.glosses,
    )


def predictions(test: Encoded, scores: Scores) -> pd.DataFrame:
    """One row a test clip: what was right, what was answered, and each metric's numerator and denominator."""
    clips = test.corpus.shards.clips
    table = clips[["clip_id", "digest", "subject", "label_id"]].assign(
        truth=scores.references,
        hypothesis=scores.hypotheses,
        nearest_label_id=scores.nearest,
        rank=scores.rankings[ranking.GALLERY].ranks,
        text_rank=scores.rankings[ranking.TO_TEXT].ranks,
    )
    columns = {
        f"{name}/{part}": np.asarray(values, dtype=np.float64)
        for name, sums in ratios(scores).items()
        for part, values in zip(("numerator", "denominator"), sums, strict=True)
    }
    return table.assign(**columns)


def ratios(scores: Scores) -> dict[str, Ratio]:
    """Every metric that is a quotient of sums over clips: numerators and denominators ``[N]``."""
    found: dict[str, Ratio] = {}
    for stem, searched in scores.rankings.items():
        found |= ranking.ratios(stem, searched)
    one = np.ones(len(scores.nearest))
    if scores.signed is not None:
        found["gloss_wer"] = text.word_errors(scores.signed, scores.read)
    return found | {
        "wer": text.word_errors(scores.references, scores.hypotheses),
        "exact": (text.exact(scores.references, scores.hypotheses), one),
        "rouge_l": (text.rouge_l(scores.references, scores.hypotheses), one),
        "pos_sim": (scores.positive, one),
        "neg_sim": (scores.negative, one),
    }
