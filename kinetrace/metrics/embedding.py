"""The shape of an embedding space: whether classes stand apart."""

import numpy as np

ROWS = 1024  # of a matrix of all pairs, at a time


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
    """How many directions are in use: the exponential of the entropy of the singular values' shares.

    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", of the matrix as it is, not
    centred: a collapsed space has 1, at most it is min(N, D). NaN without a value other than 0.

    Args:
        embeddings: ``[N, D]``.
    """
    values = np.linalg.svd(np.asarray(embeddings, np.float64), compute_uv=False)
    shares = values[values > 0] / values.sum() if values.any() else values[:0]
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else float("nan")


def alignment(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance between the unit vectors of two entries of one label: 0 is best, 2 is chance.

    Wang and Isola 2020, "Understanding contrastive representation learning through alignment and uniformity on the
    hypersphere", with alpha = 2; over all ordered pairs. NaN where no label has two entries.

    Args:
        embeddings: ``[N, D]``.
        labels: ``[N]``.
    """
    vectors = unit(embeddings)
    pairs = total = 0.0
    for label in np.unique(labels):
        own = vectors[labels == label]
        pairs += len(own) * (len(own) - 1)
        total += 2 * len(own) * (own**2).sum() - 2 * (own.sum(axis=0) ** 2).sum()
    return float(total / pairs) if pairs else float("nan")


def uniformity(embeddings: np.ndarray) -> float:
    """How evenly the unit vectors cover the sphere: 0 is collapsed, about -4 is even (in many dimensions).

    The logarithm of the mean over pairs of exp(-2 d²), d their distance (Wang and Isola 2020, t = 2). NaN with fewer
    than two entries.

    Args:
        embeddings: ``[N, D]``.
    """
    vectors = unit(embeddings)
    count = len(vectors)
    if count < 2:
        return float("nan")
    squares = (vectors**2).sum(axis=1)
    total = 0.0
    for start in range(0, count, ROWS):
        rows = slice(start, start + ROWS)
        distances = squares[rows, None] + squares[None] - 2 * vectors[rows] @ vectors.T
        total += np.exp(-2 * np.maximum(distances, 0)).sum()
    return float(np.log((total - count) / (count * (count - 1))))  # less each entry with itself
