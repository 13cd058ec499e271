"""The shape of an embedding space: whether classes stand apart."""

import numpy as np


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
