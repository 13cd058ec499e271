"""What a second look at the best clips gives: the same search re-ranked, beside the first on the same clips."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.metrics import bootstrap, figures, retrieval
from kinetrace.metrics.figures import CLUSTERS, Figure, known
from kinetrace.params import EvaluateParams
from kinetrace.sign.evaluate.splits import Encoded, Splits
from kinetrace.sign.params import SignEvaluateParams
from kinetrace.sign.runtime.rerank import Reranker
from kinetrace.sign.runtime.search import References, search

FIRST = ("ret1", "mrr")  # metrics of the first search that the second look has too
AGAIN = "_reranked"


@dataclass(frozen=True)
class Reranked:
    """Of each test clip: ``scores`` ``[N, L]`` of the sentences ``ids`` ``[L]`` after both looks.

    ``distances`` and ``dtw_scores`` ``[N]`` are those of the nearest clip in the second look.
    """

    ids: np.ndarray
    scores: np.ndarray
    distances: np.ndarray
    dtw_scores: np.ndarray


def reranked(gallery: Encoded, asked: Encoded, references: References, params: SignEvaluateParams) -> Reranked:
    """The search of every clip ``asked`` among those of the ``gallery``, looked at again: what is served."""
    reranker = Reranker.of(params.rerank, gallery.tokens, gallery.labels)
    similarity = asked.embeddings @ gallery.embeddings.T
    first = search(asked.embeddings, references, params.fusion).fused
    looks = [reranker.look(tokens, row) for tokens, row in zip(asked.tokens, similarity, strict=True)]
    both = [reranker.both(row, references.places_N, look).fused_L for row, look in zip(first, looks, strict=True)]
    return Reranked(
        references.sentence_ids_L,
        np.stack(both),
        np.array([look.distances.min() for look in looks]),
        np.array([look.scores.max() for look in looks]),
    )


def added(
    table: pd.DataFrame, content: dict[str, Any], splits: Splits, references: References, params: SignEvaluateParams
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictions and ``metrics.json`` with the second look in them; as they are where it is off.

    Metrics ``ret1_reranked`` and ``mrr_reranked`` have the first search as a baseline; ``rerank.gain`` is what it adds.
    """
    if not params.rerank.alpha:
        return table, content
    found = reranked(splits.gallery, splits.test, references, params)
    table = table.assign(**columns(found, references.same_words(splits.test.labels)))
    metrics = {f"{name}{AGAIN}": _metric(name, table, content, params) for name in FIRST}
    return table, content | {
        "metrics": content["metrics"] | metrics,
        "groups": [*content["groups"], {"title": "sign to sign, looked at again", "metrics": list(metrics)}],
        "rerank": {"gain": {name: gain(name, table, params) for name in FIRST}},
    }


def _metric(name: str, table: pd.DataFrame, content: dict[str, Any], params: EvaluateParams) -> dict[str, Any]:
    first = {"first_search": content["metrics"][name]["value"]}
    better = figures.better(f"{name}{AGAIN}")
    return figures.ratio(f"{name}{AGAIN}", table, params) | {"better": better, "baselines": first}


def columns(found: Reranked, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What a row of the predictions says: the answer, the nearest clip, and each metric's sums."""
    ranks = retrieval.ranks(found.scores, labels, found.ids)
    ratios = {"ret1": (ranks <= 1).astype(float), "mrr": 1 / ranks}
    sums = {f"{name}{AGAIN}/numerator": values for name, values in ratios.items()}
    return {
        "reranked_label_id": found.ids[found.scores.argmax(1)],
        "dtw_distance": found.distances,
        "dtw_score": found.dtw_scores,
        **sums,
        **{f"{name}{AGAIN}/denominator": np.ones(len(ranks)) for name in ratios},
    }


def gain(name: str, table: pd.DataFrame, params: EvaluateParams) -> Figure:
    """What the second look adds to the metric ``name``, with its interval: the same resamples for both."""
    first, again = (table[[f"{one}/numerator", f"{one}/denominator"]].to_numpy() for one in (name, f"{name}{AGAIN}"))
    clusters = [table[kind].to_numpy() for kind in CLUSTERS]
    found = bootstrap.paired_difference(again, first, clusters, params.resamples, params.confidence, params.seed)
    return {"value": known(found.value), "low": known(found.low), "high": known(found.high)}
