"""How well whole recordings are read: moment by moment, as the grammar mends it live, and looking back at all of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kinetrace.metrics import segmental, temporal
from kinetrace.metrics.bootstrap import Combine, ratio
from kinetrace.operations.evaluate.baselines import Trivial
from kinetrace.operations.evaluate.timelines import Timeline
from kinetrace.operations.runtime.filtering import filtered
from kinetrace.operations.runtime.grammar import Grammar
from kinetrace.operations.runtime.viterbi import viterbi

OVERLAPS = (10, 25, 50)  # per cent
MAJORITY = "majority"
Read = Callable[[Timeline], np.ndarray]  # the label of each moment, [T]


@dataclass(frozen=True)
class Additive:
    """What is summed over R recordings, ``[R, S]``, and the metric that its sum gives."""

    sums: np.ndarray
    combine: Combine

    @property
    def value(self) -> float:
        return float(self.combine(self.sums.sum(axis=0, keepdims=True))[0])


def ways(grammar: Grammar) -> Mapping[str, Read]:
    """How labels follow from posteriors: ``frames`` alone, ``live`` from the past, ``viterbi`` from all."""
    return {
        "frames": lambda line: line.posteriors_TK.argmax(axis=1),
        "live": lambda line: filtered(line.posteriors_TK, line.fps, grammar).now_TK.argmax(axis=1),
        "viterbi": lambda line: viterbi(line.posteriors_TK, line.fps, grammar),
    }


def read(lines: Sequence[Timeline], grammar: Grammar) -> dict[str, list[np.ndarray]]:
    """By way, the labels ``[T]`` of each recording."""
    return {way: [labels(line) for line in lines] for way, labels in ways(grammar).items()}


def majority(lines: Sequence[Timeline], trivial: Trivial) -> list[np.ndarray]:
    """The operation that takes most of the time in training, at every moment."""
    return [trivial.majority_moments(len(line.true_T)) for line in lines]


def judged(lines: Sequence[Timeline], answers: Sequence[np.ndarray], classes: int) -> dict[str, Additive]:
    """``macro_f1`` at one moment a second, ``f1@10`` to ``f1@50`` of segments, and ``edit``, of one way's answers."""
    seconds = [temporal.last_of_seconds(np.arange(len(line.true_T)) / line.fps) for line in lines]
    truth = [line.true_T[kept] for line, kept in zip(lines, seconds, strict=True)]
    said = [answer[kept] for answer, kept in zip(answers, seconds, strict=True)]
    true = [segmental.segments(line.true_T) for line in lines]
    given = [
        segmental.segments(segmental.without_null(answer, line.true_T))
        for answer, line in zip(answers, lines, strict=True)
    ]
    found = {"macro_f1": Additive(temporal.class_counts(truth, said, classes), temporal.macro_f1)}
    for overlap in OVERLAPS:
        counts = segmental.counts(true, given, overlap / 100)
        found[f"f1@{overlap}"] = Additive(segmental.f1_terms(counts), ratio)
    return found | {"edit": Additive(temporal.terms(segmental.edit(true, given)), ratio)}


def forecast(lines: Sequence[Timeline], grammar: Grammar) -> Additive:
    """``live_aa1``: the share of moments, one a second, at which the live filter names the next operation."""
    rows = [_forecast(line, grammar) for line in lines]
    return Additive(np.array(rows, np.float64).reshape(-1, 2), ratio)


def _forecast(line: Timeline, grammar: Grammar) -> np.ndarray:
    following = next_operation(line.true_T)
    kept = temporal.last_of_seconds(np.arange(len(following)) / line.fps)
    named = temporal.named(filtered(line.posteriors_TK, line.fps, grammar).next_TK[kept], following[kept])
    return temporal.terms(named).sum(axis=0)


def next_operation(labels_T: np.ndarray) -> np.ndarray:
    """``[T]``: at each moment of an operation the one after it; -1 in breaks and where nothing follows."""
    found = segmental.segments(labels_T)
    following = segmental.Segments(
        found.starts, found.ends, np.append(found.labels[1:], temporal.NULL)[: len(found.labels)]
    )
    return segmental.at(following, np.arange(len(labels_T)))
