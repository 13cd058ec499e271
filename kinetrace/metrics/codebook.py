"""How well codebooks are used, part by part and level by level, and how codes go on in time.

Codes of one part are integers ``[N, Q]`` a clip: N chunks in order, Q levels, -1 where the part is absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ceiling:
    """What a uniform source would show on average: ``utilization`` from 0 to 1, ``perplexity`` from 1 to K."""

    utilization: float
    perplexity: float


def hits(clips: Sequence[np.ndarray], codes: int) -> np.ndarray:
    """How often each level uses each of its ``codes`` K, ``[Q, K]`` int64; absent chunks do not count.

    Raises:
        ValueError: there is no clip, or a code is K or more.
    """
    rows = np.concatenate(clips)
    rows = rows[present(rows)]
    if rows.size and rows.max() >= codes:
        raise ValueError(f"code {rows.max()}: expected 0 to {codes - 1}")
    return np.stack([np.bincount(level, minlength=codes) for level in rows.T])


def present(codes: np.ndarray) -> np.ndarray:
    """``[N]`` bool: the chunks that have codes."""
    return np.asarray(np.all(codes >= 0, axis=1))


def utilization(hits: np.ndarray) -> np.ndarray:
    """The share of codes used at least once, ``[...]`` of ``[..., K]``; levels stay apart."""
    return np.asarray(np.mean(hits > 0, axis=-1))


def entropy(hits: np.ndarray) -> np.ndarray:
    """H = -sum p log2 p in bits with p = hits / sum (Shannon 1948): ``[...]`` of ``[..., K]``; NaN without hits."""
    total = hits.sum(axis=-1)
    safe = np.maximum(total, 1)
    bits = np.log2(safe) - (hits * np.log2(np.maximum(hits, 1))).sum(axis=-1) / safe
    return np.where(total > 0, np.maximum(bits, 0), np.nan)


def perplexity(hits: np.ndarray) -> np.ndarray:
    """2^H: how many equally likely codes would have that entropy, ``[...]`` of ``[..., K]``."""
    found: np.ndarray = np.exp2(entropy(hits))
    return found


def sampling_ceiling(samples: int, codes: int) -> Ceiling:
    """What a level would show on average if its ``codes`` K were drawn uniformly and independently.

    The honest baseline beside ``utilization`` and ``perplexity``: with few samples even a perfect codebook leaves
    codes unused by chance. Utilization is exact, 1 - (1 - 1/K)^n. Perplexity is 2 to the exact mean entropy,
    E[H] = log2 n - (K/n) sum over c of P(c) c log2 c with c hits of one code, P = Binomial(n, 1/K); the mean of 2^H
    itself is larger by a factor of about 1 + Var(H) (ln 2)^2 / 2, under 1 % from 20 samples on. A source that
    balances its codes on purpose can exceed it; neighbouring chunks share frames, so that real samples tell less.

    Raises:
        ValueError: there is less than one sample or code.
    """
    if samples < 1 or codes < 1:
        raise ValueError(f"{samples} samples of {codes} codes: expected at least 1 each")
    if codes == 1:
        return Ceiling(1.0, 1.0)
    count, mass = _binomial(samples, codes)
    bits = np.log2(samples) - codes / samples * (mass * count * np.log2(np.maximum(count, 1))).sum()
    return Ceiling(float(-np.expm1(samples * np.log1p(-1 / codes))), float(np.exp2(bits)))


def _binomial(samples: int, codes: int) -> tuple[np.ndarray, np.ndarray]:
    """Hits c of one code, but for those less likely than 1e-40, and P(c).

    By P(c) / P(c - 1) = (n - c + 1) / c / (K - 1), normalized, as factorials of large numbers lose their digits.
    """
    mean = samples / codes
    reach = int(20 * np.sqrt(mean) + 60)
    count = np.arange(max(0, int(mean) - reach), min(samples, int(mean) + reach) + 1)
    steps = np.log(samples - count[1:] + 1) - np.log(count[1:]) - np.log(codes - 1)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    mass = np.exp(logs - logs.max())
    return count, mass / mass.sum()


def ngram_entropy(clips: Sequence[np.ndarray], order: int) -> np.ndarray:
    """H of ``order`` codes in a row in bits, ``[Q]``: what is counted, as if it were the source.

    No row goes across clips or over an absent chunk. With fewer rows than K^order the figure is too low: it
    cannot exceed log2 of the number of rows.

    Raises:
        ValueError: ``order`` is under 1.
    """
    return _joint(_rows(clips, order))


def conditional_entropy(clips: Sequence[np.ndarray], order: int) -> np.ndarray:
    """H(code | the ``order`` - 1 codes before) in bits, ``[Q]``: n-gram entropy less that of its context.

    (Shannon 1951, "Prediction and entropy of printed English".) Too low where n-grams are few, see ``ngram_entropy``;
    what a code without such knowledge achieves is ``bitrate.adaptive_bits``.
    """
    rows = _rows(clips, order)
    return np.asarray(_joint(rows) - _joint(rows[..., :-1]))


def _rows(clips: Sequence[np.ndarray], order: int) -> np.ndarray:
    """``[M, Q, order]``: codes in a row, all present."""
    if order < 1:
        raise ValueError(f"order {order}: expected at least 1")
    long = [clip for clip in clips if len(clip) >= order] or [np.full((order, clips[0].shape[1]), -1)]
    rows = np.concatenate([np.lib.stride_tricks.sliding_window_view(clip, order, axis=0) for clip in long])
    return np.asarray(rows[(rows >= 0).all(axis=(1, 2))])


def _joint(rows: np.ndarray) -> np.ndarray:
    if not rows.shape[-1]:
        return np.zeros(rows.shape[1])
    counts = (np.unique(rows[:, level], axis=0, return_counts=True)[1] for level in range(rows.shape[1]))
    return np.array([float(entropy(count)) for count in counts])


def repeats(clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Temporal smoothness: pairs of neighbouring present chunks with the same code, and all such pairs.

    Their quotient of sums is the share of codes that stay; Q less its sum over levels is how many levels change.

    Returns:
        ``[C, Q]`` and ``[C]`` int64 for C clips.
    """
    same = [(clip[1:] == clip[:-1])[_pairs(clip)].sum(axis=0) for clip in clips]
    return np.stack(same), np.array([_pairs(clip).sum() for clip in clips], np.int64)


def change(clips: Sequence[np.ndarray], vectors: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Distances of the quantized vectors of neighbouring present chunks, their sum a clip, and how many there are.

    Numbers of codes have no distance; the vectors that they stand for have.

    Args:
        clips: codes ``[N, Q]`` a clip.
        vectors: what the codes stand for, ``[N, D]`` a clip; where absent, anything.

    Returns:
        ``[C]`` float64 in the unit of the vectors, and ``[C]`` int64.
    """
    pairs = [_pairs(clip) for clip in clips]
    steps = [np.diff(np.asarray(rows, np.float64), axis=0)[pair] for rows, pair in zip(vectors, pairs, strict=True)]
    sums = [np.linalg.norm(step, axis=1).sum() for step in steps]
    return np.array(sums, np.float64), np.array([pair.sum() for pair in pairs], np.int64)


def _pairs(clip: np.ndarray) -> np.ndarray:
    """``[N - 1]`` bool: this chunk and the next are present."""
    there = present(clip)
    return np.asarray(there[1:] & there[:-1])
