"""Sentences by how near a clip's embedding lies to their training clips, to the mean of these, and to their text.

Shape suffixes: Q queries, N training clips, L sentences, D embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kinetrace.metrics.embedding import unit
from kinetrace.metrics.retrieval import label_scores
from kinetrace.sign.params import FusionParams


@dataclass(frozen=True)
class References:
    """What a clip is compared with, all of length 1, by sentence of ``sentence_ids_L``.

    ``clips_ND`` are of the sentences at ``places_N`` (of L); ``prototypes_LD`` are their means, ``texts_LD`` the texts.
    ``places``: the place of every sentence id, since ids with the same words are one sentence here.
    """

    clips_ND: np.ndarray
    places_N: np.ndarray
    sentence_ids_L: np.ndarray
    prototypes_LD: np.ndarray
    texts_LD: np.ndarray
    places: Mapping[int, int]

    @classmethod
    def of(
        cls, clips_ND: np.ndarray, labels_N: np.ndarray, texts: Mapping[int, np.ndarray], sentences: Mapping[int, str]
    ) -> "References":
        """The references of training clips of the sentences ``labels_N``; text ``[D]`` and words by sentence id.

        Raises:
            ValueError: a clip's sentence has no text or no words.
        """
        labels = np.unique(labels_N).tolist()
        if missing := [label for label in labels if label not in texts or label not in sentences]:
            raise ValueError(f"sentence {missing[0]} has clips and no text")
        first = {sentences[label]: label for label in reversed(labels)}
        ids = np.unique(list(first.values()))
        row = {label: place for place, label in enumerate(ids.tolist())}
        places = {label: row[first[sentences[label]]] for label in labels}
        places_N = np.array([places[label] for label in labels_N.tolist()])
        sums_LD = np.zeros((len(ids), clips_ND.shape[1]))
        np.add.at(sums_LD, places_N, clips_ND)
        return cls(clips_ND, places_N, ids, unit(sums_LD), np.stack([texts[label] for label in ids.tolist()]), places)

    def place(self, labels_Q: np.ndarray) -> np.ndarray:
        """``[Q]``: where the sentences stand, -1 for one that no reference is of."""
        return np.array([self.places.get(label, -1) for label in labels_Q.tolist()], np.int64)

    def same_words(self, labels_Q: np.ndarray) -> np.ndarray:
        """``[Q]`` the sentence id under which the words of each stand here; its own where no reference has them."""
        places = self.place(labels_Q)
        return np.where(places >= 0, self.sentence_ids_L[places], labels_Q)


@dataclass(frozen=True)
class Scores:
    """Cosines of queries to sentences, ``[Q, L]`` each: to the best ``clip``, to the ``prototype``, to the ``text``.

    ``fused`` is their weighted mean; -inf marks a sentence that is no candidate.
    """

    clip: np.ndarray
    prototype: np.ndarray
    text: np.ndarray
    fused: np.ndarray

    def __len__(self) -> int:
        return len(self.fused)

    def only(self, chosen_Q: np.ndarray) -> "Scores":
        """Of some queries."""
        return Scores(**{name: values[chosen_Q] for name, values in vars(self).items()})

    def without(self, places_Q: np.ndarray) -> "Scores":
        """As if the sentence at ``places_Q`` (of L) were unknown to each query."""
        kinds = {name: values.copy() for name, values in vars(self).items()}
        for values in kinds.values():
            values[np.arange(len(values)), places_Q] = -np.inf
        return replace(self, **kinds)


def search(queries_QD: np.ndarray, references: References, weights: FusionParams) -> Scores:
    """Score every sentence for each query, which has length 1."""
    _, clip = label_scores(queries_QD @ references.clips_ND.T, references.places_N)
    prototype = queries_QD @ references.prototypes_LD.T
    text = queries_QD @ references.texts_LD.T
    total = weights.clip + weights.prototype + weights.text
    fused = (weights.clip * clip + weights.prototype * prototype + weights.text * text) / total
    return Scores(clip, prototype, text, fused)


def best(scores_QL: np.ndarray, count: int) -> np.ndarray:
    """``[Q, count]``: places of the highest scores, best first, equal ones in order."""
    return np.argsort(-scores_QL, axis=1, kind="stable")[:, :count]
