from collections import Counter

import numpy as np
import pytest

from kinetrace.shards import Shards
from kinetrace.sign.evaluate import baselines
from kinetrace.sign.model.batches import Corpus
from tests.sign.trained import prepared


@pytest.fixture(scope="module")
def split():
    shards = Shards.open(prepared().folders.shards)
    return {name: Corpus.of(shards.subset(name), 256) for name in ("train", "test")}


def test_the_neighbour_of_a_clip_in_its_own_gallery_is_itself(split):
    asked, known = baselines.standardized(split["test"], split["test"])
    similarity = asked @ known.T
    np.testing.assert_allclose(np.diag(similarity), 1, atol=1e-5)
    assert similarity.argmax(1).tolist() == list(range(len(split["test"])))


def test_sentence_figures_do_not_count_case_and_punctuation():
    found = baselines.sentence_figures(["i want a hot tea"], ["I want a hot tea!"])
    assert found == pytest.approx({"wer": 0, "exact": 1, "bleu": 100, "chrf": 100, "rouge_l": 1})


def test_the_constant_answer_is_the_commonest_sentence(split):
    gallery = split["train"]
    wanted = Counter(gallery.sentences).most_common(1)[0][1]
    assert Counter(gallery.sentences)[baselines.commonest(gallery, gallery.sentences)] == wanted
