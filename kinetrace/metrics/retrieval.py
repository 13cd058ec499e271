"""How well the right label is found among those of a gallery."""

import numpy as np

ROUNDING = 1e-9  # shares are sums of quotients


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


def first_ranks(similarity: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """The place of the first right entry of the gallery when several are right; 1 is best.

    Ties, and scores that are not a number, count against the system.

    Args:
        similarity: ``[Q, N]``, larger is more alike.
        relevant: ``[Q, N]`` bool, which entries are right.

    Returns:
        ``[Q]`` int64, ``N + 1`` where no entry is right.
    """
    best = np.where(relevant & ~np.isnan(similarity), similarity, -np.inf).max(axis=1, initial=-np.inf)
    ahead = np.count_nonzero(~relevant & ~(similarity < best[:, None]), axis=1)
    found: np.ndarray = np.where(relevant.any(axis=1), ahead + 1, similarity.shape[1] + 1).astype(np.int64)
    return found


def rank_counts(ranks: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What summed over queries is a weighted histogram, of which ``median_rank`` is a function.

    Returns:
        The ranks that occur, ``[R]``, sorted, and ``[Q, R]`` float64 with each query's weight at its rank.
    """
    places, index = np.unique(ranks, return_inverse=True)
    counts = np.zeros((len(ranks), len(places)))
    counts[np.arange(len(ranks)), index] = weights
    return places, counts


def median_rank(counts: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The median of weighted histograms: with whole weights that of the repeated ranks, between two ranks their mean.

    Args:
        counts: ``[K, R]`` weight at each of ``places``.
        places: ``[R]`` ranks, sorted.

    Returns:
        ``[K]`` float64; NaN where nothing has weight.
    """
    if not len(places):
        return np.full(len(counts), np.nan)
    share = counts.cumsum(axis=1) / np.where(counts.any(axis=1), counts.sum(axis=1), np.nan)[:, None]
    low, high = ((share < 0.5 + side).sum(axis=1) for side in (-ROUNDING, ROUNDING))
    median = (places[np.minimum(low, len(places) - 1)] + places[np.minimum(high, len(places) - 1)]) / 2
    found: np.ndarray = np.where(np.isnan(share[:, 0]), np.nan, median)
    return found


def chance(right: int, total: int) -> np.ndarray:
    """``[total]``: the probability of each rank of the first right entry when ``total`` stand in random order.

    The negative hypergeometric distribution; 1 / total each where a single entry is ``right``.
    """
    before = np.arange(total)
    missed = np.cumprod(np.maximum(total - right - before, 0) / (total - before))  # all of the first k wrong
    found: np.ndarray = -np.diff(missed, prepend=1.0)
    return found
