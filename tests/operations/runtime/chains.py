"""Tiny chains, and every path through them: what the decoders are judged against."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from hypothesis import strategies as st

from kinetrace.operations.data.recordings import NULL, Segment
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.durations import hazards
from kinetrace.operations.runtime.evidence import evidence
from kinetrace.operations.runtime.grammar import Grammar

FPS = 2.0


def segments(labels: str, seconds: list[float] | float = 1.0) -> list[Segment]:
    """One segment a letter, without gaps; "-" is Null."""
    lengths = [seconds] * len(labels) if isinstance(seconds, float) else seconds
    ends = np.cumsum(lengths).tolist()
    return [
        Segment(end - length, end, NULL if label == "-" else label)
        for label, length, end in zip(labels, lengths, ends, strict=True)
    ]


def fit(*recordings: str, labels: str = "abc", order: int = 2, weight: float = 1.0, seconds: float = 1.0) -> Grammar:
    params = GrammarParams(order=order, smoothing=0.5, weight=weight)
    return Grammar.fit([segments(recording, seconds) for recording in recordings], list(labels), params)


@st.composite
def grammars(draw: st.DrawFn, labels: str = "abc") -> Grammar:
    letters = st.text(alphabet=labels + "-", min_size=1, max_size=8)
    texts = draw(st.lists(letters, min_size=1, max_size=4).filter(lambda found: any(set(t) - {"-"} for t in found)))
    lengths = st.floats(0.3, 3.0, allow_nan=False)
    recordings = [segments(text, [draw(lengths) for _ in text]) for text in texts]
    params = GrammarParams(order=draw(st.integers(1, 2)), smoothing=0.5, weight=draw(st.sampled_from([0.3, 1.0])))
    return Grammar.fit(recordings, list(labels), params)


@st.composite
def problems(draw: st.DrawFn, frames: int = 5) -> tuple[Grammar, np.ndarray]:
    """A grammar and posteriors ``[T, K]`` of up to ``frames`` frames."""
    grammar = draw(grammars())
    values = st.floats(0.0, 1.0, allow_nan=False)
    rows = draw(st.lists(st.tuples(values, values, values), min_size=1, max_size=frames))
    posteriors = np.array(rows) + 1e-3
    return grammar, posteriors / posteriors.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Way:
    """One of all paths: operations as (label, frames), and its log-probability with the evidence."""

    operations: tuple[tuple[int, int], ...]
    score: float
    names: tuple[str, ...]

    @property
    def labels(self) -> list[int]:
        return [label for label, length in self.operations for _ in range(length)]


def ways(grammar: Grammar, posteriors_TK: np.ndarray) -> Iterator[Way]:
    """Every sequence of operations that fills the frames; written without any dynamic programming."""
    spoken, ends = evidence(posteriors_TK, grammar), hazards(grammar.durations, FPS)
    total, count = spoken.shape
    for cuts in product([False, True], repeat=total - 1):
        edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), total]
        lengths = np.diff(edges).tolist()
        for labels in product(range(count), repeat=len(lengths)):
            operations = tuple(zip(labels, lengths, strict=True))
            frames = [label for label, length in operations for _ in range(length)]
            own = sum(spoken[place, label] for place, label in enumerate(frames))
            names = tuple(grammar.labels[label] for label in labels)
            yield Way(operations, float(own) + _prior(grammar, operations, names, ends), names)


@cache
def following(grammar: Grammar, history: tuple[str, ...]) -> np.ndarray:
    """Paths ask for the same history over and over."""
    return grammar.next_distribution(history)


def _prior(
    grammar: Grammar, operations: tuple[tuple[int, int], ...], names: tuple[str, ...], ends: np.ndarray
) -> float:
    score = 0.0
    for place, (label, length) in enumerate(operations):
        score += np.log(following(grammar, names[:place])[label])
        score += sum(np.log1p(-ends[label, min(d, ends.shape[1] - 1)]) for d in range(length - 1))
        if place < len(operations) - 1:  # the last one may go on
            score += np.log(ends[label, min(length, ends.shape[1]) - 1])
    return score
