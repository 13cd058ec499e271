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
    similarity = baselines.neighbour_similarity(split["test"], split["test"])
    np.testing.assert_allclose(np.diag(similarity), 1, atol=1e-5)
    assert similarity.argmax(1).tolist() == list(range(len(split["test"])))
