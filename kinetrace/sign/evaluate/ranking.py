"""Search in every direction: where the right answer stands among all that a test clip, or a text, is compared with.

N are test clips, similarities are larger where things are more alike.
"""

from dataclasses import dataclass

import numpy as np

from kinetrace.metrics import retrieval

RECALLS = (1, 5, 10)
GALLERY, TO_TEXT, FROM_TEXT, WITHIN, ACROSS = "", "inst_", "text_to_sign/", "within/", "across/"
TITLES = {  # by how the names of a search's metrics begin
    GALLERY: "sign to sign, among the training clips",
    TO_TEXT: "sign to text",
    FROM_TEXT: "text to sign, among the test clips",
    WITHIN: "sign to sign, among the signer's other test clips",
    ACROSS: "sign to sign, among other signers' test clips",
}
Ratio = tuple[np.ndarray, np.ndarray]  # [N] numerators and denominators


@dataclass(frozen=True)
class Ranking:
    """Of each test clip, all ``[N]``: the rank of the right answer, 1 is best, and how much the clip counts.

    ``right`` of ``total`` answers were right: what chance follows from.
    """

    ranks: np.ndarray
    weights: np.ndarray
    right: np.ndarray
    total: np.ndarray


def to_labels(similarity: np.ndarray, labels: np.ndarray, known: np.ndarray) -> Ranking:
    """Sentences ranked by their most similar entry; ``[N, M]`` to clips or texts of sentences ``known`` ``[M]``."""
    one, total = np.ones(len(labels)), len(np.unique(known))
    return Ranking(retrieval.ranks(similarity, labels, known), one, one.astype(int), np.full(len(labels), total))


def from_texts(similarity: np.ndarray, labels: np.ndarray, known: np.ndarray) -> Ranking:
    """Each test sentence's text asks for its clips: the rank of the first, ``[N, L]`` to texts of sentences ``known``.

    Every sentence counts alike: its clips share its rank. In a resample the clips to choose from stay the same.
    """
    asked, place, clips = np.unique(labels, return_inverse=True, return_counts=True)
    column = {label: index for index, label in enumerate(known.tolist())}
    texts = similarity[:, [column[label] for label in asked.tolist()]].T
    ranks = retrieval.first_ranks(texts, asked[:, None] == labels[None])
    return Ranking(ranks[place], 1 / clips[place], clips[place], np.full(len(labels), len(labels)))


def among(similarity: np.ndarray, labels: np.ndarray, allowed: np.ndarray) -> Ranking:
    """Test clips ask each other: ``[N, N]``, each the clips that it is ``allowed`` ``[N, N]``.

    A clip whose sentence none of those has counts nothing.
    """
    there = retrieval.label_scores(allowed, labels)[1]
    weights = (allowed & (labels[:, None] == labels[None])).any(axis=1).astype(float)
    ranks = retrieval.ranks(np.where(allowed, similarity, -np.inf), labels, labels)
    return Ranking(ranks, weights, np.ones(len(labels), int), np.maximum(there.sum(axis=1), 1))


def sign_to_sign(
    to_gallery: np.ndarray, to_test: np.ndarray, labels: np.ndarray, known: np.ndarray, subjects: np.ndarray
) -> dict[str, Ranking]:
    """Test clips among the training clips of the sentences ``known``, and leave-one-out among themselves.

    Unseen sentences, which the training clips lack, can be found only among the test clips.
    """
    same = subjects[:, None] == subjects[None]
    others = ~np.eye(len(labels), dtype=bool)
    rankings = {
        GALLERY: to_labels(to_gallery, labels, known),
        WITHIN: among(to_test, labels, same & others),
        ACROSS: among(to_test, labels, ~same),
    }
    return {stem: ranking for stem, ranking in rankings.items() if ranking.weights.any()}


def recall(stem: str, k: int) -> str:
    """``ret5``, ``inst5`` or ``within/ret5``."""
    return f"{stem.removesuffix('_')}{k}" if stem == TO_TEXT else f"{stem}ret{k}"


def median(stem: str) -> str:
    """``median_rank``, ``inst_median_rank``."""
    return f"{stem}median_rank"


def ratios(stem: str, ranking: Ranking) -> dict[str, Ratio]:
    """The metrics that are a quotient of sums over clips."""
    weights = ranking.weights
    hits = {recall(stem, k): (ranking.ranks <= k) * weights for k in RECALLS}
    return {name: (sums, weights) for name, sums in (hits | {f"{stem}mrr": weights / ranking.ranks}).items()}


def figures(stem: str, ranking: Ranking) -> dict[str, float]:
    """All metrics of a search."""
    places, counts = retrieval.rank_counts(ranking.ranks, ranking.weights)
    return _figures(stem, places, counts.sum(axis=0))


def chance(stem: str, ranking: Ranking) -> dict[str, float]:
    """The same, expected where answers stand in random order."""
    places = np.arange(1, ranking.total.max() + 1)
    counts = np.zeros(len(places))
    cases, place = np.unique(np.stack([ranking.right, ranking.total]), axis=1, return_inverse=True)
    for (right, total), weight in zip(cases.T.tolist(), np.bincount(place.ravel(), ranking.weights), strict=True):
        counts[:total] += weight * retrieval.chance(right, total)
    return _figures(stem, places, counts)


def _figures(stem: str, places: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Of a histogram of ranks."""
    shares = counts / counts.sum()
    found = {recall(stem, k): float(shares[places <= k].sum()) for k in RECALLS}
    middle = retrieval.median_rank(shares[None], places)[0]
    return found | {f"{stem}mrr": float((shares / places).sum()), median(stem): float(middle)}
