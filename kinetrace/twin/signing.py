"""Words as movements, and a sentence as words that blend into each other.

A movement is a curve of ``CHANNELS`` values. Each hand has a position (shoulder widths from the middle of the
shoulders: x towards its own side, y down, z away from the camera), an orientation (radians about x, y, z) and a
shape (five finger curls from 0 open to 1 closed, spread); the face has mouth, eyebrow and head values.
"""

from dataclasses import dataclass

import numpy as np

from kinetrace.twin.draws import draws
from kinetrace.twin.language import Sentence

STRONG, WEAK = slice(0, 12), slice(12, 24)  # the signer's dominant hand, the other hand
PLACE, TURN, SHAPE = slice(0, 3), slice(3, 6), slice(6, 12)  # within a hand
MOUTH_OPEN, MOUTH_WIDE, BROW, NOD, SHAKE = range(24, 29)
CHANNELS = 29

SITES = np.array([
    (0.1, -0.85, -0.45), (0.05, -0.3, -0.5), (0.35, -0.55, -0.4), (0.05, 0.25, -0.4), (0.15, 0.55, -0.65),
    (0.65, 0.3, -0.5), (-0.35, 0.15, -0.4), (0.3, 0.85, -0.5), (0.75, -0.3, -0.4), (0.25, 0.1, -0.9),
])  # fmt: skip
SHAPES = np.array([
    (1, 1, 1, 1, 1, 0), (0, 0, 0, 0, 0, 0.3), (1, 0, 1, 1, 1, 0), (1, 0, 0, 1, 1, 1), (0, 1, 1, 1, 0, 0.6),
    (0, 0, 1, 1, 1, 0.4), (0.7, 0.5, 0.5, 0.5, 0.5, 0), (0.2, 0.4, 0.4, 0.4, 0.4, 1), (1, 0, 0, 0, 1, 0.7),
    (0, 1, 1, 1, 1, 0),
])  # fmt: skip
REST = np.zeros(CHANNELS)
REST[STRONG] = REST[WEAK] = (0.5, 1.55, -0.15, 0.2, 0.0, 2.9, 0.4, 0.4, 0.4, 0.4, 0.4, 0.1)

FRAMES_A_WORD = (8, 15)
GAP = 4.0  # frames between two words, and at both ends
ACCENT = np.zeros(CHANNELS)  # how far one signer's version of a word lies from another's
ACCENT[STRONG] = ACCENT[WEAK] = (0.09, 0.09, 0.06, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
ACCENT[24:] = (0.15, 0.15, 0.1, 0.04, 0.04)


@dataclass(frozen=True)
class Movement:
    """A word: from ``start`` to ``end``, with ``swing`` swung ``turns`` times from ``phase``; each ``[C]``."""

    start: np.ndarray
    end: np.ndarray
    swing: np.ndarray
    phase: np.ndarray
    turns: float
    frames: float

    def at(self, share: np.ndarray) -> np.ndarray:
        """``[T, C]`` of shares ``[T]`` of the word's duration."""
        along = np.clip(share, 0, 1)[:, None]
        eased = along**2 * (3 - 2 * along)
        swung = np.sin(2 * np.pi * self.turns * along + self.phase) - np.sin(self.phase)
        moved: np.ndarray = self.start + (self.end - self.start) * eased + self.swing * swung
        return moved

    def varied(self, random: np.random.Generator, size: float) -> "Movement":
        """The same word, signed a little differently."""
        start, end = (side + size * ACCENT * random.normal(size=CHANNELS) for side in (self.start, self.end))
        swing = self.swing * (1 + 0.25 * size * random.normal())
        return Movement(start, end, swing, self.phase, self.turns, self.frames * np.exp(0.15 * size * random.normal()))


@dataclass(frozen=True)
class Performance:
    """A signed sentence: ``channels`` ``[T, C]``, and each word's first and last frame + 1, ``[W, 2]``."""

    channels: np.ndarray
    words: np.ndarray


def movement(seed: int, word: str) -> Movement:
    """The movement that means ``word``: one hand, two alike, or one over the other at rest."""
    random = draws(seed, "word", word)
    start, end, swing, phase = REST.copy(), REST.copy(), np.zeros(CHANNELS), np.zeros(CHANNELS)
    _hand(random, start[STRONG], end[STRONG], swing[STRONG], phase[STRONG])
    kind = random.choice(["one", "alike", "base"], p=[0.5, 0.3, 0.2])
    if kind == "alike":
        for values in (start, end, swing, phase):
            values[WEAK] = values[STRONG]
        phase[WEAK] += np.pi * random.integers(2)
    elif kind == "base":
        _hand(random, start[WEAK], end[WEAK], np.zeros(12), np.zeros(12))
        end[WEAK] = start[WEAK]
    start[24:26], end[24:26] = random.uniform(0, 1, (2, 2))
    swing[NOD], swing[SHAKE] = 0.12 * random.uniform(-1, 1, 2)
    return Movement(start, end, swing, phase, random.choice([0.5, 1.0, 1.5, 2.0]), random.uniform(*FRAMES_A_WORD))


def _hand(
    random: np.random.Generator, start: np.ndarray, end: np.ndarray, swing: np.ndarray, phase: np.ndarray
) -> None:
    start[PLACE] = random.choice(SITES) + random.normal(0, 0.06, 3)
    end[PLACE] = start[PLACE] + random.normal(0, 0.22, 3)
    start[TURN] = random.uniform(-1.1, 1.1, 3)
    end[TURN] = start[TURN] + random.choice([0, 1]) * random.uniform(-0.8, 0.8, 3)
    start[SHAPE] = random.choice(SHAPES)
    end[SHAPE] = random.choice(SHAPES) if random.random() < 0.35 else start[SHAPE]
    swing[PLACE] = random.choice([0, 1]) * random.uniform(-0.14, 0.14, 3)
    phase[PLACE] = random.uniform(0, 2 * np.pi, 3)


def perform(
    seed: int, sentence: Sentence, subject: int, repetition: int, tempo: float, limits: tuple[int, int]
) -> Performance:
    """``sentence`` as ``subject`` signs it the ``repetition``-th time; the clip's length stays within ``limits``."""
    random = draws(seed, "performance", subject, sentence.number, repetition)
    moves = [_version(seed, word, subject).varied(random, 0.5) for word in sentence.words]
    lengths = np.array([move.frames for move in moves]) / tempo
    gaps = GAP / tempo * random.uniform(0.7, 1.4, len(moves) + 1)
    frames = int(np.clip(np.rint(lengths.sum() + gaps.sum()), *limits))
    scale = frames / (lengths.sum() + gaps.sum())
    starts = scale * (np.cumsum(gaps)[:-1] + np.cumsum(lengths) - lengths)
    spans = np.stack([starts, starts + scale * lengths], axis=1)
    channels = _blend(moves, spans, frames, scale * GAP / tempo / 3)
    if sentence.question:
        channels[:, BROW] += 0.8 * _ramp(np.arange(frames) - spans[-2:, 0].min(), 3.0)
    return Performance(channels, np.rint(spans).astype(int))


def _version(seed: int, word: str, subject: int) -> Movement:
    return movement(seed, word).varied(draws(seed, "accent", subject, word), 1.0)


def _blend(moves: list[Movement], spans: np.ndarray, frames: int, width: float) -> np.ndarray:
    """Coarticulation: at each frame a mean of the words, weighted by windows with soft edges; rest at both ends."""
    time = np.arange(frames, dtype=np.float64)
    starts, ends = spans.T[:, :, None]
    inside = _ramp(time - starts, width) * _ramp(ends - time, width)
    outside = _ramp(spans[0, 0] - time, width) + _ramp(time - spans[-1, 1], width)
    curves = [move.at((time - start) / max(end - start, 1e-9)) for move, (start, end) in zip(moves, spans, strict=True)]
    total = np.einsum("wt,wtc->tc", inside, np.array(curves)) + outside[:, None] * REST
    blended: np.ndarray = total / (inside.sum(axis=0) + outside)[:, None]
    return blended


def _ramp(time: np.ndarray, width: float) -> np.ndarray:
    """From 0 to 1 around 0, over about 4 widths."""
    risen: np.ndarray = 0.5 * (1 + np.tanh(time / (2 * width)))
    return risen
