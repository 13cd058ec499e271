"""A metric's value with its interval, resampled by label and subject, and those of parts of the test split."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.metrics import bootstrap
from kinetrace.metrics.bootstrap import Combine
from kinetrace.params import EvaluateParams

CLUSTERS = ("label_id", "subject")
LOWER_IS_BETTER = ("wer", "neg_sim", "median_rank", "alignment", "uniformity", "ece")  # how their names end
Figure = dict[str, Any]  # ``value``, ``low`` and ``high``, None where unknown


def ratio(name: str, table: pd.DataFrame, params: EvaluateParams) -> Figure:
    """The metric ``name`` of a table of predictions, a quotient of sums over its rows."""
    return bounded(table[[f"{name}/numerator", f"{name}/denominator"]].to_numpy(), bootstrap.ratio, table, params)


def bounded(statistics: np.ndarray, combine: Combine, table: pd.DataFrame, params: EvaluateParams) -> Figure:
    """A function of sums over clips, ``[N, S]``; ``table`` says whose clips they are."""
    clusters = [table[name].to_numpy() for name in CLUSTERS]
    found = bootstrap.interval(statistics, combine, clusters, params.resamples, params.confidence, params.seed)
    return {"value": known(found.value), "low": known(found.low), "high": known(found.high)}


def slices(
    parts: Iterable[tuple[str, str, np.ndarray]], table: pd.DataFrame, names: Sequence[str], params: EvaluateParams
) -> list[dict[str, Any]]:
    """Of each part (kind, name, members ``[N]`` bool): its clips, and the metrics ``names`` of the predictions."""
    return [
        {
            "by": kind,
            "name": name,
            "clips": int(chosen.sum()),
            "metrics": {metric: ratio(metric, table[chosen], params) for metric in names},
        }
        for kind, name, chosen in parts
    ]


def plain(value: float) -> Figure:
    """A figure over pairs of clips, which cannot be drawn anew clip by clip: without an interval."""
    return {"value": known(value), "low": None, "high": None}


def known(value: float) -> float | None:
    """NaN as None: JSON has no such number."""
    return float(value) if np.isfinite(value) else None


def better(name: str) -> str:
    """Which way the metric ``name`` is better."""
    return "lower" if name.endswith(LOWER_IS_BETTER) else "higher"
