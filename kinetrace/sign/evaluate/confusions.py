"""Which sentences are taken for which."""

from collections import Counter

import numpy as np

from kinetrace.sign.model.batches import Corpus


def confused(gallery: Corpus, test: Corpus, nearest: np.ndarray, most: int = 15) -> list[tuple[str, str, int]]:
    """(true sentence, answered sentence, clips): the commonest wrong answers; ``nearest`` ``[N]`` are answered ids."""
    names = dict(zip(gallery.labels.tolist(), gallery.sentences, strict=True))
    wrong = np.flatnonzero(nearest != test.labels).tolist()
    pairs = Counter((test.sentences[index], names[int(nearest[index])]) for index in wrong)
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(true, answered, number) for (true, answered), number in ordered[:most]]
