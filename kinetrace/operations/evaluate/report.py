"""How good a model of work steps is on the frozen test split: figures with intervals, beside what needs no video."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kinetrace import clips as tables
from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.metrics import figures, temporal
from kinetrace.metrics.figures import Figure
from kinetrace.operations.data import sequences
from kinetrace.operations.data.recordings import NULL
from kinetrace.operations.data.sequences import WINDOW
from kinetrace.operations.evaluate import plots, sampling, work
from kinetrace.operations.evaluate.baselines import Trivial, operations
from kinetrace.operations.evaluate.scores import baselines, predictions, scored
from kinetrace.operations.evaluate.timelines import Timeline, timelines
from kinetrace.operations.model import kinds
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.params import OperationsEvaluateParams, OperationsParams
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.shards import Shards
from kinetrace.workload import Job

HEADLINE = ("oca", "tiou", "aa1", "f1@50/viterbi")
BY_CLIP = ("oca", "tiou", "aa1")  # the headline metrics that parts of the test split have
GROUPS = {
    "operation of a clip": ("oca",),
    "its start and end": ("tiou", "tiou@0.3", "tiou@0.5", "tiou@0.7"),
    "next operation": ("aa1", "aa5", "live_aa1"),
}
WAYS = {
    "frames": "whole recordings, moment by moment",
    "live": "whole recordings, live with the grammar",
    "viterbi": "whole recordings, looking back with the grammar",
}


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and ``plots/``.

    Raises:
        KinetraceError: there is no test clip by which a model could be judged.
    """
    params: OperationsParams = job.params
    shards = Shards.open(job.folders.shards)
    model = kinds.load(job.folders.checkpoint, params.model.kind, job.folders.workspace.cache)
    train, test = shards.subset("train").clips, shards.subset("test")
    if not counted(test.clips).any():
        raise KinetraceError(
            f"{job.folders.shards} has no test clip around a boundary or amid an operation: give longer recordings, or "
            "split otherwise"
        )
    predicted = model.predict(test)
    judged = Judged.of(train, test.clips, predicted, model.labels, params.evaluate)
    table = predictions(judged.clips, judged.predicted, model.labels)
    content = report(judged, table, params.evaluate) | ({"answers": dict(model.stages)} if model.stages else {})
    content["samplers"] = sampling.compare(model, chosen(test), params.evaluate)
    tables.write_table(job.folders.predictions, table)
    files.write_json(job.folders.metrics, content)
    with files.staged(job.folders.plots) as folder:
        folder.mkdir()
        plots.curves(folder / "curves.png", pd.read_csv(job.folders.history))
        plots.confusions(folder / "confusions.png", judged.confusion_shares, model.labels)
        plots.timelines(folder / "timelines.png", judged.lines, judged.answers, model.labels)
        plots.samplers(folder / "samplers.png", content["samplers"])


def counted(clips: pd.DataFrame) -> np.ndarray:
    """``[N]`` bool: the clips by which a model is judged: around boundaries and amid operations, breaks left out."""
    return ((clips.kind != WINDOW) & (clips.label != NULL)).to_numpy(bool)


def chosen(shards: Shards) -> Shards:
    """The clips by which a model is judged."""
    return Shards(shards.folder, shards.clips[counted(shards.clips)].reset_index(drop=True))


class Judged:
    """A test split with a model's answers: ``clips`` that count and their ``predicted``, and whole recordings."""

    def __init__(
        self, clips: pd.DataFrame, predicted: Predicted, lines: list[Timeline], grammar: Grammar, trivial: Trivial,
        labels: Sequence[str],
    ) -> None:  # fmt: skip
        self.clips, self.predicted, self.lines = clips, predicted, lines
        self.grammar, self.trivial, self.labels = grammar, trivial, labels
        self.answers = work.read(lines, grammar)

    @classmethod
    def of(
        cls, train: pd.DataFrame, test: pd.DataFrame, predicted: Predicted, labels: Sequence[str],
        params: OperationsEvaluateParams,
    ) -> "Judged":  # fmt: skip
        """Grammar and baselines from the training clips' truth; ``predicted`` is of all of ``test``."""
        kept = counted(test)
        grammar = Grammar.fit(sequences.work(train), labels, params.grammar)
        lines, trivial = timelines(test, predicted, labels), Trivial.of(train, labels)
        return cls(test[kept].reset_index(drop=True), predicted.take(kept), lines, grammar, trivial, labels)

    @property
    def confusion(self) -> np.ndarray:
        """``[K, K]`` clips by true and answered operation."""
        true = operations(self.clips.label, self.labels)
        return temporal.confusion(true, self.predicted.operation_CK.argmax(axis=1), len(self.labels))

    @property
    def confusion_shares(self) -> np.ndarray:
        """The same as shares of the true ones."""
        found: np.ndarray = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        return found


def report(judged: Judged, table: pd.DataFrame, params: OperationsEvaluateParams) -> dict[str, Any]:
    """The content of ``metrics.json``; ``groups`` are its metrics by what they are about, for people."""
    metrics = by_clip(judged, table, params) | by_recording(judged, params)
    named = {title: [name for name in names if name in metrics] for title, names in GROUPS.items()}
    ways = {WAYS[way]: [name for name in metrics if name.endswith(f"/{way}")] for way in WAYS}
    return {
        "headline": [name for name in HEADLINE if name in metrics],
        "metrics": metrics,
        "groups": [{"title": title, "metrics": names} for title, names in (named | ways).items() if names],
        "slices": figures.slices(parts(judged.clips), table, BY_CLIP, params),
        "worst_pair": worst_pair(judged),
        "test_clips": len(table),
        "test_recordings": len(judged.lines),
        "test_subjects": sorted(set(table.subject)),
        "test_digest": files.digest_of(sorted(table.digest)),
    }


def by_clip(judged: Judged, table: pd.DataFrame, params: OperationsEvaluateParams) -> dict[str, Any]:
    """Metrics of clips, with intervals over operations and subjects."""
    beside = baselines(judged.clips, judged.predicted, judged.trivial, judged.labels)
    return {
        name: _shown(
            name, figures.ratio(name, table, params), {kind: _mean(found, name) for kind, found in beside.items()}
        )
        for name in scored(judged.clips, judged.predicted, judged.labels)
    }


def _mean(found: Mapping[str, np.ndarray], name: str) -> float:
    values = found.get(name, np.array([np.nan]))
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def by_recording(judged: Judged, params: OperationsEvaluateParams) -> dict[str, Any]:
    """Metrics of whole recordings in each way of reading them, with intervals where there are several."""
    lines, classes = judged.lines, len(judged.labels)
    if not lines:
        return {}
    trivial = work.judged(lines, work.majority(lines, judged.trivial), classes)
    names = pd.DataFrame({"label_id": 0, "subject": [line.subject for line in lines]})  # people are drawn, not labels
    found = {}
    for way, answers in judged.answers.items():
        for name, additive in work.judged(lines, answers, classes).items():
            figure = _additive(additive, names, params)
            found[f"{name}/{way}"] = _shown(name, figure, {work.MAJORITY: trivial[name].value})
    return found | {"live_aa1": _shown("live_aa1", _additive(work.forecast(lines, judged.grammar), names, params), {})}


def _additive(additive: work.Additive, names: pd.DataFrame, params: OperationsEvaluateParams) -> Figure:
    """One recording says nothing of others: then without an interval."""
    if len(names) == 1:
        return figures.plain(additive.value)
    return figures.bounded(additive.sums, additive.combine, names, params)


def _shown(name: str, figure: Figure, beside: Mapping[str, float]) -> dict[str, Any]:
    known = {kind: value for kind, value in beside.items() if np.isfinite(value)}
    return figure | {"better": figures.better(name), "baselines": known}


def worst_pair(judged: Judged) -> dict[str, Any] | None:
    """The two operations that are most often taken for each other."""
    found = temporal.worst_pair(judged.confusion, judged.labels)
    return vars(found) if found else None


def parts(clips: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind, name and members of each subject, kind of clip and operation, and of the published thirty."""
    for kind in ("subject", "kind", "label"):
        for name in sorted(set(clips[kind])):
            yield kind.replace("label", "operation"), name, (clips[kind] == name).to_numpy(bool)
    if "first30" in clips and clips.first30.any():
        yield "protocol", "first 30 clips of U0108", clips.first30.to_numpy(bool)
