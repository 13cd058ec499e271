"""The shape of an embedding space: whether classes stand apart, and whether it collapses."""

import numpy as np

BLOCK = 1024  # rows of a pairwise matrix at a time, which bounds the memory


def unit(vectors: np.ndarray) -> np.ndarray:
    """``[N, D]`` float64 at length 1; a vector of length 0 stays 0."""
    wide = np.asarray(vectors, np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(length > 0, length, 1)


def pos_neg_similarity(embeddings: np.ndarray, anchors: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cosine of each embedding to its own anchor (PosSim), and to all the others (NegSim).

    A collapsed space has both near 1; NegSim is NaN with a single anchor.

    Args:
        embeddings: ``[N, D]``.
        anchors: ``[L, D]``.
        labels: ``[N]`` int, each embedding's row in ``anchors``.
    """
    cosine = unit(embeddings) @ unit(anchors).T
    own = cosine[np.arange(len(cosine)), labels]
    others = cosine.size - own.size
    positive = float(own.mean()) if own.size else float("nan")
    return positive, float((cosine.sum() - own.sum()) / others) if others else float("nan")


def effective_rank(embeddings: np.ndarray) -> float:
    """The exponential of the entropy of the normalized singular values (Roy & Vetterli 2007).

    From 1 (all on one line) to ``min(N, D)``; 0 when all of ``[N, D]`` is zero.
    """
    values = np.linalg.svd(np.asarray(embeddings, np.float64), compute_uv=False)
    if not values.sum() > 0:
        return 0.0
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def alignment(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance of two different embeddings of the same label, at length 1; lower is better.

    Wang & Isola 2020, with exponent 2. NaN when no label has two embeddings.

    Args:
        embeddings: ``[N, D]``.
        labels: ``[N]``.
    """
    points = unit(embeddings)
    _, group, size = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(size), points.shape[1]))
    np.add.at(sums, group, points)
    squares = np.bincount(group, (points**2).sum(axis=1), minlength=len(size))
    total = 2 * (size * squares - (sums**2).sum(axis=1)).sum()  # over ordered pairs
    pairs = (size * (size - 1)).sum()
    return max(float(total / pairs), 0.0) if pairs else float("nan")


def uniformity(embeddings: np.ndarray) -> float:
    """Logarithm of the mean of exp(-2 d²) over all pairs of ``[N, D]``, at length 1; lower is more uniform.

    Wang & Isola 2020, with t = 2: from 0 (collapsed) towards -4. NaN with fewer than two embeddings.
    """
    points = unit(embeddings)
    count = len(points)
    if count < 2:
        return float("nan")
    total = sum(_potential(points[start : start + BLOCK], points) for start in range(0, count, BLOCK))
    return float(np.log((total - count) / (count * (count - 1))))  # a point and itself: exp(0)


def _potential(block: np.ndarray, points: np.ndarray) -> float:
    squares = (block**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * block @ points.T
    return float(np.exp(-2 * np.maximum(squares, 0)).sum())
