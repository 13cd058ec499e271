"""The likeliest operations of a whole recording: Viterbi decoding of a hidden semi-Markov chain.

It judges the same chain as ``filtering``: starts, transitions of either order, durations, and evidence of frames. The
last operation may go on after the recording.

Shape suffixes: P contexts, K labels, D frames that are told apart, T frames, S states (a context and a label).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from kinetrace.operations.runtime.durations import hazards
from kinetrace.operations.runtime.evidence import evidence
from kinetrace.operations.runtime.grammar import Grammar


@dataclass(frozen=True)
class Path:
    """Operations one after the other: their first frames ``starts_N``, ``labels_N``, all int64, and the log-probability
    ``score``. Neighbours of one label are two operations of one kind."""

    starts_N: np.ndarray
    labels_N: np.ndarray
    frames: int
    score: float

    @property
    def labels_T(self) -> np.ndarray:
        """``[T]`` int64: the label of each frame."""
        return np.repeat(self.labels_N, np.diff([*self.starts_N.tolist(), self.frames]))


def viterbi(posteriors_TK: np.ndarray, fps: float, grammar: Grammar) -> np.ndarray:
    """``[T]`` int64: the label of each frame on the likeliest path, see ``decode``."""
    return decode(posteriors_TK, fps, grammar).labels_T


def decode(posteriors_TK: np.ndarray, fps: float, grammar: Grammar) -> Path:
    """The likeliest path; T may be 0.

    Of paths that are equally likely the choice is fixed: from the recording's end backwards, the context and the label
    that come first, then the shorter operation. Time grows with T · D · P · K (D is at most ``durations.LONGEST``),
    memory with T · P · K.

    Raises:
        ValueError: posteriors are not [T, K], negative or not finite.
    """
    evidence_TK = evidence(posteriors_TK, grammar)
    frames, labels = evidence_TK.shape
    if not frames:
        return Path(np.empty(0, np.int64), np.empty(0, np.int64), 0, 0.0)
    ends_KD, transitions_PKK = hazards(grammar.durations, fps), grammar.transitions()
    stays_KD = np.log1p(-ends_KD)
    lasts_KD = np.cumsum(np.pad(stays_KD[:, :-1], ((0, 0), (1, 0))), axis=1)
    states = len(transitions_PKK) * labels
    began_TS, came_TS = (np.zeros((frames + 1, states), np.int32) for _ in range(2))
    scores_S = np.full(states, -np.inf)
    _compiled()(
        np.pad(np.cumsum(evidence_TK, axis=0), ((1, 0), (0, 0))), np.log(grammar.starting()), np.log(transitions_PKK),
        lasts_KD, lasts_KD + np.log(ends_KD), stays_KD[:, -1], began_TS, came_TS, scores_S,
    )  # fmt: skip
    starts, path = _traced(began_TS, came_TS, int(scores_S.argmax()))
    return Path(np.array(starts, np.int64), np.array(path, np.int64) % labels, frames, float(scores_S.max()))


def _traced(began_TS: np.ndarray, came_TS: np.ndarray, last: int) -> tuple[list[int], list[int]]:
    """First frames and states of the operations, of which the last has state ``last``."""
    starts, states = [int(began_TS[-1, last])], [last]
    while starts[-1]:
        states.append(int(came_TS[starts[-1], states[-1]]))
        starts.append(int(began_TS[starts[-1], states[-1]]))
    return starts[::-1], states[::-1]


def sweep(
    sums_TK: np.ndarray, starting_K: np.ndarray, transitions_PKK: np.ndarray, lasts_KD: np.ndarray,
    ended_KD: np.ndarray, grows_K: np.ndarray, began_TS: np.ndarray, came_TS: np.ndarray, scores_S: np.ndarray,
) -> None:  # fmt: skip
    """The dynamic programme over logarithms, written for numba; T counts moments here, one more than frames.

    ``sums_TK``: evidence before each moment. An operation of d + 1 frames has the log-probability ``ended_KD``, one of
    d + 1 frames or more ``lasts_KD``; ``grows_K``: to go on for a frame from the last d on. Filled in: ``began_TS``,
    the first frame of the operation that best ends at a moment; ``came_TS``, the state before the one that begins
    there; ``scores_S`` of the paths whose last operation has a state.
    """
    contexts, labels, _ = transitions_PKK.shape
    moments, states, longest = len(sums_TK), contexts * labels, lasts_KD.shape[1]
    gains_ST = np.full((states, moments), -np.inf)  # of what begins at a moment, less the evidence before it
    gains_ST[states - labels :, 0] = starting_K
    tails, since = np.full(states, -np.inf), np.zeros(states, np.int64)  # of what has lasted D frames or more
    for t in range(1, moments):
        exits_KD = ended_KD if t < moments - 1 else lasts_KD
        for state in range(states):
            label, best, start = state % labels, -np.inf, 0
            for d in range(min(longest - 1, t)):
                score = gains_ST[state, t - 1 - d] + exits_KD[label, d]
                if score > best:
                    best, start = score, t - 1 - d
            if t >= longest:
                tails[state] += grows_K[label]
                new = gains_ST[state, t - longest] + lasts_KD[label, longest - 1]
                if new >= tails[state]:
                    tails[state], since[state] = new, t - longest
                score = tails[state] + exits_KD[label, longest - 1] - lasts_KD[label, longest - 1]
                if score > best:
                    best, start = score, since[state]
            scores_S[state], began_TS[t, state] = best + sums_TK[t, label], start
        for before in range(states):
            context, now = before // labels, before % labels
            for following in range(labels):
                state = following if contexts == 1 else now * labels + following
                score = scores_S[before] + transitions_PKK[context, now, following] - sums_TK[t, following]
                if score > gains_ST[state, t]:
                    gains_ST[state, t], came_TS[t, state] = score, before


@cache
def _compiled() -> Callable[..., None]:
    """``sweep`` as machine code, kept in numba's cache folder; one thread (see ``sign.runtime.dtw``)."""
    import numba

    try:
        compiled: Callable[..., None] = numba.njit(nogil=True, cache=True)(sweep)
    except RuntimeError:  # no cache folder may be written to: each process compiles for itself
        compiled = numba.njit(nogil=True)(sweep)
    return compiled
