"""Whether a system knows when it is right: ranking by confidence, coverage at a precision, calibration.

Everything takes ``weights``, so that a mixture can be judged in other shares than it was drawn in.
"""

from dataclasses import dataclass

import numpy as np


def auroc(positive: np.ndarray, negative: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The chance that a positive scores above a negative, ties half (Mann and Whitney 1947; Hanley and McNeil 1982).

    Args:
        positive: ``[P]`` scores of what should score high.
        negative: ``[N]`` scores of what should not.
        weights: ``[N]`` of the negatives, by default equal.

    Returns:
        0.5 is chance; NaN where either is empty.
    """
    if not len(positive) or not len(negative):
        return float("nan")
    order = np.argsort(negative, kind="stable")
    mass = np.cumsum(np.append(0.0, np.ones(len(order)) if weights is None else np.asarray(weights)[order]))
    below, not_above = (
        mass[np.searchsorted(np.asarray(negative)[order], positive, side)] for side in ("left", "right")
    )
    return float((below + not_above).mean() / 2 / mass[-1])


@dataclass(frozen=True)
class RiskCoverage:
    """What accepting all scores of at least ``thresholds`` gives; ``[R]`` each, thresholds falling, all distinct.

    ``precision``: the share of right answers among the accepted ones (1 - selective risk, El-Yaniv and Wiener 2010);
    ``coverage``: the share of what can be answered at all that is accepted.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    coverage: np.ndarray

    def at(self, precision: float) -> tuple[float, float]:
        """The largest coverage whose accepted answers have ``precision``, and its threshold; (0, inf) if none has."""
        reached = np.flatnonzero(self.precision >= precision)
        if not len(reached):
            return 0.0, float("inf")
        best = reached[self.coverage[reached].argmax()]
        return float(self.coverage[best]), float(self.thresholds[best])


def risk_coverage(
    scores: np.ndarray, correct: np.ndarray, answerable: np.ndarray | None = None, weights: np.ndarray | None = None
) -> RiskCoverage:
    """Precision and coverage at every threshold.

    Args:
        scores: ``[N]``, larger is surer.
        correct: ``[N]`` bool, whether the answer would be right.
        answerable: ``[N]`` bool, which inputs have a right answer; by default all. The others count against the
            precision where they are accepted, and never in the coverage.
        weights: ``[N]``, by default equal.
    """
    mass = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    known = np.ones(len(scores), bool) if answerable is None else np.asarray(answerable, bool)
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    last = np.flatnonzero(
        np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    )  # equal scores are accepted together
    accepted, right, covered = (
        np.cumsum((mass * part)[order])[last] for part in (np.ones(len(mass)), np.asarray(correct, bool), known)
    )
    precision = np.divide(right, accepted, out=np.ones(len(last)), where=accepted > 0)
    return RiskCoverage(ordered[last], precision, covered / max(covered[-1:].sum(), np.finfo(np.float64).tiny))


@dataclass(frozen=True)
class Reliability:
    """Of each bin of equal width in [0, 1]: ``confidence`` and ``accuracy`` (means, NaN if empty) and ``share``."""

    confidence: np.ndarray
    accuracy: np.ndarray
    share: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap between confidence and accuracy (Guo et al. 2017)."""
        return float(np.nansum(self.share * np.abs(self.confidence - self.accuracy)))


def reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15, weights: np.ndarray | None = None
) -> Reliability:
    """Confidences in [0, 1] beside how often they were right.

    Args:
        confidence: ``[N]``.
        correct: ``[N]`` bool.
        bins: of equal width; a value on an edge belongs to the upper bin, 1 to the last.
        weights: ``[N]``, by default equal.

    Raises:
        ValueError: a confidence lies outside [0, 1] or is not a number.
    """
    values = np.asarray(confidence, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("confidences must lie in [0, 1]")
    mass = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    total, sure, right = (
        np.bincount(place, mass * part, bins) for part in (np.ones(len(values)), values, np.asarray(correct, bool))
    )
    filled = total > 0
    sure, right = (np.divide(sums, total, out=np.full(bins, np.nan), where=filled) for sums in (sure, right))
    return Reliability(sure, right, total / max(total.sum(), np.finfo(np.float64).tiny))
