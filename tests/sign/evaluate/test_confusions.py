import numpy as np

from kinetrace.shards import Shards
from kinetrace.sign.evaluate.confusions import confused
from kinetrace.sign.model.batches import Corpus
from tests.sign.trained import prepared


def test_confused_counts_wrong_pairs_commonest_first():
    corpus = Corpus.of(Shards.open(prepared().folders.shards).subset("test"), 256)
    labels = corpus.labels
    other = labels[labels != labels[0]][0]
    nearest = labels.copy()
    nearest[labels == labels[0]] = other
    one = np.flatnonzero(labels == other)[0]
    nearest[one] = labels[0]
    names = dict(zip(labels.tolist(), corpus.sentences, strict=True))
    assert confused(corpus, corpus, nearest) == [
        (names[labels[0]], names[other], int((labels == labels[0]).sum())),
        (names[other], names[labels[0]], 1),
    ]
