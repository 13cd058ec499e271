"""Which sentences are taken for which."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kinetrace.sign.model.batches import Corpus

MOST = 14  # sentences in the picture


@dataclass(frozen=True)
class Confusions:
    """Of the K most confused ``sentences``: ``counts`` ``[K, K + 1]`` clips signed × retrieved, the last any other."""

    sentences: list[str]
    counts: np.ndarray


def confusions(gallery: Corpus, test: Corpus, nearest: np.ndarray) -> Confusions:
    """The sentences of the commonest wrong answers; ``nearest`` ``[N]`` are the sentence ids answered for ``test``."""
    names = dict(zip(gallery.labels.tolist(), gallery.sentences, strict=True))
    names |= dict(zip(test.labels.tolist(), test.sentences, strict=True))
    found = Counter(zip(test.labels.tolist(), nearest.tolist(), strict=True))
    wrong = sorted(((-clips, *pair) for pair, clips in found.items() if pair[0] != pair[1]))
    chosen = list(dict.fromkeys(label for _, *pair in wrong for label in pair))[:MOST]
    counts = np.zeros((len(chosen), len(chosen) + 1), np.int64)
    for row, true in enumerate(chosen):
        counts[row, :-1] = [found[true, answered] for answered in chosen]
        counts[row, -1] = np.count_nonzero(test.labels == true) - counts[row].sum()
    return Confusions([names[label] for label in chosen], counts)
