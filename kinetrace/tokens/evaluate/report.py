"""How good a tokenizer is on the frozen test split: reconstruction beside rivals, use of the books, bits a second."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from kinetrace import clips, files
from kinetrace.metrics import bootstrap
from kinetrace.metrics.bootstrap import Combine, Interval
from kinetrace.metrics.reconstruction import root_ratio
from kinetrace.params import EvaluateParams
from kinetrace.shards import Shards
from kinetrace.tokens.evaluate import books, example, plots
from kinetrace.tokens.evaluate.judged import Judged, judge, predictions
from kinetrace.tokens.evaluate.scores import RIVALS
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.params import TokensParams
from kinetrace.workload import Job

HEADLINE = ("rmse", "unexplained_variance", "utilization", "perplexity", "bits_per_second/static")
HIGHER_IS_BETTER = ("pck", "utilization", "perplexity", "entropy", "repeats")
NEAR_ONE = "acceleration_ratio"  # neither smoother nor more trembling: no gate could say which of two is worse
Metrics = dict[str, dict[str, Any]]


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and ``plots/``.

    Raises:
        RuntimeError: the codec does not give the codes of a test clip back.
    """
    params: TokensParams = job.params
    shards = Shards.open(job.folders.shards)
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    train, test = (Corpus.of(shards.subset(split), checkpoint.params) for split in ("train", "test"))
    judged = judge(checkpoint, train, test, params.evaluate.pck)
    table = predictions(judged)
    content = report(table, judged, params.evaluate)
    clips.write_table(job.folders.predictions, table[[name for name in table if NEAR_ONE not in str(name)]])
    files.write_json(job.folders.metrics, content)
    with files.staged(job.folders.plots) as folder:
        folder.mkdir()
        plots.curves(folder / "curves.png", pd.read_csv(job.folders.history))
        plots.usage(folder / "usage.png", books.levels(judged.train, judged.spec))
        plots.reconstruction(folder / "reconstruction.png", content["metrics"], judged.spec.parts)
        for name, clip in zip(("film.gif", "worst.gif"), example.median_and_worst(table), strict=True):
            example.film(folder / name, checkpoint, test, clip)


def report(table: pd.DataFrame, judged: Judged, params: EvaluateParams) -> dict[str, Any]:
    """The content of ``metrics.json``."""
    return {
        "headline": list(HEADLINE),
        "metrics": measured(table, judged, params) | _streams(judged) | _usage(judged),
        "codebooks": _codebooks(judged),
        "test_clips": len(table),
        "test_subjects": sorted(set(table.subject)),
        "test_digest": files.digest_of(sorted(table.digest)),
    }


def metric(name: str, found: Interval | float, baselines: Mapping[str, float]) -> dict[str, Any]:
    """A row of ``metrics``; None for what could not be measured, and for bounds where resampling would be biased."""
    value = found if isinstance(found, Interval) else Interval(found, np.nan, np.nan)
    kind = name.rsplit("/")[-1]
    return {
        "value": books.known(value.value),
        "low": books.known(value.low),
        "high": books.known(value.high),
        "better": "near 1" if kind == NEAR_ONE else "higher" if kind in HIGHER_IS_BETTER else "lower",
        "baselines": {rival: figure for rival, figure in baselines.items() if np.isfinite(figure)},
    }


def measured(table: pd.DataFrame, judged: Judged, params: EvaluateParams) -> Metrics:
    """What sums over clips give, with intervals over sentences and subjects; RMSE out of the mean squared error."""
    clusters = [table.label_id.to_numpy(), table.subject.to_numpy(dtype=str)]
    interval = partial(
        bootstrap.interval, clusters=clusters, resamples=params.resamples, confidence=params.confidence,
        seed=params.seed,
    )  # fmt: skip
    found: Metrics = {}
    for name in [str(column).removesuffix("/numerator") for column in table if str(column).endswith("/numerator")]:
        sums = table[[f"{name}/numerator", f"{name}/denominator"]].to_numpy(np.float64)
        found[name] = metric(name, interval(sums, bootstrap.ratio), _baselines(name, judged, bootstrap.ratio))
        if name.endswith("mse"):
            root = f"{name.removesuffix('mse')}rmse"
            found[root] = metric(root, interval(sums, root_ratio), _baselines(name, judged, root_ratio))
    return found


def _baselines(name: str, judged: Judged, combine: Combine) -> dict[str, float]:
    """What the rivals reach, and what the codes cost as they are."""
    if name.startswith("bits_per_second"):
        return {} if name.endswith("raw") else {"raw": _per_second(judged, "raw")}
    columns = [f"{name}/numerator", f"{name}/denominator"]
    if columns[0] not in judged.sums[RIVALS[0]]:
        return {}
    return {rival: float(combine(judged.sums[rival][columns].to_numpy().sum(0)[None])[0]) for rival in RIVALS}


def _per_second(judged: Judged, way: str) -> float:
    return float(judged.total_bits(way).sum() / judged.seconds.sum())


def _streams(judged: Judged) -> Metrics:
    """Bits whose number depends on all clips before, so that clips cannot be drawn anew."""
    names = {way: f"bits_per_second/{way}" for way in ("adaptive", "presence")}
    rivals = {"adaptive": {"raw": _per_second(judged, "raw")}, "presence": {}}
    return {name: metric(name, _per_second(judged, way), rivals[way]) for way, name in names.items()}


def _usage(judged: Judged) -> Metrics:
    """Each book over the training clips, and the worst of them there and over the test clips.

    A resample holds fewer distinct codes than the clips themselves: without intervals.
    """
    train, test = (books.levels(codes, judged.spec) for codes in (judged.train, judged.test))
    found = {
        f"{level.name}/{figure}": metric(figure, value, {"uniform": level.uniform[figure]})
        for level in train
        for figure, value in level.figures.items()
    }
    for prefix, known in (("", train), ("test/", test)):
        for figure in ("utilization", "perplexity"):
            level = books.worst(known, figure)
            found[f"{prefix}{figure}"] = metric(figure, level.figures[figure], {"uniform": level.uniform[figure]})
    return found


def _codebooks(judged: Judged) -> dict[str, Any]:
    """Of each part: its books, and bits a second in each way."""
    detail = books.detail(judged.train, judged.test, judged.spec)
    for part, bits in judged.bits.items():
        detail[part]["bits_per_second"] = {
            way: float(found.sum() / judged.seconds.sum()) for way, found in bits.items()
        }
    return detail
