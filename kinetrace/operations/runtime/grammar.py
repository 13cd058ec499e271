"""The workflow grammar: which operation begins, which follows which, and how long each takes.

Fitted on the operations of training recordings. Null is skipped: work goes on after it where it stopped, so a state of
its own would make transitions of order 1 forget what came before it; its time is nobody's, since it would lengthen the
operation that it happened to interrupt.

Shape suffixes: K labels, P contexts before the current label (see ``Grammar.transitions``), T frames.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from kinetrace.operations.data.recordings import NULL, Segment
from kinetrace.operations.params import GrammarParams
from kinetrace.operations.runtime.durations import Above, Duration, fitted
from kinetrace.params import Section, parse

ROUNDING = 1e-6  # how far from 1 a sum of probabilities may be

Place = Annotated[int, Field(ge=0)]  # of a label
Times = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Pair = Annotated[tuple[Place, Place, Times], Field(strict=False)]  # strict models take no list for a tuple, JSON has
Triple = Annotated[tuple[Place, Place, Place, Times], Field(strict=False)]  # no other


class Grammar(Section):
    """What was counted in training recordings; distributions are made of the counts.

    ``order``, ``smoothing`` and ``weight`` are those of ``GrammarParams``. By label: ``starts`` of a recording,
    ``seen`` segments, ``durations``, and ``prior``, its share of the time. ``pairs`` and, for order 2, ``triples``:
    labels that followed each other, and how many times.
    """

    labels: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)]
    order: Annotated[int, Field(ge=1, le=2)]
    smoothing: Above
    weight: Above
    starts: Annotated[tuple[Count, ...], Field(strict=False)]
    seen: Annotated[tuple[Count, ...], Field(strict=False)]
    pairs: Annotated[tuple[Pair, ...], Field(strict=False)]
    triples: Annotated[tuple[Triple, ...], Field(strict=False)]
    durations: Annotated[tuple[Duration, ...], Field(strict=False)]
    prior: Annotated[tuple[Above, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = len(self.labels)
        if len({*self.labels, NULL}) <= count:
            raise ValueError(f"labels {self.labels}: one occurs twice, or is {NULL!r}; expected each operation once")
        for name in ("starts", "seen", "durations", "prior"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries, expected one for each label, {count}")
        if abs(sum(self.prior) - 1) > ROUNDING:
            raise ValueError(f"prior sums to {sum(self.prior):g}, expected 1")
        for name, grams in (("pairs", self.pairs), ("triples", self.triples)):
            _refuse_unfit(name, [gram[:-1] for gram in grams], count)
        return self

    @classmethod
    def fit(cls, recordings: Iterable[Sequence[Segment]], labels: Sequence[str], params: GrammarParams) -> Self:
        """Count ``recordings``; their segments under other labels than ``labels`` are skipped, as Null is.

        Raises:
            ValueError: no segment is of ``labels``, or these are empty, hold one twice, or hold Null.
        """
        places = {label: place for place, label in enumerate(labels)}
        kept = [[segment for segment in segments if segment.label in places] for segments in recordings]
        steps = [[places[segment.label] for segment in segments] for segments in kept]
        seconds: list[list[float]] = [[] for _ in labels]
        for segment in (segment for segments in kept for segment in segments):
            seconds[places[segment.label]].append(segment.end - segment.start)
        begun = Counter(sequence[0] for sequence in steps if sequence)
        triples = _grams(steps, 3) if params.order == 2 else []
        return cls(
            labels=tuple(labels),
            order=params.order,
            smoothing=params.smoothing,
            weight=params.weight,
            starts=tuple(begun[place] for place in range(len(labels))),
            seen=tuple(map(len, seconds)),
            pairs=tuple((now, then, times) for (now, then), times in _grams(steps, 2)),
            triples=tuple((before, now, then, times) for (before, now, then), times in triples),
            durations=fitted(seconds),
            prior=_shares(seconds, params.smoothing),
        )

    @classmethod
    def of_dict(cls, content: Any, path: Path) -> Self:
        """What ``as_dict`` gave, read from ``path``.

        Raises:
            KinetraceError: names each field that is unknown, missing, or not what it may be.
        """
        return parse(cls, content, path, "grammar")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self.model_dump(mode="json")

    def next_distribution(self, history: Sequence[str]) -> np.ndarray:
        """``[K]`` float64, sums to 1: the operation after ``history``, oldest first; the first one where it is empty.

        Labels unknown here are skipped, as Null is. A history of one label says nothing of what was before it.
        """
        return self._after(self._places(history))

    def perplexity(self, sequences: Iterable[Sequence[str]]) -> float:
        """The exponential of the mean surprise (in nats) about each operation after the first of its sequence.

        1 is certainty, K a fair die. NaN where no sequence has two operations.
        """
        surprises = [-np.log(chances_K[label]) for chances_K, label in self._predicted(sequences)]
        return float(np.exp(np.mean(surprises))) if surprises else float("nan")

    def accuracy(self, sequences: Iterable[Sequence[str]]) -> float:
        """The share of operations, after the first of each sequence, that were the likeliest; NaN as above.

        Of equally likely ones the first by ``labels`` is meant.
        """
        hits = [chances_K.argmax() == label for chances_K, label in self._predicted(sequences)]
        return float(np.mean(hits)) if hits else float("nan")

    def starting(self) -> np.ndarray:
        """``[K]`` float64, sums to 1: the first operation of a recording."""
        return self._after(())

    def transitions(self) -> np.ndarray:
        """``[P, K, K]`` float64: in context p, the operation after k; each row sums to 1.

        Order 1 has one context. Order 2 has K + 1: the label before k, and last that nothing was before it.
        """
        every = range(len(self.labels))
        if self.order == 1:
            return np.array([[self._after((now,)) for now in every]])
        contexts = [*((before,) for before in every), ()]
        return np.array([[self._after((*context, now)) for now in every] for context in contexts])

    def _places(self, history: Sequence[str]) -> tuple[int, ...]:
        return tuple(self._place[label] for label in history if label in self._place)

    def _predicted(self, sequences: Iterable[Sequence[str]]) -> Iterator[tuple[np.ndarray, int]]:
        """Each operation after the first of its sequence, with the distribution that the ones before it give."""
        for sequence in map(self._places, sequences):
            for position in range(1, len(sequence)):
                yield self._after(sequence[:position]), sequence[position]

    def _after(self, history: tuple[int, ...]) -> np.ndarray:
        if not history:
            return self._mixed((), self._overall_K)
        found_K = self._overall_K
        for length in range(1, min(self.order, len(history)) + 1):
            found_K = self._mixed(history[-length:], found_K)
        return found_K

    def _mixed(self, context: tuple[int, ...], fallback_K: np.ndarray) -> np.ndarray:
        """What followed ``context``, interpolated with what a shorter context says.

        Witten & Bell (1991, "The zero-frequency problem"), method C: something new is as likely as the share of
        different ones among those that followed. It has no parameter to choose, and no other rule is better
        throughout: see "Next step of real work" in docs/results.md.
        """
        followers = self._followers.get(context)
        if followers is None:
            return fallback_K
        places, times = (list(column) for column in zip(*followers, strict=True))
        mixed_K = len(places) * fallback_K
        mixed_K[places] += times
        return np.asarray(mixed_K / (len(places) + sum(times)))

    @property
    def _overall_K(self) -> np.ndarray:
        counts = np.array(self.seen) + self.smoothing
        return np.asarray(counts / counts.sum())

    # What is kept must compare with ==, as the model itself does: no arrays.

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {label: place for place, label in enumerate(self.labels)}

    @cached_property
    def _followers(self) -> Mapping[tuple[int, ...], Sequence[tuple[int, int]]]:
        """By context: each label that followed it, and how many times it did; by () those that began."""
        found: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        begun = [(place, times) for place, times in enumerate(self.starts) if times]
        for *context, place, times in [*begun, *self.pairs, *self.triples]:
            found.setdefault(tuple(context), []).append((place, times))
        return found


def _refuse_unfit(name: str, grams: Sequence[tuple[int, ...]], count: int) -> None:
    if len(set(grams)) != len(grams):
        raise ValueError(f"{name}: the same labels stand there twice; add their times up")
    beyond = next((gram for gram in grams if max(gram) >= count), None)
    if beyond:
        raise ValueError(f"{name}: {list(beyond)} names a label beyond the {count} of the grammar")


def _grams(sequences: Iterable[Sequence[int]], length: int) -> list[tuple[tuple[int, ...], int]]:
    """Runs of ``length`` labels and how many times each occurs, in order."""
    shifted = ([sequence[start:] for start in range(length)] for sequence in sequences)
    return sorted(Counter(gram for parts in shifted for gram in zip(*parts, strict=False)).items())


def _shares(seconds: Sequence[Sequence[float]], smoothing: float) -> tuple[float, ...]:
    """Each label's share of the time, ``smoothing`` segments of mean length added to each."""
    totals = np.array([sum(own) for own in seconds], np.float64)
    totals += smoothing * totals.sum() / max(1, sum(map(len, seconds)))
    return tuple((totals / totals.sum()).tolist())
