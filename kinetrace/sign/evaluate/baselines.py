"""What stands beside each figure: chance, a constant answer, a nearest neighbour on raw frames, shuffled clips."""

from collections.abc import Sequence

import numpy as np

from kinetrace.metrics import embedding, text
from kinetrace.metrics.embedding import unit
from kinetrace.sign.evaluate import ranking
from kinetrace.sign.evaluate.scores import Scores
from kinetrace.sign.evaluate.splits import Encoded
from kinetrace.sign.model.batches import Corpus

NEIGHBOUR_FRAMES = 16  # frames a clip is resampled to for the nearest-neighbour baseline
Figures = dict[str, float]  # by metric


def trivial(gallery: Encoded, test: Encoded, scores: Scores, seed: int) -> dict[str, Figures]:
    """By kind: ``chance``, the ``constant`` commonest training sentence, ``nearest_neighbour`` on raw frames.

    ``shuffled``: the word error rates of what is said and read when clips are shuffled among sentences.
    """
    shuffled: dict[str, tuple[Sequence[str], Sequence[str]]] = {"wer": (scores.references, scores.hypotheses)}
    constant = sentence_figures(scores.references, [commonest(gallery.corpus, gallery.corpus.sentences)] * len(test))
    if scores.signed is not None:
        shuffled["gloss_wer"] = (scores.signed, scores.read)
        answer = [commonest(gallery.corpus, gallery.corpus.glosses)] * len(test)
        constant["gloss_wer"] = rate(text.word_errors(scores.signed, answer))
    return {
        "chance": chance(test, scores, seed),
        "constant": constant,
        "nearest_neighbour": neighbour(gallery, test, scores.references),
        "shuffled": {name: rate(text.shuffled_word_errors(*said)) for name, said in shuffled.items()},
    }


def chance(test: Encoded, scores: Scores, seed: int) -> Figures:
    """Answers in random order, embeddings in random directions."""
    found: Figures = {}
    for stem, searched in scores.rankings.items():
        found |= ranking.chance(stem, searched)
    return found | shape(np.random.default_rng(seed).normal(size=test.embeddings.shape), test.labels)


def shape(embeddings: np.ndarray, labels: np.ndarray) -> Figures:
    """How the embeddings ``[N, D]`` of sentences ``[N]`` lie in their space; NaN where there are too few."""
    return {
        "effective_rank": embedding.effective_rank(unit(embeddings)),
        "alignment": embedding.alignment(embeddings, labels),
        "uniformity": embedding.uniformity(embeddings),
    }


def commonest(gallery: Corpus, texts: Sequence[str]) -> str:
    """That of ``texts``, one a clip, which goes with the sentence of the most training clips."""
    values, counts = np.unique(gallery.labels, return_counts=True)
    return dict(zip(gallery.labels.tolist(), texts, strict=True))[int(values[counts.argmax()])]


def neighbour(gallery: Encoded, test: Encoded, references: list[str]) -> Figures:
    """What the most similar clip gives, by raw frames."""
    asked, known = standardized(test.corpus, gallery.corpus)
    to_gallery = asked @ known.T
    searches = ranking.sign_to_sign(to_gallery, asked @ asked.T, test.labels, gallery.labels, test.subjects)
    found: Figures = {}
    for stem, searched in searches.items():
        found |= ranking.figures(stem, searched)
    return found | sentence_figures(references, [gallery.corpus.sentences[index] for index in to_gallery.argmax(1)])


def rate(errors_and_words: tuple[np.ndarray, np.ndarray]) -> float:
    """Errors a word over all clips; NaN where there is no word."""
    errors, words = errors_and_words
    return float(errors.sum() / words.sum()) if words.any() else float("nan")


def sentence_figures(references: list[str], answers: list[str]) -> Figures:
    """The metrics of sentences, of normalized references and answers as they are."""
    hypotheses = text.normalized(answers)
    return {
        "wer": rate(text.word_errors(references, hypotheses)),
        "exact": float(text.exact(references, hypotheses).mean()),
        "bleu": text.bleu(references, hypotheses).value,
        "chrf": text.chrf(references, hypotheses).value,
        "rouge_l": float(text.rouge_l(references, hypotheses).mean()),
    }


def standardized(test: Corpus, gallery: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors ``[N, 8640]`` of test and gallery: raw frames, each value standardized over the gallery."""
    asked, known = raw_frames(test), raw_frames(gallery)
    mean, std = known.mean((0, 1)), known.std((0, 1))
    asked, known = ((frames - mean) / np.where(std > 1e-6, std, 1) for frames in (asked, known))
    return unit(asked.reshape(len(asked), -1)), unit(known.reshape(len(known), -1))


def raw_frames(corpus: Corpus) -> np.ndarray:
    """``[N, 16, 540]``: what was recorded, without centring or scaling."""
    clips = (corpus.frames(index) for index in range(len(corpus)))
    return np.stack([clip[np.linspace(0, len(clip) - 1, NEIGHBOUR_FRAMES).round().astype(int)] for clip in clips])
