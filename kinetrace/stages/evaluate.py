"""Evaluate: how good the model is on the frozen test split, with intervals and baselines."""

from collections.abc import Sequence
from typing import Any

from kinetrace.files import read_json
from kinetrace.workload import Job
from kinetrace.workspace import Folders


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and the plots."""
    job.workload.evaluate(job)


def summary(folders: Folders) -> str:
    """The headline metrics with interval and baselines, in a line."""
    content = read_json(folders.metrics)
    metrics: dict[str, Any] = content["metrics"]
    named = content.get("headline") or sorted(metrics)
    return f"{content['test_clips']} test clips: " + "; ".join(words(name, metrics[name]) for name in named)


def tables(content: dict[str, Any]) -> list[tuple[str, list[dict[str, str]]]]:
    """Title and rows of each table that shows ``metrics.json``: metrics by ``groups`` where it has any, ``slices``."""
    named = {name for group in content.get("groups", ()) for name in group["metrics"]}
    rest = [name for name in content["metrics"] if name not in named]
    grouped = [("", rows(content | {"metrics": {name: content["metrics"][name] for name in rest}}))]
    for group in content.get("groups", ()):
        chosen = {name: content["metrics"][name] for name in group["metrics"]}
        grouped.append((group["title"], rows({"headline": list(chosen), "metrics": chosen})))
    grouped.append(
        ("parts of the test split", [_part(part, content["headline"]) for part in content.get("slices", ())])
    )
    return [(title, found) for title, found in grouped if found]


def _part(part: dict[str, Any], headline: Sequence[str]) -> dict[str, str]:
    """A part of the test split, with a headline metric and its interval a column."""
    metrics = {name: words("", part["metrics"][name]).strip() for name in headline if name in part["metrics"]}
    return {"by": part["by"], "part": part["name"], "clips": str(part["clips"]), **metrics}


def rows(content: dict[str, Any]) -> list[dict[str, str]]:
    """One row a metric of ``metrics.json``: value, interval, which way is better, and each baseline."""
    metrics: dict[str, Any] = content["metrics"]
    kinds = sorted({kind for metric in metrics.values() for kind in metric.get("baselines") or {}})
    first = [name for name in content.get("headline", ()) if name in metrics]
    named = [*first, *sorted(set(metrics) - set(first))]
    return [_row(name, metrics[name], kinds) for name in named]


def _row(name: str, metric: dict[str, Any], kinds: list[str]) -> dict[str, str]:
    baselines = metric.get("baselines") or {}
    interval = f"{figure(metric['low'])} to {figure(metric['high'])}" if _has_interval(metric) else ""
    row = {"metric": name, "value": figure(metric["value"]), "interval": interval, "better": metric["better"]}
    return row | {kind: figure(baselines[kind]) if kind in baselines else "" for kind in kinds}


def words(name: str, metric: dict[str, Any]) -> str:
    """A metric for people: ``ret1 0.83 [0.78, 0.88] (chance 0.02)``."""
    baselines = ", ".join(f"{key} {figure(value)}" for key, value in sorted((metric.get("baselines") or {}).items()))
    value, low, high = (figure(metric[part]) for part in ("value", "low", "high"))
    said = f"{name} {value} [{low}, {high}]" if _has_interval(metric) else f"{name} {value}"
    return f"{said} ({baselines})" if baselines else said


def _has_interval(metric: dict[str, Any]) -> bool:
    """Some figures have none: distinct codes are fewer in every resample than in the clips themselves."""
    return metric["low"] is not None or metric["high"] is not None


def figure(value: float | None) -> str:
    """Three digits; None is what could not be measured."""
    return "unknown" if value is None else f"{value:.3g}"
