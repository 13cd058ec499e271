"""How well the right label is found among those of a gallery."""

import numpy as np


def label_scores(similarity: np.ndarray, gallery_labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each label scored by its most similar gallery entry.

    Args:
        similarity: ``[Q, N]``, larger is more alike.
        gallery_labels: ``[N]``.

    Returns:
        The labels ``[L]``, sorted, and the scores ``[Q, L]``.
    """
    labels, first = np.unique(np.sort(gallery_labels), return_index=True)
    by_label = np.asarray(similarity)[:, np.argsort(gallery_labels, kind="stable")]
    return labels, np.maximum.reduceat(by_label, first, axis=1)


def ranks(similarity: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray) -> np.ndarray:
    """The place of the right label when each label is scored by its best gallery entry; 1 is best.

    Ties, and scores that are not a number, count against the system: the right label stands behind every
    other label that does not score less. A label that the gallery lacks stands behind all of it.

    Args:
        similarity: ``[Q, N]``, larger is more alike.
        query_labels: ``[Q]``.
        gallery_labels: ``[N]``.

    Returns:
        ``[Q]`` int64, from 1 to the number of labels + 1.
    """
    labels, scores = label_scores(similarity, gallery_labels)
    if not len(labels):
        return np.ones(len(query_labels), np.int64)
    place = np.minimum(np.searchsorted(labels, query_labels), len(labels) - 1)
    own = np.take_along_axis(scores, place[:, None], axis=1)
    ahead = np.count_nonzero(~(scores < own), axis=1)
    return np.where(labels[place] == query_labels, ahead, len(labels) + 1).astype(np.int64)


def recall_at(ranks: np.ndarray, k: int) -> float:
    """The share of queries whose right label is among the first ``k`` (Ret@k, also R@k); ``ranks`` is ``[Q]``."""
    return float(np.mean(ranks <= k))


def mean_reciprocal_rank(ranks: np.ndarray) -> float:
    """The mean of 1 / rank (Voorhees, TREC-8 1999); ``ranks`` is ``[Q]``."""
    return float(np.mean(1.0 / ranks))
