import jiwer
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


def test_every_metric_has_a_direction_and_stands_inside_its_interval(job):
    found = read_json(job.folders.metrics)["metrics"]
    for name, metric in found.items():
        assert metric["better"] in ("lower", "higher")
        if metric["low"] is not None:
            assert metric["low"] <= metric["value"] <= metric["high"], name
    without = {name for name, metric in found.items() if metric["low"] is None and not name.startswith("refusal/")}
    assert without == {
        "effective_rank", "alignment", "uniformity",
    }  # fmt: skip


def test_every_search_has_its_five_figures_beside_chance(job):
    found = read_json(job.folders.metrics)["metrics"]
    for names in (("ret{}", ""), ("inst{}", "inst_"), ("text_to_sign/ret{}", "text_to_sign/")):
        for name in [*(names[0].format(k) for k in (1, 5, 10)), f"{names[1]}mrr", f"{names[1]}median_rank"]:
            assert "chance" in found[name]["baselines"], name
    assert found["ret1"]["baselines"]["chance"] == pytest.approx(1 / 6)
    assert set(found["ret1"]["baselines"]) == {"chance", "nearest_neighbour"}


def test_sentences_stand_beside_a_constant_a_neighbour_and_shuffled_clips(job):
    found = read_json(job.folders.metrics)["metrics"]
    assert set(found["wer"]["baselines"]) == {"constant", "nearest_neighbour", "shuffled"}
    for name in ("exact", "bleu", "chrf", "rouge_l"):
        assert set(found[name]["baselines"]) == {"constant", "nearest_neighbour"}


def test_wer_bleu_and_chrf_are_those_of_the_references(job):
    table, content = read_table(job.folders.predictions), read_json(job.folders.metrics)
    truth, said = table.truth.tolist(), table.hypothesis.tolist()
    assert content["metrics"]["wer"]["value"] == pytest.approx(jiwer.wer(truth, said))
    assert content["metrics"]["bleu"]["value"] == pytest.approx(text.bleu(truth, said).value)
    assert content["metrics"]["chrf"]["value"] == pytest.approx(text.chrf(truth, said).value)
    assert content["bleu_signature"] == text.bleu(truth, said).signature


def test_every_metric_is_in_one_group(job):
    content = read_json(job.folders.metrics)
    grouped = [name for group in content["groups"] for name in group["metrics"]]
    assert sorted(grouped) == sorted(content["metrics"])


def test_parts_by_subject_category_and_length_have_the_headline(job):
    content = read_json(job.folders.metrics)
    assert {part["by"] for part in content["slices"]} == {"subject", "category", "length"}
    for part in content["slices"]:
        assert set(part["metrics"]) == set(content["headline"])
    for kind in ("subject", "category", "length"):
        assert sum(part["clips"] for part in content["slices"] if part["by"] == kind) == content["test_clips"]


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
    assert names == ["confusions.png", "curves.png", "embeddings.png", "refusal.png", "similarity.png", "slices.png"]
