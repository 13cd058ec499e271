"""The frame samplers against each other: the same model, as many frames of each clip from every sampler."""

import json
from typing import Any, get_args

import pandas as pd

from kinetrace.metrics import bootstrap, figures, temporal
from kinetrace.operations.data.samplers import boundary_recall
from kinetrace.operations.evaluate.scores import Values, scored
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.kinds import Model
from kinetrace.operations.params import OperationsEvaluateParams, SamplerName, SamplerParams
from kinetrace.parallel import progress
from kinetrace.shards import Shards

NEAR = 0.25  # seconds from a boundary
COMPARED = ("oca", "tiou", "aa1")
REFERENCE = "uniform"


def compare(model: Model, shards: Shards, params: OperationsEvaluateParams) -> list[dict[str, Any]]:
    """A row a sampler: boundaries that have a chosen frame near, and metrics with their change against ``uniform``.

    The change has a paired interval, over the same resamples of clips for both.
    """
    names: list[str] = list(get_args(SamplerName))
    found = {}
    for name in progress(iter(names), len(names), "samplers"):
        sampler = model.params.sampler.model_copy(update={"name": name, "frames": params.sampled_frames})
        values = scored(shards.clips, model.predict(shards, sampler), model.labels)
        found[name] = (recall(shards, sampler), values)
    return [_row(name, *found[name], found[REFERENCE][1], shards.clips, params) for name in names]


def recall(shards: Shards, sampler: SamplerParams) -> float | None:
    """The share of boundaries inside the clips with a chosen frame within ``NEAR`` seconds; None without boundaries."""
    corpus = Corpus(shards, Geometry.of(shards.clips), 32, sampler)
    hits = total = 0
    for index, told in enumerate(shards.clips.segments):
        times = corpus.times(index)[corpus.choice(index)].tolist()
        some, of = boundary_recall(times, inner(told, times[-1]), NEAR)
        hits, total = hits + some, total + of
    return hits / total if total else None


def inner(told: str, last: float) -> list[float]:
    """The boundaries between segments of a clip, in seconds from its start, as far as its frames go."""
    starts = [start for start, _, _ in json.loads(told)][1:]
    return [start for start in starts if 0 < start < last]


def _row(
    name: str, near: float | None, values: Values, reference: Values, clips: pd.DataFrame,
    params: OperationsEvaluateParams,
) -> dict[str, Any]:  # fmt: skip
    metrics = {}
    for metric in COMPARED:
        own, other = temporal.terms(values[metric]), temporal.terms(reference[metric])
        clusters = [clips[kind].to_numpy() for kind in figures.CLUSTERS]
        change = bootstrap.paired_difference(own, other, clusters, params.resamples, params.confidence, params.seed)
        metrics[metric] = figures.bounded(own, bootstrap.ratio, clips, params) | {
            "change": figures.known(change.value), "change_low": figures.known(change.low),
            "change_high": figures.known(change.high),
        }  # fmt: skip
    return {"sampler": name, "frames": params.sampled_frames, "boundary_recall": near, "metrics": metrics}
