"""How good a model is on the frozen test split: metrics with intervals, beside chance and other trivial answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from kinetrace import clips, files
from kinetrace.metrics import figures, retrieval, text
from kinetrace.metrics.figures import Figure
from kinetrace.params import EvaluateParams
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import plots, ranking, refusal, rerank
from kinetrace.sign.evaluate.baselines import Figures, shape, trivial
from kinetrace.sign.evaluate.confusions import confusions
from kinetrace.sign.evaluate.scores import Scores, predictions, ratios, score
from kinetrace.sign.evaluate.slices import slices
from kinetrace.sign.evaluate.splits import Splits, encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.params import SignParams
from kinetrace.workload import Job

HEADLINE = ("ret1", "mrr", "inst1", "wer")
GLOSSES = "gloss_wer"  # of data with glosses
SENTENCES = ("wer", "gloss_wer", "exact", "bleu", "chrf", "rouge_l")
SPACE = ("pos_sim", "neg_sim", "effective_rank", "alignment", "uniformity")


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and ``plots/``."""
    params: SignParams = job.params
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    splits = encode(checkpoint, Shards.open(job.folders.shards), params)
    scores, refused = score(splits), refusal.run(splits, checkpoint, params)
    table = predictions(splits.test, scores)
    content = refused.added_to(report(table, splits, scores, params.evaluate))
    references = refusal.references_of(splits.gallery, checkpoint)
    table, content = rerank.added(table, content, splits, references, params.evaluate)
    clips.write_table(job.folders.predictions, table)
    files.write_json(job.folders.metrics, content)
    gallery, test = splits.gallery, splits.test
    with files.staged(job.folders.plots) as folder:
        folder.mkdir()
        plots.curves(folder / "curves.png", pd.read_csv(job.folders.history))
        plots.similarities(folder / "similarity.png", scores.positive, scores.negative)
        plots.embedding_map(folder / "embeddings.png", test.embeddings, test.corpus.sentences, test.subjects)
        plots.confusions(folder / "confusions.png", confusions(gallery.corpus, test.corpus, scores.nearest))
        plots.refusal(folder / "refusal.png", refused.curve, refused.reliability)
        plots.slices(folder / "slices.png", content["slices"], {name: content["metrics"][name] for name in HEADLINE})


def report(table: pd.DataFrame, splits: Splits, scores: Scores, params: EvaluateParams) -> dict[str, Any]:
    """The content of ``metrics.json``; ``groups`` are its metrics by what they are about, for people."""
    test = splits.test
    baselines = trivial(splits.gallery, test, scores, params.seed)
    metrics = {
        name: figure | {"better": figures.better(name), "baselines": beside(name, baselines)}
        for name, figure in measured(table, splits, scores, params).items()
    }
    return {
        "headline": list(HEADLINE),
        "metrics": metrics,
        "groups": groups(scores),
        "slices": slices(test.corpus.shards.clips, table, HEADLINE, params),
        "test_clips": len(test),
        "test_subjects": sorted(set(test.subjects.tolist())),
        "test_sentences": len(set(test.labels.tolist())),
        "test_digest": files.digest_of(sorted(table.digest)),
        "bleu_signature": text.bleu(scores.references, scores.hypotheses).signature,
        "chrf_signature": text.chrf(scores.references, scores.hypotheses).signature,
    }


def beside(name: str, baselines: Mapping[str, Figures]) -> Figures:
    """What each kind of baseline has for the metric ``name``, where it could be measured."""
    return {kind: found[name] for kind, found in baselines.items() if np.isfinite(found.get(name, np.nan))}


def measured(table: pd.DataFrame, splits: Splits, scores: Scores, params: EvaluateParams) -> dict[str, Figure]:
    """Every metric with its interval over sentences and subjects, where clips can be drawn anew."""
    found = {name: figures.ratio(name, table, params) for name in ratios(scores)}
    for stem, searched in scores.rankings.items():
        places, counts = retrieval.rank_counts(searched.ranks, searched.weights)
        middle = partial(retrieval.median_rank, places=places)
        found[ranking.median(stem)] = figures.bounded(counts, middle, table, params)
    said = scores.references, scores.hypotheses
    found["bleu"] = figures.bounded(text.bleu_statistics(*said), text.bleu_of, table, params)
    found["chrf"] = figures.bounded(text.chrf_statistics(*said), text.chrf_of, table, params)
    spread = shape(splits.test.embeddings, splits.test.labels)
    return found | {name: figures.plain(value) for name, value in spread.items()}


def groups(scores: Scores) -> list[dict[str, Any]]:
    """Title and metrics of each, in the order in which people should read them."""
    searches = [
        {"title": ranking.TITLES[stem], "metrics": list(ranking.figures(stem, searched))}
        for stem, searched in scores.rankings.items()
    ]
    return [
        *searches,
        {"title": "sentences", "metrics": [name for name in SENTENCES if name != GLOSSES or scores.signed is not None]},
        {"title": "embedding space", "metrics": list(SPACE)},
    ]
