import numpy as np
import pytest

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
