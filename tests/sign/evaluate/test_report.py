import numpy as np
import pytest
import torch

from kinetrace.clips import read_table
from kinetrace.files import read_json
from kinetrace.metrics import text
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import report
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.inference import encode_corpus
from tests.sign.trained import trained


@pytest.fixture(scope="module")
def job():
    job = trained()
    report.run(job)
    return job


@pytest.fixture(scope="module")
def split(job):
    shards = Shards.open(job.folders.shards)
    return {name: Corpus.of(shards.subset(name), 256) for name in ("train", "test")}


def test_the_report_has_value_interval_direction_and_baselines(job):
    found = read_json(job.folders.metrics)
    assert set(found["metrics"]) == {
        "ret1", "ret5", "mrr", "inst1", "pos_sim", "neg_sim", "wer", "exact", "bleu",
    }  # fmt: skip
    for metric in found["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert {name for name, metric in found["metrics"].items() if metric["better"] == "lower"} == {"wer", "neg_sim"}
    assert set(found["metrics"]["ret1"]["baselines"]) == {"chance", "nearest_neighbour"}
    assert set(found["metrics"]["wer"]["baselines"]) == {"constant", "nearest_neighbour"}
    assert found["metrics"]["ret1"]["baselines"]["chance"] == pytest.approx(1 / 6)


def test_ret1_and_mrr_agree_with_brute_force(job, split):
    model = Checkpoint.load(job.folders.checkpoint).model
    known, asked = (encode_corpus(model, split[name]).embeddings for name in ("train", "test"))
    ranks = []
    for query, label in zip(asked, split["test"].labels, strict=True):
        best = {}
        for vector, other in zip(known, split["train"].labels, strict=True):
            best[other] = max(best.get(other, -2.0), float(vector @ query))
        ranks.append(1 + sum(score > best[label] for score in best.values()))
    metrics = read_json(job.folders.metrics)["metrics"]
    assert metrics["ret1"]["value"] == pytest.approx(np.mean(np.array(ranks) == 1))
    assert metrics["mrr"]["value"] == pytest.approx(np.mean(1 / np.array(ranks)))


def test_predictions_hold_what_the_metrics_are_made_of(job, split):
    table, metrics = read_table(job.folders.predictions), read_json(job.folders.metrics)["metrics"]
    assert sorted(table.clip_id) == sorted(split["test"].clip_ids)
    for name in ("ret1", "mrr", "wer", "exact", "pos_sim"):
        ratio = table[f"{name}/numerator"].sum() / table[f"{name}/denominator"].sum()
        assert ratio == pytest.approx(metrics[name]["value"])
    errors, _ = text.word_errors(table.truth.tolist(), table.hypothesis.tolist())
    assert table["wer/numerator"].tolist() == errors.tolist()


def test_evaluating_again_gives_the_same_bytes(job):
    files = [job.folders.metrics, job.folders.predictions, *sorted(job.folders.plots.iterdir())]
    before = [path.read_bytes() for path in files]
    report.run(job)
    assert [path.read_bytes() for path in files] == before


def test_the_plots_are_there(job):
    names = sorted(path.name for path in job.folders.plots.iterdir())
    assert names == ["confusions.png", "curves.png", "embeddings.png", "similarity.png"]


def test_sentences_that_training_never_saw_get_an_anchor(job, split):
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    gone = checkpoint.sentence_ids[0]
    kept = torch.arange(1, len(checkpoint.sentence_ids))
    smaller = Checkpoint(
        checkpoint.model, checkpoint.params, checkpoint.vocabulary, checkpoint.sentences[1:],
        checkpoint.sentence_ids[1:], checkpoint.bank_LE[kept],
    )  # fmt: skip
    anchors, ids = report.text_anchors(smaller, split["test"])
    whole, whole_ids = report.text_anchors(checkpoint, split["test"])
    assert sorted(ids) == sorted(whole_ids)
    np.testing.assert_allclose(anchors[ids == gone], whole[whole_ids == gone], atol=1e-5)


def test_the_neighbour_of_a_clip_in_its_own_gallery_is_itself(split):
    similarity = report.neighbour_similarity(split["test"], split["test"])
    np.testing.assert_allclose(np.diag(similarity), 1, atol=1e-5)
    assert similarity.argmax(1).tolist() == list(range(len(split["test"])))


def test_confused_counts_wrong_pairs_commonest_first(split):
    corpus = split["test"]
    labels = corpus.labels
    other = labels[labels != labels[0]][0]
    nearest = labels.copy()
    nearest[labels == labels[0]] = other
    one = np.flatnonzero(labels == other)[0]
    nearest[one] = labels[0]
    scores = report.Scores(*(np.zeros(len(labels)),) * 4, [], [], nearest)
    names = dict(zip(labels.tolist(), corpus.sentences, strict=True))
    assert report.confused(corpus, corpus, scores) == [
        (names[labels[0]], names[other], int((labels == labels[0]).sum())),
        (names[other], names[labels[0]], 1),
    ]
