"""The four gates that an answer must pass, in their order, each with a reason for people when it does not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinetrace.sign.runtime.search import Scores

GATES = ("motion", "similarity", "margin", "agreement")
LOWEST = -1.0  # the least a cosine can be: what stands in for a second sentence where there is only one

REASONS: dict[str, Callable[[float, float], str]] = {
    "motion": lambda found, least: f"hardly any motion: {found:.2g} a frame, expected at least {least:.2g}",
    "similarity": lambda found, least: f"like no known sentence: similarity {found:.2f}, expected at least {least:.2f}",
    "margin": lambda found, least: (
        f"two sentences fit about equally well: {found:.2f} apart, expected at least {least:.2f}"
    ),
    "agreement": lambda found, least: (
        "the nearest clip and the average clips speak for different sentences: "
        f"the nearest clip's leads by {found:.2f}, expected at least {least:.2f}"
    ),
}


@dataclass(frozen=True)
class Signals:
    """What the gates look at, ``[Q]`` each.

    ``motion``: mean motion energy a frame; ``similarity``: the fused score of the best sentence; ``margin``: how far
    it leads the second-best *sentence*; ``agreement``: how far the prototype of the nearest clip's sentence leads the
    other prototypes, negative where another one is nearer.
    """

    motion: np.ndarray
    similarity: np.ndarray
    margin: np.ndarray
    agreement: np.ndarray

    def matrix(self) -> np.ndarray:
        """``[Q, 4]`` in the order of ``GATES``."""
        return np.stack([getattr(self, name) for name in GATES], axis=1)


def signals(scores: Scores, motion_Q: np.ndarray) -> Signals:
    """The signals of queries whose frames have the mean motion energies ``motion_Q``."""
    nearest = scores.clip.argmax(1)
    return Signals(
        motion=np.asarray(motion_Q, np.float64),
        similarity=np.maximum(scores.fused.max(1), LOWEST),
        margin=_lead(scores.fused, scores.fused.argmax(1)),
        agreement=_lead(scores.prototype, nearest),
    )


def _lead(scores_QL: np.ndarray, chosen_Q: np.ndarray) -> np.ndarray:
    """``[Q]``: the chosen sentence's score less the best of the others."""
    rows = np.arange(len(scores_QL))
    others = np.array(scores_QL, np.float64)
    others[rows, chosen_Q] = -np.inf
    lead: np.ndarray = np.maximum(scores_QL[rows, chosen_Q], LOWEST) - np.maximum(others.max(1), LOWEST)
    return lead


@dataclass(frozen=True)
class Thresholds:
    """The least that each gate lets pass."""

    motion: float
    similarity: float
    margin: float
    agreement: float

    def array(self) -> np.ndarray:
        """``[4]`` in the order of ``GATES``."""
        return np.array([getattr(self, name) for name in GATES])


def passed(found: Signals, least: Thresholds) -> np.ndarray:
    """``[Q, 4]`` bool; a signal that is not a number passes nothing."""
    return np.asarray(found.matrix() >= least.array())


def reason(found: np.ndarray, least: Thresholds) -> str | None:
    """Why the signals ``[4]`` of one clip are refused: the first gate that is closed; None when all are open."""
    for name, value, limit in zip(GATES, found.tolist(), least.array().tolist(), strict=True):
        if not value >= limit:
            return REASONS[name](value, limit)
    return None
