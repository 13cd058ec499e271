"""What runs now and what comes next, frame by frame: a Bayes filter over a hidden semi-Markov chain.

A state is a context (see ``Grammar.transitions``), a label and how many frames it has lasted. Nothing looks ahead.

Shape suffixes: P contexts, K labels, D frames that are told apart, T frames of a recording.
"""

from dataclasses import dataclass

import numpy as np

from kinetrace.operations.runtime.durations import hazards, remaining
from kinetrace.operations.runtime.evidence import evidence
from kinetrace.operations.runtime.grammar import Grammar


@dataclass(frozen=True)
class Filtered:
    """Knowing the frames so far: the operation of the last one ``now_K``, the operation after that ``next_K``, each
    float64 that sums to 1, and the mean ``seconds`` until the change."""

    now_K: np.ndarray
    next_K: np.ndarray
    seconds: float


@dataclass(frozen=True)
class FilteredRecording:
    """``Filtered`` of each frame: ``now_TK``, ``next_TK`` and ``seconds_T``."""

    now_TK: np.ndarray
    next_TK: np.ndarray
    seconds_T: np.ndarray


class OnlineFilter:
    """The forward algorithm with explicit durations (Yu 2010, "Hidden semi-Markov models"), one frame a call.

    A change happens with the hazard of the label's duration; the recording begins with an operation's first frame.
    """

    def __init__(self, grammar: Grammar, fps: float) -> None:
        self._grammar, self._fps = grammar, fps
        self._transitions_PKK = grammar.transitions()
        self._ends_KD = hazards(grammar.durations, fps)
        self._remaining_KD = remaining(self._ends_KD)
        self._mass_PKD: np.ndarray | None = None  # of the states, given the frames so far

    def step(self, posterior_K: np.ndarray) -> Filtered:
        """Take the next frame's ``[K]``.

        Raises:
            ValueError: it is of another shape, negative or not finite; the frame is then not counted.
        """
        evidence_K = evidence(np.asarray(posterior_K)[None], self._grammar)[0]
        mass_PKD = self._begun() if self._mass_PKD is None else self._moved(self._mass_PKD)
        likelihood_K = np.exp(evidence_K - evidence_K.max())
        mass_PKD *= (likelihood_K / (mass_PKD.sum(axis=(0, 2)) @ likelihood_K))[:, None]
        self._mass_PKD = mass_PKD
        return self._told(mass_PKD)

    def _begun(self) -> np.ndarray:
        mass_PKD = np.zeros((len(self._transitions_PKK), *self._ends_KD.shape))
        mass_PKD[-1, :, 0] = self._grammar.starting()  # the last context: nothing before
        return mass_PKD

    def _moved(self, mass_PKD: np.ndarray) -> np.ndarray:
        """A frame later: what ends goes on to the first frame of other labels, the rest grows older."""
        ends_PKD = mass_PKD * self._ends_KD
        stays_PKD = mass_PKD - ends_PKD
        moved_PKD = np.empty_like(mass_PKD)
        moved_PKD[:, :, 1:] = stays_PKD[:, :, :-1]
        moved_PKD[:, :, -1] += stays_PKD[:, :, -1]
        moved_PKD[:, :, 0] = self._entered(ends_PKD.sum(axis=2))
        return moved_PKD

    def _entered(self, ends_PK: np.ndarray) -> np.ndarray:
        """``[P, K]``: what begins; what ended is the context of order 2."""
        flow_KK = np.einsum("pk,pkn->kn", ends_PK, self._transitions_PKK)
        if len(self._transitions_PKK) == 1:
            return np.asarray(flow_KK.sum(axis=0, keepdims=True))
        return np.concatenate([flow_KK, np.zeros((1, len(flow_KK)))])

    def _told(self, mass_PKD: np.ndarray) -> Filtered:
        now_PK = mass_PKD.sum(axis=2)
        return Filtered(
            now_K=now_PK.sum(axis=0),
            next_K=np.einsum("pk,pkn->n", now_PK, self._transitions_PKK),
            seconds=float((mass_PKD.sum(axis=0) * self._remaining_KD).sum() / self._fps),
        )


def filtered(posteriors_TK: np.ndarray, fps: float, grammar: Grammar) -> FilteredRecording:
    """A recording from its first frame to its last; T may be 0."""
    online = OnlineFilter(grammar, fps)
    steps = [online.step(posterior_K) for posterior_K in posteriors_TK]
    shape = (len(steps), len(grammar.labels))
    return FilteredRecording(
        now_TK=np.array([step.now_K for step in steps]).reshape(shape),
        next_TK=np.array([step.next_K for step in steps]).reshape(shape),
        seconds_T=np.array([step.seconds for step in steps]),
    )
