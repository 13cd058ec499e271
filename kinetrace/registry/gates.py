"""Whether a candidate may become the champion: pure functions from figures and limits to verdicts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kinetrace.errors import KinetraceError
from kinetrace.metrics.bootstrap import Interval, paired_difference
from kinetrace.params import EvaluateParams, PromoteParams
from kinetrace.registry.ledger import Entry

CLUSTERS = ("label_id", "subject")


@dataclass(frozen=True)
class Gate:
    """One condition: ``figure`` against ``limit``; None where there was nothing to measure."""

    name: str
    figure: float | None
    limit: float | None
    passed: bool
    words: str

    def as_dict(self) -> dict[str, Any]:
        """For ``promotion.json``, which holds no NaN."""
        figure = self.figure if self.figure is not None and math.isfinite(self.figure) else None
        return {
            "name": self.name, "figure": figure, "limit": self.limit, "passed": self.passed, "words": self.words,
        }  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` wrote about a model: ``metrics.json`` and one row a test clip."""

    metrics: Mapping[str, Any]
    predictions: pd.DataFrame

    @property
    def test_digest(self) -> str:
        return str(self.metrics["test_digest"])


def known(params: PromoteParams, evaluation: Evaluation) -> None:
    """Every metric that a gate names must exist.

    Raises:
        KinetraceError: names the parameter, and the metrics there are.
    """
    measured = sorted(evaluation.metrics["metrics"])
    comparable = [name for name in measured if set(_columns(name)) <= set(evaluation.predictions.columns)]
    sections: list[tuple[str, Sequence[str], list[str]]] = [
        ("floors", list(params.floors), measured),
        ("ceilings", list(params.ceilings), measured),
        ("no_worse", params.no_worse, comparable),
    ]
    for section, names, there in sections:
        for name in names:
            if name not in there:
                raise KinetraceError(f"promote.{section}: no metric {name!r} (known: {', '.join(there) or 'none'})")


def bounds(params: PromoteParams, metrics: Mapping[str, Any]) -> list[Gate]:
    """Floors and ceilings on the metrics themselves."""
    values = {name: _number(metric["value"]) for name, metric in metrics.items()}
    floors = [_bound("floor", name, values[name], limit) for name, limit in sorted(params.floors.items())]
    return floors + [_bound("ceiling", name, values[name], limit) for name, limit in sorted(params.ceilings.items())]


def _bound(kind: str, name: str, figure: float, limit: float) -> Gate:
    passed = figure >= limit if kind == "floor" else figure <= limit
    sign = "at least" if kind == "floor" else "at most"
    return Gate(f"{kind} {name}", figure, limit, passed, f"{name} is {figure:.4g}, wanted {sign} {limit:g}")


def parity(params: PromoteParams, differences: Mapping[str, Any]) -> Gate:
    """The exported graphs against PyTorch: the largest difference of any."""
    figures = [_number(value) for value in differences.values()]
    figure = math.nan if not figures or any(map(math.isnan, figures)) else max(figures)
    words = f"largest difference of {len(figures)} graphs to PyTorch is {figure:.2g}, wanted at most {params.parity:g}"
    return Gate("parity", figure, params.parity, figure <= params.parity, words)


def intact(problem: str) -> Gate:
    """The bundle as its manifest has it; ``problem`` is empty when it is."""
    return Gate("bundle intact", None, None, not problem, problem or "every file is as the manifest has it")


def kept(rollback: Entry | None) -> Gate:
    """A bundle that a person rolled back comes back by a person only."""
    title = "not rolled back"
    if rollback is None:
        return Gate(title, None, None, True, "nobody rolled this bundle back")
    reason = f"{rollback.who} rolled this bundle back ({rollback.why or 'no reason given'})"
    return Gate(title, None, None, False, f"{reason}: `kinetrace promote` brings it back")


def no_worse(
    name: str, candidate: Evaluation, champion: Evaluation | None, better: str, params: EvaluateParams
) -> Gate:  # fmt: skip
    """Not significantly worse than the champion on the same test clips (paired cluster bootstrap).

    The figure is the end of the interval of the difference that favours the candidate: where even that end
    is worse than 0, the loss is significant.
    """
    title = f"no worse {name}"
    if champion is None:
        return Gate(title, None, None, True, "there is no champion yet")
    missing = [column for column in _columns(name) if column not in champion.predictions.columns]
    if missing:
        return Gate(title, None, 0.0, False, f"cannot be compared: the champion's predictions lack {missing[0]}")
    shared = _shared(name, candidate.predictions, champion.predictions)
    if not len(shared):
        return Gate(title, None, 0.0, False, "cannot be compared: no test clip in common with the champion's test set")
    difference = _difference(name, shared, params)
    figure = difference.high if better == "higher" else difference.low
    passed = figure >= 0 if better == "higher" else figure <= 0
    return Gate(title, figure, 0.0, passed, _words(name, difference, passed, shared, candidate, champion))


def lost(name: str) -> Gate:
    """The champion's predictions are gone, so that nobody can say."""
    words = "cannot be compared: the champion's predictions are gone from its MLflow run; promote it again first"
    return Gate(f"no worse {name}", None, 0.0, False, words)


def _columns(name: str) -> tuple[str, str]:
    return f"{name}/numerator", f"{name}/denominator"


def _shared(name: str, candidate: pd.DataFrame, champion: pd.DataFrame) -> pd.DataFrame:
    """Clips of both test sets, in the order of their digests, so that the order of rows decides nothing."""
    columns = ["digest", *_columns(name)]
    left = candidate[[*columns, *CLUSTERS]].drop_duplicates("digest")
    right = champion[columns].drop_duplicates("digest")
    return left.merge(right, on="digest", suffixes=("", "/champion")).sort_values("digest", kind="stable")


def _difference(name: str, shared: pd.DataFrame, params: EvaluateParams) -> Interval:
    columns = list(_columns(name))
    candidate = shared[columns].to_numpy(dtype=np.float64)
    champion = shared[[f"{column}/champion" for column in columns]].to_numpy(dtype=np.float64)
    if not (np.isfinite(candidate).all() and np.isfinite(champion).all()):
        return Interval(math.nan, math.nan, math.nan)
    clusters = [shared[column].to_numpy() for column in CLUSTERS]
    return paired_difference(candidate, champion, clusters, params.resamples, params.confidence, params.seed)


def _words(
    name: str, difference: Interval, passed: bool, shared: pd.DataFrame, candidate: Evaluation, champion: Evaluation
) -> str:  # fmt: skip
    verdict = "not significantly worse" if passed else "significantly worse"
    if math.isnan(difference.low) or math.isnan(difference.high):
        verdict = "undefined, and so refused"
    words = f"{name} changes by {difference.value:+.4g} [{difference.low:+.4g}, {difference.high:+.4g}]: {verdict}"
    if candidate.test_digest == champion.test_digest:
        return words
    return f"{words}; the test sets differ, decided on the {len(shared)} clips in common"


def _number(value: Any) -> float:
    """A figure out of JSON; what is no number is NaN, which passes nothing."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
