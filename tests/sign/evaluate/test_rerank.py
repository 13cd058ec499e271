import numpy as np
import pytest

from kinetrace.clips import read_table
from kinetrace.files import read_json
from kinetrace.metrics import retrieval
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import report
from kinetrace.sign.evaluate.refusal import references_of
from kinetrace.sign.evaluate.rerank import added, reranked
from kinetrace.sign.evaluate.splits import encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.runtime.rerank import Reranker
from kinetrace.sign.runtime.search import search
from tests.sign.trained import trained


@pytest.fixture(scope="module")
def job():
    job = trained()
    report.run(job)
    return job


@pytest.fixture(scope="module")
def splits(job):
    return encode(Checkpoint.load(job.folders.checkpoint), Shards.open(job.folders.shards), job.params)


@pytest.fixture(scope="module")
def references(job, splits):
    return references_of(splits.gallery, Checkpoint.load(job.folders.checkpoint))


@pytest.fixture(scope="module")
def table(job):
    return read_table(job.folders.predictions)


def test_both_looks_stand_side_by_side_with_what_the_second_adds(job):
    content = read_json(job.folders.metrics)
    for name in ("ret1", "mrr"):
        first, again, gain = (
            content["metrics"][name],
            content["metrics"][f"{name}_reranked"],
            content["rerank"]["gain"][name],
        )
        assert again["baselines"] == {"first_search": first["value"]}
        assert gain["value"] == pytest.approx(again["value"] - first["value"])
        assert gain["low"] <= gain["value"] <= gain["high"]


def test_the_metrics_are_those_of_each_clip_looked_at_by_the_runtime(job, splits, references, table):
    gallery, test = splits.gallery, splits.test
    reranker = Reranker.of(job.params.evaluate.rerank, gallery.tokens, gallery.labels)
    fused = search(test.embeddings, references, job.params.evaluate.fusion).fused
    ids, ranks, nearest = references.sentence_ids_L, [], []
    for tokens, embedding, label, first in zip(test.tokens, test.embeddings, test.labels, fused, strict=True):
        similarity = gallery.embeddings @ embedding
        look = reranker.look(tokens, similarity)
        scores = reranker.both(first, references.places_N, look).fused_L
        ranks.append(1 + (scores > scores[ids == label]).sum())
        nearest.append(look.distances.min())
    metrics = read_json(job.folders.metrics)["metrics"]
    assert metrics["ret1_reranked"]["value"] == pytest.approx(np.mean(np.array(ranks) == 1))
    assert metrics["mrr_reranked"]["value"] == pytest.approx(np.mean(1 / np.array(ranks)))
    np.testing.assert_allclose(table.dtw_distance, nearest, atol=1e-6)


def test_each_row_says_the_answer_and_how_near_it_is(job, splits, references, table):
    found = reranked(splits.gallery, splits.test, references, job.params.evaluate)
    assert table.reranked_label_id.tolist() == found.ids[found.scores.argmax(1)].tolist()
    np.testing.assert_allclose(table.dtw_score, np.exp(-job.params.evaluate.rerank.decay * table.dtw_distance))
    right = table.reranked_label_id == table.label_id
    assert right.astype(float).tolist() == table["ret1_reranked/numerator"].tolist()


def test_a_clip_of_the_gallery_finds_itself(job, splits, references):
    found = reranked(splits.gallery, splits.gallery, references, job.params.evaluate)
    np.testing.assert_allclose(found.distances, 0, atol=1e-3)
    ranks = retrieval.ranks(found.scores, splits.gallery.labels, found.ids)
    assert (ranks == 1).mean() > 0.9


def test_switched_off_nothing_is_added(job, splits, references, table):
    off = job.params.evaluate.rerank.model_copy(update={"alpha": 0.0})
    params = job.params.evaluate.model_copy(update={"rerank": off})
    content = {"metrics": {}, "groups": []}
    same_table, same = added(table, content, splits, references, params)
    assert same_table is table and same is content
