"""How good a model is on the frozen test split: metrics with intervals, beside chance and a nearest neighbour.

Retrieval ranks *sentences*: a sentence scores by its most similar training clip (Ret, MRR) or by its text (Inst).
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from kinetrace import clips, files
from kinetrace.metrics import bootstrap, retrieval, text
from kinetrace.metrics.embedding import unit
from kinetrace.params import EvaluateParams
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import plots
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.inference import Decoding, encode_corpus
from kinetrace.sign.params import SignParams
from kinetrace.workload import Job

NEIGHBOUR_FRAMES = 16  # frames a clip is resampled to for the nearest-neighbour baseline


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


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and ``plots/``."""
    params: SignParams = job.params
    shards = Shards.open(job.folders.shards)
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    gallery = Corpus.of(shards.subset("train"), params.model.max_frames)
    test = Corpus.of(shards.subset("test"), params.model.max_frames)
    model = checkpoint.model
    known = encode_corpus(model, gallery).embeddings
    answers = encode_corpus(model, test, decoding=decoding(checkpoint, params))
    anchors, ids = text_anchors(checkpoint, test)
    scores = score(answers.embeddings, answers.hypotheses, known, gallery, test, anchors, ids)
    baselines = trivial(gallery, test)
    table = predictions(test, scores)
    clips.write_table(job.folders.predictions, table)
    files.write_json(job.folders.metrics, report(table, test, scores, baselines, params.evaluate))
    with files.staged(job.folders.plots) as folder:
        folder.mkdir()
        plots.curves(folder / "curves.png", pd.read_csv(job.folders.history))
        plots.similarities(folder / "similarity.png", scores.positive, scores.negative)
        plots.embedding_map(folder / "embeddings.png", answers.embeddings, test.sentences, subjects(test))
        plots.confusions(folder / "confusions.png", confused(gallery, test, scores))


def decoding(checkpoint: Checkpoint, params: SignParams) -> Decoding:
    """How the test clips' sentences are generated."""
    asked = params.evaluate
    return Decoding(checkpoint.vocabulary, asked.beams, params.model.max_tokens, asked.length_penalty)


def subjects(corpus: Corpus) -> np.ndarray:
    """``[N]`` the person of each clip."""
    names: np.ndarray = corpus.shards.clips.subject.to_numpy(dtype=str)
    return names


def text_anchors(checkpoint: Checkpoint, test: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Projected texts of every sentence of training and test, ``[L, D]``, and their ids ``[L]``."""
    import torch

    from kinetrace.sign.model.text import embed

    fresh = {
        label: sentence
        for label, sentence in zip(test.labels.tolist(), test.sentences, strict=True)
        if label not in checkpoint.sentence_ids
    }
    bank_LE = checkpoint.bank_LE
    if fresh:
        bank_LE = torch.cat([bank_LE, torch.from_numpy(embed(list(fresh.values()), checkpoint.vocabulary.encoder))])
    with torch.inference_mode():
        anchors = checkpoint.model.project_text(bank_LE).numpy()
    return anchors, np.array([*checkpoint.sentence_ids, *fresh])


def score(
    queries: np.ndarray, hypotheses: list[str], known: np.ndarray, gallery: Corpus, test: Corpus,
    anchors: np.ndarray, ids: np.ndarray,
) -> Scores:  # fmt: skip
    """Rank the sentences for each test clip; ``queries`` and ``known`` are normalized embeddings."""
    similarity = queries @ known.T
    labels, by_label = retrieval.label_scores(similarity, gallery.labels)
    to_text = queries @ anchors.T
    own = ids[None] == test.labels[:, None]
    return Scores(
        clip_ranks=retrieval.ranks(similarity, test.labels, gallery.labels),
        text_ranks=retrieval.ranks(to_text, test.labels, ids),
        positive=(to_text * own).sum(1),
        negative=np.where(own, 0, to_text).sum(1) / np.maximum((~own).sum(1), 1),
        references=text.normalized(test.sentences),
        hypotheses=text.normalized(hypotheses),
        nearest=labels[by_label.argmax(1)],
    )


def predictions(test: Corpus, scores: Scores) -> pd.DataFrame:
    """One row a test clip: what was right, what was answered, and each metric's numerator and denominator."""
    rows = test.shards.clips
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


LOWER_IS_BETTER = ("wer", "neg_sim")
HEADLINE = ("ret1", "mrr", "inst1", "wer")


def report(
    table: pd.DataFrame, test: Corpus, scores: Scores, baselines: dict[str, dict[str, float]], params: EvaluateParams
) -> dict[str, object]:
    """The content of ``metrics.json``: each metric's value and interval over sentences and subjects."""
    clusters = [table.label_id.to_numpy(), table.subject.to_numpy(dtype=str)]
    interval = partial(
        bootstrap.interval, clusters=clusters, resamples=params.resamples, confidence=params.confidence,
        seed=params.seed,
    )  # fmt: skip
    found = {}
    for name in [str(column).removesuffix("/numerator") for column in table if str(column).endswith("/numerator")]:
        sums = table[[f"{name}/numerator", f"{name}/denominator"]].to_numpy()
        found[name] = interval(sums, bootstrap.ratio)
    found["bleu"] = interval(text.bleu_statistics(scores.references, scores.hypotheses), text.bleu_of)
    metrics = {
        name: {
            "value": value.value,
            "low": value.low,
            "high": value.high,
            "better": "lower" if name in LOWER_IS_BETTER else "higher",
            "baselines": {kind: values[name] for kind, values in baselines.items() if name in values},
        }
        for name, value in found.items()
    }
    return {
        "headline": list(HEADLINE),
        "metrics": metrics,
        "test_clips": len(test),
        "test_subjects": sorted(set(subjects(test).tolist())),
        "test_sentences": len(set(test.labels.tolist())),
        "test_digest": files.digest_of(sorted(table.digest)),
        "bleu_signature": text.bleu(scores.references, scores.hypotheses).signature,
        "chrf": text.chrf(scores.references, scores.hypotheses)._asdict(),
    }


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


def confused(gallery: Corpus, test: Corpus, scores: Scores, most: int = 15) -> list[tuple[str, str, int]]:
    """(true sentence, answered sentence, clips): the commonest wrong answers."""
    names = dict(zip(gallery.labels.tolist(), gallery.sentences, strict=True))
    wrong = np.flatnonzero(scores.nearest != test.labels).tolist()
    pairs = Counter((test.sentences[index], names[int(scores.nearest[index])]) for index in wrong)
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(true, answered, number) for (true, answered), number in ordered[:most]]
