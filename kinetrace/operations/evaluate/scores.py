"""A model's answers about clips as figures a clip, each beside what answers without looking would give."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kinetrace.metrics import spans, temporal
from kinetrace.operations.evaluate.baselines import Trivial, operations, true_spans, whole_clip
from kinetrace.operations.model.predicted import Predicted

OVERLAPS = (0.3, 0.5, 0.7)
TOP = 5
Values = dict[str, np.ndarray]  # by metric: a figure a clip, NaN where the clip does not count


def scored(clips: pd.DataFrame, predicted: Predicted, labels: Sequence[str]) -> Values:
    """``oca``; ``tiou`` and its shares from an overlap on; ``aa1`` and ``aa5`` of the next operation."""
    found = {"oca": temporal.named(predicted.operation_CK, operations(clips.label, labels))}
    return found | _spans(clips, predicted.span_C2) | _next(clips, predicted.next_CK, labels)


def baselines(
    clips: pd.DataFrame, predicted: Predicted, trivial: Trivial, labels: Sequence[str]
) -> dict[str, Mapping[str, np.ndarray]]:
    """By kind of baseline, its figures a clip.

    ``bigram`` names the most frequent successor of the predicted operation, ``bigram of truth`` of the true one, which
    nobody is told.
    """
    true = operations(clips.label, labels)
    majority = {"oca": temporal.named(trivial.majority_operation(len(clips)), true)}
    followed = {"bigram": predicted.operation_CK.argmax(axis=1), "bigram of truth": true}
    return {
        "majority": majority | _next(clips, trivial.majority_next(len(clips)), labels),
        "whole clip": _spans(clips, whole_clip(clips)),
        "position": _spans(clips, trivial.position(clips)),
        **{kind: _next(clips, trivial.bigram(current), labels) for kind, current in followed.items()},
    }


def _spans(clips: pd.DataFrame, predicted_C2: np.ndarray) -> Values:
    overlap = spans.tiou(true_spans(clips), predicted_C2)
    return {"tiou": overlap} | {f"tiou@{limit:g}": spans.reached(overlap, limit) for limit in OVERLAPS}


def _next(clips: pd.DataFrame, scores_CK: np.ndarray, labels: Sequence[str]) -> Values:
    true = operations(clips.next_label, labels)
    return {f"aa{k}": temporal.named(scores_CK, true, k) for k in (1, TOP)}


def predictions(clips: pd.DataFrame, predicted: Predicted, labels: Sequence[str]) -> pd.DataFrame:
    """One row a clip: what was true and answered, and each metric's numerator and denominator."""
    names = np.array(labels, dtype=object)
    table = clips[["clip_id", "digest", "subject", "label_id", "kind", "label", "next_label", "op_start", "op_end"]]
    table = table.assign(
        operation=names[predicted.operation_CK.argmax(axis=1)],
        confidence=predicted.operation_CK.max(axis=1).astype(np.float64),
        start=predicted.span_C2[:, 0].astype(np.float64),
        end=predicted.span_C2[:, 1].astype(np.float64),
        next=names[predicted.next_CK.argmax(axis=1)],
    )
    for name, values in scored(clips, predicted, labels).items():
        table[[f"{name}/numerator", f"{name}/denominator"]] = temporal.terms(values)
    return table
