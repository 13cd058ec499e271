"""Beam search in NumPy over any decoder that goes step by step: PyTorch and ONNX Runtime say the same sentences.

Shape suffixes: B clips still searched, K hypotheses a clip, C candidates a clip, L text tokens, V vocabulary.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

PAD, BEGIN, END = 0, 1, 2  # the first three entries of every cut vocabulary


class Steps(Protocol):
    """A decoder that remembers the hypotheses it was given last; before the first step each clip has one, empty."""

    def __call__(self, clips_B: np.ndarray, parents_BK: np.ndarray, tokens_BK: np.ndarray) -> np.ndarray:
        """Log probabilities ``[B, K, V]`` of the token after ``tokens_BK``.

        Args:
            clips_B: the clips that go on, as rows of the step before.
            parents_BK: the hypothesis, of the step before, that each continues.
            tokens_BK: its newest token.
        """


@dataclass(frozen=True)
class Search:
    """How sentences are sought: at most ``max_tokens`` with ``END``; ``answers`` of the best ones a clip.

    A hypothesis scores its log probability over ``length ** length_penalty`` (Wu et al. 2016, section 7, without the
    constant), its length counting ``END``.
    """

    beams: int
    max_tokens: int
    length_penalty: float
    answers: int = 1

    def score(self, log_probability: float, length: int) -> float:
        """The log probability of ``length`` tokens, length-penalised."""
        return float(log_probability / length**self.length_penalty)

    def hope(self, log_probability: float, length: int) -> float:
        """The highest score that any longer hypothesis can still get: all its further tokens would be certain."""
        return max(self.score(log_probability, length + 1), self.score(log_probability, self.max_tokens))


@dataclass(frozen=True)
class Hypothesis:
    """``ids`` without ``BEGIN`` and ``END``; ``score`` is the natural ``log_probability``, length-penalised."""

    ids: tuple[int, ...]
    log_probability: float
    score: float


@dataclass(frozen=True)
class _Beam:
    """Hypotheses of the clips in search, likeliest first; a log probability of -inf is an empty place."""

    clips_B: np.ndarray
    parents_BK: np.ndarray
    text_BKL: np.ndarray
    log_BK: np.ndarray

    @classmethod
    def of(cls, clips: int) -> "_Beam":
        nothing = np.zeros((clips, 1), np.int64)
        return cls(np.arange(clips), nothing, np.full((clips, 1, 1), BEGIN), nothing.astype(float))

    def extended(self, next_BKV: np.ndarray, count: int) -> "_Beam":
        """The ``count`` likeliest hypotheses that are one token longer."""
        total_BKV = self.log_BK[..., None] + next_BKV
        total_BKV[..., [PAD, BEGIN]] = -np.inf  # smoothing gives them some probability
        places_BC, log_BC = _highest(total_BKV.reshape(len(total_BKV), -1), count)
        parents_BC, tokens_BC = np.divmod(places_BC, next_BKV.shape[-1])
        text_BCL = np.take_along_axis(self.text_BKL, parents_BC[..., None], 1)
        return _Beam(self.clips_B, parents_BC, np.concatenate([text_BCL, tokens_BC[..., None]], -1), log_BC)

    def first(self, places_B: np.ndarray) -> "_Beam":
        """Only so many of each clip's hypotheses; the places of the others are empty."""
        beyond_BK = np.arange(self.log_BK.shape[1]) >= places_B[:, None]
        return replace(self, log_BK=np.where(beyond_BK, -np.inf, self.log_BK))

    def running(self, beams: int) -> "_Beam":
        """The first ``beams`` that have not ended."""
        log_BC = np.where(self.text_BKL[..., -1] == END, -np.inf, self.log_BK)
        order_BK = np.argsort(np.isneginf(log_BC), axis=1, kind="stable")[:, :beams]
        text_BKL = np.take_along_axis(self.text_BKL, order_BK[..., None], 1)
        parents_BK, log_BK = (np.take_along_axis(array, order_BK, 1) for array in (self.parents_BK, log_BC))
        return _Beam(self.clips_B, parents_BK, text_BKL, log_BK)

    def only(self, rows: np.ndarray) -> "_Beam":
        return _Beam(*(array[rows] for array in vars(self).values()))


def search(steps: Steps, clips: int, how: Search) -> list[list[Hypothesis]]:
    """Up to ``how.answers`` hypotheses of each clip, best first; one beam is greedy.

    A candidate among the likeliest that ends is kept apart, where none can push it out: it has one of the beams for
    good, so that one fewer goes on. A clip is done when no running hypothesis can still get among the best. Of equal
    scores the one that ended first goes before, of equal probabilities the one of the likelier beginning, then of the
    lower token.

    Raises:
        ValueError: the decoder's answer is not a number.
    """
    ended: list[list[Hypothesis]] = [[] for _ in range(clips)]
    beam, rows = _Beam.of(clips), np.arange(clips)
    while len(rows):
        next_BKV = steps(rows, beam.parents_BK, beam.text_BKL[..., -1])
        if np.isnan(next_BKV).any():
            raise ValueError("the decoder's log probabilities are not all numbers")
        beam = beam.extended(next_BKV, 2 * how.beams)  # at most half of them can end
        _keep_ended(ended, beam.first(_places(ended, beam, how)), how)
        left_B = _places(ended, beam, how)
        beam = beam.running(max(1, left_B.max())).first(left_B)
        rows = np.flatnonzero([not _done(ended[clip], beam, row, how) for row, clip in enumerate(beam.clips_B)])
        beam = beam.only(rows)
    return [found[: how.answers] for found in ended]


def _places(ended: list[list[Hypothesis]], beam: _Beam, how: Search) -> np.ndarray:
    """``[B]`` beams that what has ended leaves to others."""
    return how.beams - np.array([len(ended[clip]) for clip in beam.clips_B])


def _keep_ended(ended: list[list[Hypothesis]], beam: _Beam, how: Search) -> None:
    text_BCL = beam.text_BKL[..., 1:]
    length = text_BCL.shape[-1]
    over_BC = (text_BCL[..., -1] == END) | (length == how.max_tokens)
    for row, place in np.argwhere(over_BC & np.isfinite(beam.log_BK)).tolist():
        ids, log_probability = text_BCL[row, place].tolist(), float(beam.log_BK[row, place])
        found = ended[beam.clips_B[row]]
        words = tuple(ids[:-1] if ids[-1] == END else ids)
        found.append(Hypothesis(words, log_probability, how.score(log_probability, length)))
        found.sort(key=lambda one: -one.score)


def _done(ended: list[Hypothesis], beam: _Beam, row: int, how: Search) -> bool:
    length, running = beam.text_BKL.shape[-1] - 1, float(beam.log_BK[row].max())
    if length == how.max_tokens or np.isneginf(running):
        return True
    return len(ended) >= how.answers and ended[how.answers - 1].score >= how.hope(running, length)


def _highest(values_BX: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and values ``[B, C]`` of the highest, first those in front where equal; a place may come again as -inf."""
    left_BX, rows = values_BX.copy(), np.arange(len(values_BX))
    places_BC = np.zeros((len(values_BX), min(count, values_BX.shape[1])), np.int64)
    found_BC = np.zeros(places_BC.shape)
    for column in range(places_BC.shape[1]):  # a round each: sorting a whole vocabulary takes longer than the decoder
        places_BC[:, column] = best = left_BX.argmax(1)
        found_BC[:, column] = left_BX[rows, best]
        left_BX[rows, best] = -np.inf
    return places_BC, found_BC
