"""How well the workflow grammar foretells the next step of real work: each sequence judged by all the others."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from experiments.backoff import RULES, surprises
from experiments.data import BUILD, SHARED
from experiments.trial import commit, kept
from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.metrics.bootstrap import Interval, interval, paired_difference, ratio
from kinetrace.operations.data.recordings import Segment
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.grammar import Grammar

SMOOTHING = 0.5
ORDERS = {"order 1": 1, "order 2": 2}
BITS = np.array([np.log(2), 1])  # surprise in nats, and steps
RESAMPLES, CONFIDENCE, SEED = 2000, 0.95, 0
Sequences = Mapping[str, Sequence[Segment]]


def temporal(name: str) -> Sequences:
    """Recordings of a table of steps; skipped steps (start -1) and background (NA) left out, the rest by time."""
    import pandas as pd

    table = pd.read_csv(SHARED / name, dtype={"label": str}, keep_default_na=False)
    table = table[(table.start >= 0) & (table.label != "NA")].sort_values(["seq", "start"], kind="stable")
    return _grouped(table.seq, table.start, table.end, table.label)


def openpack(name: str) -> Sequences:
    """Operations of one session by the box that was packed; Null left out."""
    import pandas as pd

    table = pd.read_csv(SHARED / name, keep_default_na=False)
    table = table[table.operation != "Null"]
    begin, end = (pd.to_datetime(column) for column in (table.start, table.end))
    seconds = ((times - begin.min()).dt.total_seconds() for times in (begin, end))
    return _grouped(table.box, *seconds, table.operation)


def _grouped(*columns: Any) -> Sequences:
    found: dict[str, list[Segment]] = defaultdict(list)
    for name, start, end, label in zip(*columns, strict=True):
        found[str(name)].append(Segment(float(start), float(end), str(label)))
    return dict(found)


# Title, file, and how it is read.
SOURCES: Mapping[str, tuple[str, Callable[[str], Sequences]]] = {
    "cooking (CaptainCook4D)": ("temporal/captaincook4d.csv.gz", temporal),
    "furniture (IKEA ASM)": ("temporal/ikea_asm_test.csv.gz", temporal),
    "packing (OpenPack)": ("openpack_u0209/annotation/openpack-operations/S0500.csv", openpack),
}


@dataclass(frozen=True)
class StepTrial:
    """One data set; like ``Trial``, but nothing is trained."""

    data: str

    @property
    def name(self) -> str:
        """For people."""
        return f"next step of {self.data}"

    @property
    def path(self) -> Path:
        """Where the result lies: it is that of the data set and what is chosen here."""
        chosen = [self.data, SMOOTHING, [*RULES], RESAMPLES, CONFIDENCE, SEED]
        return BUILD / "steps" / f"{files.digest_of(chosen)[:16]}.json"

    def prepare(self) -> None:
        """Raises:
        KinetraceError: the data set is not at hand.
        """
        if not (SHARED / SOURCES[self.data][0]).is_file():
            raise KinetraceError(f"{SHARED / SOURCES[self.data][0]} is missing: this experiment needs it")

    def result(self) -> dict[str, Any]:
        """The figures, from the file that an earlier run left, or measured now."""
        return kept(self.path, self._measure)

    def _measure(self) -> dict[str, Any]:
        name, read = SOURCES[self.data]
        return {"trial": dataclasses.asdict(self), "commit": commit(), **figures([*read(name).values()])}


def trials(seeds: int) -> Iterator[StepTrial]:
    """Every data set, once: nothing is drawn."""
    yield from map(StepTrial, SOURCES)


def figures(sequences: Sequence[Sequence[Segment]]) -> dict[str, Any]:
    """Of each way to foretell: the share of steps that it got right and its perplexity, with bounds over sequences."""
    sequences = [sequence for sequence in sequences if len(sequence) > 1]
    labels = sorted({segment.label for sequence in sequences for segment in sequence})
    judged = [_judged(place, sequences, labels) for place in range(len(sequences))]
    sums = {way: np.array([one[way] for one in judged]) for way in judged[0]}  # [sequences, 3]: hits, surprise, steps
    right = {way: values[:, [0, 2]] for way, values in sums.items()}
    gains = {f"right over {other}": _gain(right["order 2"], right[other]) for other in ("bigram", "order 1")}
    gains["bits"] = _gain(sums["order 1"][:, 1:] / BITS, sums["order 2"][:, 1:] / BITS)
    return {
        "sequences": len(sequences),
        "labels": len(labels),
        "steps": int(sums["bigram"][:, 2].sum()),
        "figures": {way: _figures(values, way in ORDERS) for way, values in sums.items()},
        "gains": {what: _named("value", found) for what, found in gains.items()},
        "rules": _rules(sequences, labels),
    }


def _judged(held: int, sequences: Sequence[Sequence[Segment]], labels: Sequence[str]) -> dict[str, list[float]]:
    """By way to foretell: how many steps of one sequence it got right, the surprise in nats, and how many there are."""
    rest = [*sequences[:held], *sequences[held + 1 :]]
    steps = [segment.label for segment in sequences[held]]
    plain = {"majority": _majority(rest), "bigram": _bigram(rest)}
    found = {way: [float(sum(map(says, steps[:-1], steps[1:]))), 0.0] for way, says in plain.items()}
    for way, order in ORDERS.items():
        grammar = Grammar.fit(rest, labels, GrammarParams(order=order, smoothing=SMOOTHING, weight=1.0))
        count = len(steps) - 1
        found[way] = [grammar.accuracy([steps]) * count, float(np.log(grammar.perplexity([steps]))) * count]
    return {way: [*values, len(steps) - 1] for way, values in found.items()}


Says = Callable[[str, str], bool]  # the true step now and the next: is it the one foretold?


def _majority(rest: Sequence[Sequence[Segment]]) -> Says:
    usual = _most_common(Counter(segment.label for sequence in rest for segment in sequence))
    return lambda now, then: then == usual


def _bigram(rest: Sequence[Sequence[Segment]]) -> Says:
    """The most frequent successor of the true step; after a step that was never followed, the most frequent step."""
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for sequence in rest:
        for now, then in pairwise(sequence):
            followers[now.label][then.label] += 1
    likeliest, otherwise = {now: _most_common(found) for now, found in followers.items()}, _majority(rest)
    return lambda now, then: then == likeliest[now] if now in likeliest else otherwise(now, then)


def _most_common(counts: Counter[str]) -> str:
    """Of equally frequent ones the first by name."""
    return min(counts, key=lambda label: (-counts[label], label))


def _figures(sums: np.ndarray, foretells_chances: bool) -> dict[str, float]:
    bounds = partial(interval, clusters=(), resamples=RESAMPLES, confidence=CONFIDENCE, seed=SEED)
    found = _named("accuracy", bounds(sums[:, [0, 2]], ratio))
    if foretells_chances:
        found |= _named("perplexity", bounds(sums[:, 1:], lambda drawn: np.exp(ratio(drawn))))
    return found


def _named(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _gain(candidate: np.ndarray, champion: np.ndarray) -> Interval:
    return paired_difference(candidate, champion, (), RESAMPLES, CONFIDENCE, SEED)


def _rules(sequences: Sequence[Sequence[Segment]], labels: Sequence[str]) -> dict[str, list[float]]:
    """By rule of back-off the perplexity at order 1 and 2."""
    steps = [[labels.index(segment.label) for segment in sequence] for sequence in sequences]
    judged = [
        surprises(own, [*steps[:held], *steps[held + 1 :]], len(labels), SMOOTHING) for held, own in enumerate(steps)
    ]
    nats = {name: np.concatenate([one[name] for one in judged], axis=1) for name in RULES}
    return {name: np.exp(values.mean(axis=1)).tolist() for name, values in nats.items()}
