"""Thresholds and temperature from clips whose truth is known; NumPy, and SciPy where something is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from kinetrace.metrics.calibration import risk_coverage
from kinetrace.sign.params import RefusalParams
from kinetrace.sign.runtime.confidence import Confidence
from kinetrace.sign.runtime.gates import GATES, LOWEST, Signals, Thresholds, signals
from kinetrace.sign.runtime.search import Scores

SHUT = 2.0  # above every cosine: nothing passes
LOSSES = (0.0, 0.001, 0.002, 0.005, 0.01)  # shares of right answers that margin and agreement may each cost
# The constants of SignTalk's runtime, which has no fourth gate and no candidate for "none of them".
PUBLISHED = Thresholds(motion=7.5e-4, similarity=0.58, margin=0.10, agreement=2 * LOWEST)
PUBLISHED_CONFIDENCE = Confidence(temperature=0.12, unknown=LOWEST)


@dataclass(frozen=True)
class Calibration:
    """What decides about an answer; ``calibrated`` on clips, or by the published constants for want of any."""

    thresholds: Thresholds
    confidence: Confidence
    calibrated: bool


@dataclass(frozen=True)
class Part:
    """N inputs of one ``kind``: fused scores ``[N, L]``, signals, and which got the right answer, ``[N]`` bool.

    ``known``: whether there is a right answer to them at all.
    """

    kind: str
    fused: np.ndarray
    signals: Signals
    known: bool
    correct: np.ndarray

    @classmethod
    def of(cls, kind: str, scores: Scores, motion: np.ndarray, right: np.ndarray | None = None) -> "Part":
        """``right``: ``[N]`` the place of the right sentence of each; None where no sentence is."""
        correct = np.zeros(len(scores), bool) if right is None else scores.fused.argmax(1) == right
        return cls(kind, scores.fused, signals(scores, motion), right is not None, correct)


@dataclass(frozen=True)
class Examples:
    """Parts in one: ``kind`` ``[N]``, ``fused`` ``[N, L]``, ``signals``, ``known`` and ``correct`` ``[N]`` bool.

    ``weights`` ``[N]`` make known input and each kind of input outside count as much as they should.
    """

    kind: np.ndarray
    fused: np.ndarray
    signals: Signals
    known: np.ndarray
    correct: np.ndarray
    weights: np.ndarray


def mixed(parts: Sequence[Part], outside: float) -> Examples:
    """``parts`` as one input of which the share ``outside`` is no known sentence, each kind of it as often."""
    parts = [part for part in parts if len(part.fused)]
    kinds = {part.kind for part in parts if not part.known}
    counts = {kind: sum(len(part.fused) for part in parts if part.kind == kind) for kind in {p.kind for p in parts}}
    shares = {kind: outside / len(kinds) if kind in kinds else 1 - outside for kind in counts}
    return Examples(
        np.concatenate([np.full(len(part.fused), part.kind) for part in parts]),
        np.concatenate([part.fused for part in parts]),
        Signals(*(np.concatenate([getattr(part.signals, gate) for part in parts]) for gate in GATES)),
        np.concatenate([np.full(len(part.fused), part.known) for part in parts]),
        np.concatenate([part.correct for part in parts]),
        np.concatenate([np.full(len(part.fused), shares[part.kind] / counts[part.kind]) for part in parts]),
    )


def calibrate(parts: Sequence[Part], still: float, params: RefusalParams) -> Calibration:
    """Thresholds and confidence from ``parts``; what ``params`` fixes stays.

    Args:
        parts: inputs inside and outside, of the validation fold.
        still: the motion energy a frame under which a clip counts as still.
        params: the precision wanted, and in which mixture.
    """
    if not any(part.correct.any() for part in parts):
        fixed = {name: value for name, value in params.model_dump().items() if name in GATES and value is not None}
        confidence = replace(PUBLISHED_CONFIDENCE, temperature=params.temperature or PUBLISHED_CONFIDENCE.temperature)
        return Calibration(replace(PUBLISHED, **fixed), confidence, False)
    examples = mixed(parts, params.outside)
    found = thresholds(examples, still, params)
    moving = examples.signals.motion >= found.motion  # of what does not move, nothing is ever sure
    moved = replace(examples, weights=examples.weights * moving)
    return Calibration(found, fitted(moved, params.temperature), True)


def thresholds(examples: Examples, still: float, params: RefusalParams) -> Thresholds:
    """The gates that together let the most right answers pass at ``params.precision``; fixed ones stay.

    Motion lies halfway, by ratio, between ``still`` and the least moving clip that was answered rightly. Margin and
    agreement try what costs a few right answers or none, similarity every value. Where no values give the precision,
    similarity is shut.
    """
    right = examples.correct
    motion = params.motion
    if motion is None:
        motion = float(np.sqrt(still * examples.signals.motion[right].min()))
    moving = examples.signals.motion >= motion
    found = [(-1.0, Thresholds(motion, SHUT, LOWEST, LOWEST))]
    choices = (_candidates(getattr(params, gate), getattr(examples.signals, gate)[right]) for gate in GATES[2:])
    for margin, agreement in product(*choices):
        passed = moving & (examples.signals.margin >= margin) & (examples.signals.agreement >= agreement)
        coverage, similarity = _similarity(examples, passed, params)
        found.append((coverage, Thresholds(motion, similarity, margin, agreement)))
    return max(found, key=lambda choice: choice[0])[1]


def _candidates(fixed: float | None, right: np.ndarray) -> list[float]:
    return [fixed] if fixed is not None else [float(value) for value in np.unique(np.quantile(right, LOSSES))]


def _similarity(examples: Examples, passed: np.ndarray, params: RefusalParams) -> tuple[float, float]:
    """The mass of known input that is accepted, and the threshold that lets it pass."""
    known, correct, weights = examples.known[passed], examples.correct[passed], examples.weights[passed]
    scores = examples.signals.similarity[passed]
    if params.similarity is not None:
        return float(weights[known & (scores >= params.similarity)].sum()), params.similarity
    coverage, threshold = risk_coverage(scores, correct, known, weights).at(params.precision)
    return coverage * float(weights[known].sum()), min(threshold, SHUT)


def fitted(examples: Examples, temperature: float | None) -> Confidence:
    """The confidence that most likely says of each example whether its answer is right; a given temperature stays.

    Nothing is taken as quite certain, as in Platt 1999: n right answers say (n + 1) / (n + 2), so that examples
    which can be told apart without a mistake do not make every confidence 0 or 1.
    """
    from scipy.optimize import minimize

    right, wrong = examples.correct.sum(), (~examples.correct).sum()
    truth = np.where(examples.correct, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(point: np.ndarray) -> float:
        tried = Confidence(temperature or float(np.exp(point[0])), float(point[1]))
        sure = np.clip(tried.of(examples.fused).max(1), 1e-9, 1 - 1e-9)
        likelihood = truth * np.log(sure) + (1 - truth) * np.log1p(-sure)
        return -float((examples.weights * likelihood).sum())

    middle = np.median(examples.signals.similarity[examples.correct])
    starts = [np.array([np.log(start), middle - 2 * start]) for start in (0.02, 0.1)]
    bounds = [(np.log(1e-3), 0.0), (LOWEST, SHUT)]
    found = [minimize(loss, start, method="Nelder-Mead", bounds=bounds) for start in starts]
    best = min(found, key=lambda result: result.fun)
    return Confidence(temperature or float(np.exp(best.x[0])), float(best.x[1]))
