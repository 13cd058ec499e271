"""What stands beside each figure: chance, a constant answer, a nearest neighbour on raw frames."""

import numpy as np

from kinetrace.metrics import retrieval, text
from kinetrace.metrics.embedding import unit
from kinetrace.sign.model.batches import Corpus

NEIGHBOUR_FRAMES = 16  # frames a clip is resampled to for the nearest-neighbour baseline


def trivial(gallery: Corpus, test: Corpus) -> dict[str, dict[str, float]]:
    """Baselines: ``chance``, the ``constant`` commonest training sentence, ``nearest_neighbour`` on raw features."""
    sentences = dict(zip(gallery.labels.tolist(), gallery.sentences, strict=True))
    count = len(sentences)
    chance = {
        "ret1": 1 / count, "ret5": min(1.0, 5 / count), "inst1": 1 / count,
        "mrr": float(np.mean(1 / np.arange(1, count + 1))),
    }  # fmt: skip
    values, counts = np.unique(gallery.labels, return_counts=True)
    commonest = sentences[int(values[counts.argmax()])]
    similarity = neighbour_similarity(test, gallery)
    ranks = retrieval.ranks(similarity, test.labels, gallery.labels)
    answered = [gallery.sentences[index] for index in similarity.argmax(1)]
    neighbour = {
        "ret1": retrieval.recall_at(ranks, 1), "ret5": retrieval.recall_at(ranks, 5),
        "mrr": retrieval.mean_reciprocal_rank(ranks),
    }  # fmt: skip
    return {
        "chance": chance,
        "constant": _text_scores(test.sentences, [commonest] * len(test)),
        "nearest_neighbour": neighbour | _text_scores(test.sentences, answered),
    }


def _text_scores(sentences: list[str], answers: list[str]) -> dict[str, float]:
    references, hypotheses = text.normalized(sentences), text.normalized(answers)
    errors, words = text.word_errors(references, hypotheses)
    return {
        "wer": float(errors.sum() / words.sum()),
        "exact": float(np.mean(text.exact(references, hypotheses))),
        "bleu": text.bleu(references, hypotheses).value,
    }


def neighbour_similarity(test: Corpus, gallery: Corpus) -> np.ndarray:
    """``[N, M]`` cosine of raw frames at even distances, each value standardized over the gallery."""
    asked, known = raw_frames(test), raw_frames(gallery)
    mean, std = known.mean((0, 1)), known.std((0, 1))
    asked, known = ((frames - mean) / np.where(std > 1e-6, std, 1) for frames in (asked, known))
    return unit(asked.reshape(len(asked), -1)) @ unit(known.reshape(len(known), -1)).T


def raw_frames(corpus: Corpus) -> np.ndarray:
    """``[N, 16, 540]``: what was recorded, without centring or scaling."""
    clips = (corpus.frames(index) for index in range(len(corpus)))
    return np.stack([clip[np.linspace(0, len(clip) - 1, NEIGHBOUR_FRAMES).round().astype(int)] for clip in clips])
