"""How many bits the codes of a part cost: raw, as runs, and under two entropy codes; all of them decodable.

Codes are integers ``[N, Q]`` a clip, -1 where the part is absent. Which chunks are present is side information,
``presence_bits``, and in none of the others. Each function gives bits a clip, ``[C]`` float64: their sum over the
sum of seconds is bits a second.
"""

from collections.abc import Sequence

import numpy as np

from kinetrace.metrics.codebook import present

KT = 0.5  # Krichevsky and Trofimov 1981: within 1/2 log2 n bits a free parameter of the best static table; Laplace: 1


def token_count(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Codes of a clip, Q a present chunk, ``[C]`` int64: over its seconds, tokens a second of video."""
    return np.array([present(clip).sum() * clip.shape[1] for clip in clips], np.int64)


def raw_bits(clips: Sequence[np.ndarray], codes: int) -> np.ndarray:
    """Q log2 K a present chunk."""
    return np.asarray(token_count(clips) * np.log2(codes))


def rle_bits(clips: Sequence[np.ndarray], codes: int) -> np.ndarray:
    """Q log2 K a run of the same Q codes, and its length c in the gamma code, 2 floor(log2 c) + 1 (Elias 1975)."""
    lengths = [_run_lengths(clip) for clip in clips]
    gamma = [(2 * np.floor(np.log2(length)) + 1).sum() for length in lengths]
    values = [len(length) * clip.shape[1] * np.log2(codes) for length, clip in zip(lengths, clips, strict=True)]
    return np.array(values, np.float64) + np.array(gamma, np.float64)


def _run_lengths(clip: np.ndarray) -> np.ndarray:
    """Chunks of each present run."""
    starts = np.flatnonzero(np.concatenate([[True] * min(len(clip), 1), np.any(clip[1:] != clip[:-1], axis=1)]))
    return np.asarray(np.diff(starts, append=len(clip))[present(clip[starts])])


def adaptive_bits(clips: Sequence[np.ndarray], codes: int, smoothing: float = KT) -> np.ndarray:
    """The ideal adaptive arithmetic code, each level by its own counts, learnt from the clips before and this one.

    A code that came n times among t before it costs -log2((n + a) / (t + a K)) (Krichevsky and Trofimov 1981 for
    a = 1/2). An arithmetic coder achieves the sum within 2 bits a stream, without any table from training, so the
    cost of learning K probabilities is in the figure: with fewer chunks than codes it can exceed ``raw_bits``.
    The order of clips matters to each clip's share but not to the sum.
    """
    rows, owner = _stacked(clips)
    seen = np.stack([_seen(level) for level in rows.T], axis=1) if len(rows) else rows
    cost = np.log2(np.arange(len(rows)) + smoothing * codes)[:, None] - np.log2(seen + smoothing)
    return _by_clip(cost, owner, len(clips))


def static_bits(clips: Sequence[np.ndarray], hits: np.ndarray, smoothing: float = KT) -> np.ndarray:
    """The ideal arithmetic code under a fixed table: -log2((n + a) / (N + a K)) a code that training used n times.

    Args:
        clips: codes ``[N, Q]`` a clip.
        hits: of the training clips, ``[Q, K]``, see ``codebook.hits``.
        smoothing: added to every count, so that a code never seen in training can be written.
    """
    rows, owner = _stacked(clips)
    share = (hits + smoothing) / (hits + smoothing).sum(axis=1, keepdims=True)
    return _by_clip(-np.log2(share[np.arange(rows.shape[1]), rows]), owner, len(clips))


def presence_bits(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Which chunks are present, one flag each, under the adaptive code."""
    return adaptive_bits([present(clip)[:, None].astype(np.int64) for clip in clips], 2)


def _stacked(clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The present rows of all clips, ``[M, Q]``, and which clip each is of, ``[M]``."""
    owner = np.repeat(np.arange(len(clips)), [len(clip) for clip in clips])
    rows = np.concatenate(clips)
    there = present(rows)
    return rows[there], owner[there]


def _by_clip(cost: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(owner, cost.sum(axis=1), minlength=count)


def _seen(symbols: np.ndarray) -> np.ndarray:
    """How often each symbol came before, ``[M]``."""
    order = np.argsort(symbols, kind="stable")
    _, first, count = np.unique(symbols[order], return_index=True, return_counts=True)
    seen = np.empty(len(symbols), np.int64)
    seen[order] = np.arange(len(symbols)) - np.repeat(first, count)
    return seen
