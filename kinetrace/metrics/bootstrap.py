"""Confidence intervals of a metric whose clips share subjects and sentences, and so are not independent.

The pigeonhole bootstrap (Owen 2007, "The pigeonhole bootstrap"; McCullagh 2000): a resample draws subjects with
replacement and, apart from that, sentences with replacement; a clip weighs the product of how often its subject
and its sentence were drawn. Metrics are functions of sums over clips, so that a resample is a weighted sum.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

WEIGHTS_AT_ONCE = 1 << 22  # 32 MiB of float64
Combine = Callable[[np.ndarray], np.ndarray]  # sums [R, S] to the metric [R]


@dataclass(frozen=True)
class Interval:
    """A metric's ``value`` on all clips and the bounds of its percentile interval."""

    value: float
    low: float
    high: float


def interval(
    statistics: np.ndarray, combine: Combine, clusters: Sequence[np.ndarray], resamples: int, confidence: float,
    seed: int,
) -> Interval:  # fmt: skip
    """The metric and its percentile interval under the pigeonhole bootstrap.

    A kind of cluster with a single member (one test subject) says nothing about its own spread and is left out:
    the interval then holds for that member. Where no kind is left, each clip is its own cluster (the plain
    bootstrap). Resamples in which the metric is undefined, such as those that draw no clip, are left out; if
    all are, the bounds are NaN.

    Args:
        statistics: ``[N, S]``, what is summed over clips.
        combine: the metric ``[R]`` of the sums ``[R, S]``.
        clusters: for each kind of cluster, the member of each clip, ``[N]``.
        resamples: how many are drawn.
        confidence: the share of resamples between the bounds.
        seed: same seed, same interval.

    Raises:
        ValueError: there is no clip, or a kind of cluster does not name one member a clip.
    """
    statistics = np.asarray(statistics, np.float64)
    if not len(statistics) or any(len(cluster) != len(statistics) for cluster in clusters):
        lengths = [len(cluster) for cluster in clusters]
        raise ValueError(f"{len(statistics)} clips and clusters of {lengths}: expected as many, at least 1")
    sums = [weights @ statistics for weights in _weights(clusters, len(statistics), resamples, seed)]
    drawn = combine(np.concatenate(sums))
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (np.nan, np.nan)
    return Interval(float(combine(statistics.sum(axis=0, keepdims=True))[0]), float(low), float(high))


def paired_difference(
    candidate: np.ndarray, champion: np.ndarray, clusters: Sequence[np.ndarray], resamples: int, confidence: float,
    seed: int,
) -> Interval:  # fmt: skip
    """The candidate's ratio minus the champion's on the same clips, under the same resamples for both.

    Args:
        candidate: ``[N, 2]``, numerator and denominator of each clip.
        champion: ``[N, 2]``, the same clips in the same order.
        clusters, resamples, confidence, seed: as for ``interval``.
    """

    def difference(sums: np.ndarray) -> np.ndarray:
        gap: np.ndarray = ratio(sums[:, :2]) - ratio(sums[:, 2:])
        return gap

    both = np.concatenate([candidate, champion], axis=1)
    return interval(both, difference, clusters, resamples, confidence, seed)


def ratio(sums: np.ndarray) -> np.ndarray:
    """``[R, 2]`` numerators and denominators to ``[R]`` quotients; NaN over a denominator of 0."""
    defined = sums[:, 1] != 0
    return np.where(defined, sums[:, 0] / np.where(defined, sums[:, 1], 1), np.nan)


def _weights(clusters: Sequence[np.ndarray], count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights ``[r, N]`` of some resamples at a time, in all ``resamples`` rows."""
    members = [np.unique(cluster, return_inverse=True)[1].ravel() for cluster in clusters]
    varied = [member for member in members if member.max() > 0] or [np.arange(count)]
    generators = [np.random.default_rng([seed, kind]) for kind in range(len(varied))]
    step = max(1, WEIGHTS_AT_ONCE // count)
    for start in range(0, resamples, step):
        weights = np.ones((min(step, resamples - start), count))
        for member, generator in zip(varied, generators, strict=True):
            weights *= _drawn(generator, member.max() + 1, len(weights))[:, member]
        yield weights


def _drawn(generator: np.random.Generator, size: int, resamples: int) -> np.ndarray:
    """``[resamples, size]``: how often each of ``size`` members is drawn in ``size`` draws with replacement."""
    return generator.multinomial(size, np.full(size, 1 / size), size=resamples)
