"""The report of a tiny trained tokenizer, against its predictions and against the codes themselves."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.files import digest_of, read_json
from kinetrace.params import PromoteParams
from kinetrace.registry import gates
from kinetrace.shards import Shards
from kinetrace.stages import evaluate
from kinetrace.tokens.evaluate import books, report
from kinetrace.tokens.evaluate.judged import Judged, predictions
from kinetrace.tokens.evaluate.scores import MODEL, RIVALS
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.codec.spec import Book, Spec
from kinetrace.tokens.model.inference import tokenized
from tests.tokens.trained import trained

PARTS = ("face", "left_hand", "right_hand", "body")
RECONSTRUCTION = ("mse", "rmse", "pck", "velocity_error", "unexplained_variance", "acceleration_ratio")


@pytest.fixture(scope="module")
def job():
    job = trained()
    report.run(job)
    return job


@pytest.fixture(scope="module")
def content(job):
    return read_json(job.folders.metrics)


@pytest.fixture(scope="module")
def table(job):
    return read_table(job.folders.predictions)


def test_every_metric_is_there_over_all_parts_and_of_each(content):
    of_parts = {f"{part}/{name}" for part in PARTS for name in RECONSTRUCTION}
    of_books = {
        f"{p}/{level}/{name}" for p in PARTS for level in "ab" for name in ("utilization", "perplexity", "entropy")
    }
    of_all = {"utilization", "perplexity", "test/utilization", "test/perplexity", "tokens_per_second", "repeats"}
    bits = {f"bits_per_second/{way}" for way in ("raw", "rle", "adaptive", "static", "presence")}
    assert set(content["metrics"]) == {*RECONSTRUCTION} | of_parts | of_books | of_all | bits
    assert set(content["headline"]) <= set(content["metrics"])
    assert {"utilization", "perplexity", "rmse"} <= set(content["headline"])


def test_reconstruction_has_an_interval_and_stands_beside_its_rivals(content):
    for name in (*RECONSTRUCTION, *(f"{part}/{metric}" for part in PARTS for metric in RECONSTRUCTION)):
        metric = content["metrics"][name]
        assert metric["low"] <= metric["value"] <= metric["high"]
        assert set(metric["baselines"]) == set(RIVALS)
    better = {name: content["metrics"][name]["better"] for name in RECONSTRUCTION}
    assert better == dict.fromkeys(RECONSTRUCTION, "lower") | {"pck": "higher", "acceleration_ratio": "near 1"}


def test_rmse_is_the_root_of_what_the_gate_compares(content, table):
    for part in ("", *(f"{part}/" for part in PARTS)):
        metrics = content["metrics"]
        squared = table[f"{part}mse/numerator"].sum() / table[f"{part}mse/denominator"].sum()
        assert metrics[f"{part}mse"]["value"] == pytest.approx(squared)
        assert metrics[f"{part}rmse"]["value"] == pytest.approx(squared**0.5)
        assert metrics[f"{part}rmse"]["high"] == pytest.approx(metrics[f"{part}mse"]["high"] ** 0.5)
        rivals = metrics[f"{part}rmse"]["baselines"]
        assert {who: value**2 for who, value in rivals.items()} == pytest.approx(metrics[f"{part}mse"]["baselines"])
    assert content["metrics"]["unexplained_variance"]["baselines"]["mean_pose"] == pytest.approx(1)


def test_books_are_judged_over_training_clips_by_part_and_level(job, content):
    checkpoint = Checkpoint.load(job.folders.checkpoint)
    shards = Shards.open(job.folders.shards)
    worst = {"": 1.0, "test/": 1.0}
    for prefix, split in (("", "train"), ("test/", "test")):
        found = list(tokenized(checkpoint.model, Corpus.of(shards.subset(split), checkpoint.params)))
        for part in PARTS:
            rows = np.concatenate([one.codes[part] for one in found])
            rows = rows[rows[:, 0] >= 0]
            for level, letter in enumerate("ab"):
                used = len(set(rows[:, level].tolist())) / checkpoint.codes[part]
                detail = content["codebooks"][part]["levels"][letter][split]
                assert (detail["chunks"], detail["utilization"]) == (len(rows), used)
                worst[prefix] = min(worst[prefix], used)
                if split == "train":
                    assert content["metrics"][f"{part}/{letter}/utilization"]["value"] == used
        assert content["metrics"][f"{prefix}utilization"]["value"] == worst[prefix]


def test_use_of_the_books_has_no_interval_but_a_ceiling(content):
    for name in ("utilization", "perplexity", "face/a/entropy", "test/perplexity"):
        metric = content["metrics"][name]
        assert (metric["low"], metric["high"]) == (None, None)
        assert set(metric["baselines"]) == {"uniform"}
    assert "utilization 1 (uniform" in evaluate.words("utilization", content["metrics"]["utilization"] | {"value": 1})


def test_bits_and_tokens_of_a_second(job, content, table):
    value = {name: metric["value"] for name, metric in content["metrics"].items()}
    seconds = table["tokens_per_second/denominator"].sum()
    clips = Shards.open(job.folders.shards).subset("test").clips
    assert seconds == pytest.approx(float((clips.num_frames / clips.fps).sum()))
    assert value["bits_per_second/raw"] == pytest.approx(value["tokens_per_second"] * 3)  # all books have 8 codes
    parts = [content["codebooks"][part]["bits_per_second"] for part in PARTS]
    for way in ("raw", "rle", "adaptive", "static", "presence"):
        assert value[f"bits_per_second/{way}"] == pytest.approx(sum(part[way] for part in parts))
    assert content["metrics"]["bits_per_second/static"]["baselines"] == {"raw": value["bits_per_second/raw"]}
    assert 0 <= value["repeats"] <= 1


def test_predictions_are_one_row_a_test_clip_in_order(job, content, table):
    clips = Shards.open(job.folders.shards).subset("test").clips
    assert table.clip_id.tolist() == clips.clip_id.tolist()
    assert table.select_dtypes("number").notna().all().all()
    assert content["test_clips"] == len(clips)
    assert content["test_subjects"] == sorted(set(clips.subject))
    assert content["test_digest"] == digest_of(sorted(clips.digest))


def test_gates_can_ask_for_reconstruction_and_for_the_books(job, content, table):
    mine = gates.Evaluation(content, table)
    ask = partial(PromoteParams, ceilings={}, parity=1e-4)
    params = ask(floors={"utilization": 0.1, "face/a/perplexity": 0.1}, no_worse=["mse", "face/mse", "pck"])
    gates.known(params, mine)
    assert all(gate.passed for gate in gates.bounds(params, content["metrics"]))
    assert gates.no_worse("mse", mine, mine, "lower", job.params.evaluate).passed
    worse = table.assign(**{"mse/numerator": table["mse/numerator"] * 1.2})
    assert not gates.no_worse("mse", gates.Evaluation(content, worse), mine, "lower", job.params.evaluate).passed
    for name in ("acceleration_ratio", "rmse"):
        with pytest.raises(KinetraceError, match=name):
            gates.known(ask(floors={}, no_worse=[name]), mine)


def test_evaluating_again_gives_the_same_bytes(job):
    written = [job.folders.metrics, job.folders.predictions, *sorted(job.folders.plots.iterdir())]
    before = [path.read_bytes() for path in written]
    report.run(job)
    assert [path.read_bytes() for path in written] == before


def test_the_plots_are_there_and_small(job):
    found = {path.name: path.stat().st_size for path in job.folders.plots.iterdir()}
    assert set(found) == {"curves.png", "usage.png", "reconstruction.png", "film.gif", "worst.gif"}
    assert max(found.values()) < 3_000_000


def test_a_codec_that_loses_codes_stops_the_evaluation(job, monkeypatch):
    monkeypatch.setattr(books.template, "parse", lambda text, spec: dict.fromkeys(spec.parts, np.zeros((1, 2), int)))
    with pytest.raises(RuntimeError, match="template"):
        report.run(job)


def test_parts_that_no_test_clip_shows_are_unknown_and_still_json():
    spec = Spec((Book("face", 1, 4), Book("body", 1, 4)))
    clips = pd.DataFrame(
        {
            "clip_id": ["a", "b"],
            "digest": ["x", "y"],
            "subject": ["p", "q"],
            "label_id": [0, 1],
            "num_frames": 10,
            "fps": 5.0,
        }
    )
    ratios = ("mse", "pck", "velocity_error", "unexplained_variance", "acceleration_ratio")
    sums = pd.DataFrame({f"{name}/{kind}": [0.0, 0.0] for name in ratios for kind in ("numerator", "denominator")})
    absent = [np.full((2, 1), -1)] * 2
    judged = Judged(
        clips, dict.fromkeys((MODEL, *RIVALS), sums), {part: [np.array([[0], [1]])] for part in spec.parts},
        dict.fromkeys(spec.parts, absent), spec,
    )  # fmt: skip
    content = report.report(predictions(judged), judged, trained().params.evaluate)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    metrics = content["metrics"]
    assert (metrics["rmse"]["value"], metrics["rmse"]["low"], metrics["rmse"]["baselines"]) == (None, None, {})
    assert metrics["test/utilization"] == {
        "value": None,
        "low": None,
        "high": None,
        "better": "higher",
        "baselines": {},
    }
    assert metrics["bits_per_second/raw"]["value"] == 0
    assert "rmse unknown" in evaluate.words("rmse", metrics["rmse"])
