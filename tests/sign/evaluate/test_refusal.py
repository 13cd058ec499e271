from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kinetrace.files import read_json
from kinetrace.metrics.embedding import unit
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import refusal
from kinetrace.sign.evaluate.splits import encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.params import FusionParams
from kinetrace.sign.runtime.calibrate import PUBLISHED, Calibration, calibrate
from kinetrace.sign.runtime.confidence import Confidence
from kinetrace.sign.runtime.gates import GATES, Thresholds
from kinetrace.sign.runtime.search import References
from tests.sign.trained import evaluated, tiny

EQUAL = FusionParams(clip=1, prototype=1, text=1)


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint.load(evaluated().folders.checkpoint)


@pytest.fixture(scope="module")
def splits(checkpoint):
    return encode(checkpoint, Shards.open(evaluated().folders.shards), evaluated().params)


@pytest.fixture(scope="module")
def references(splits, checkpoint):
    return refusal.references_of(splits.gallery, checkpoint)


def world(noise: float, count: int = 200, sentences: int = 8) -> tuple[References, np.ndarray, np.ndarray]:
    """References on the axes of a space, clips near them, and their sentences' ids."""
    axes = np.eye(sentences)
    ids = list(range(sentences))
    references = References.of(axes, np.arange(sentences), dict(zip(ids, axes, strict=True)), {i: str(i) for i in ids})
    generator = np.random.default_rng(0)
    labels = generator.integers(sentences, size=count)
    return references, unit(axes[labels] + generator.normal(0, noise, (count, sentences))), labels


def judged(noise: float, thresholds: Thresholds) -> refusal.Judged:
    references, embeddings, labels = world(noise)
    parts = refusal.labelled(embeddings, np.ones(len(labels)), labels, references, EQUAL)
    rows = pd.concat([pd.DataFrame({"label_id": labels, "subject": "anna"})] * 2)
    calibration = Calibration(thresholds, Confidence(0.05, 0.7), True)
    return refusal.judge(parts, rows, calibration, tiny().evaluate)


def value(found: refusal.Judged, name: str) -> float:
    return found.metrics[f"refusal/{name}"]["value"]


def test_clear_clips_are_told_from_unknown_ones():
    found = judged(0.05, Thresholds(motion=0.1, similarity=0.7, margin=0.1, agreement=0.0))
    for name in ("auroc", "precision", "coverage", "coverage_at_precision"):
        assert value(found, name) == pytest.approx(1), name
    assert value(found, "ece") < 0.05
    assert found.content["kinds"]["unknown"] | {"refused_by": 0} == {
        "clips": 200, "accepted": 0, "auroc": 1, "refused_by": 0,
    }  # fmt: skip


def test_without_gates_every_unknown_clip_is_answered_wrongly():
    found = judged(0.05, Thresholds(motion=0, similarity=-1, margin=-2, agreement=-2))
    assert value(found, "precision") == pytest.approx(0.5) and value(found, "coverage") == 1
    assert value(found, "coverage_at_precision") == 1  # what the confidence could do


def test_shut_gates_accept_nothing_and_then_no_precision_is_known():
    found = judged(0.05, Thresholds(motion=0, similarity=2, margin=-2, agreement=-2))
    assert value(found, "precision") is None and value(found, "coverage") == 0
    for kind in found.content["kinds"].values():
        assert kind["refused_by"] == {"motion": 0, "similarity": 1, "margin": 0, "agreement": 0}


def test_noise_costs_all_of_it():
    gates = Thresholds(motion=0, similarity=0.5, margin=0, agreement=-2)
    clear, noisy = judged(0.05, gates), judged(0.5, gates)
    for name in ("auroc", "precision", "coverage", "coverage_at_precision"):
        assert value(noisy, name) < value(clear, name), name


def test_an_unknown_clip_is_one_whose_sentence_is_left_out_everywhere(splits, references):
    test = splits.test
    known, unknown, foreign = refusal.labelled(
        test.embeddings, np.ones(len(test)), test.labels, references, tiny().evaluate.fusion
    )
    places = references.place(test.labels)
    rows = np.arange(len(test))
    assert np.isneginf(unknown.fused[rows, places]).all() and np.isfinite(known.fused).all()
    assert not unknown.correct.any() and not unknown.known and known.known
    assert known.correct.tolist() == (known.fused.argmax(1) == places).tolist()
    assert len(foreign.fused) == 0


def test_clips_of_sentences_without_references_are_unknown_as_they_are(splits, references):
    labels = splits.test.labels.copy()
    labels[:2] = 10**6
    known, unknown, foreign = refusal.labelled(splits.test.embeddings, np.ones(len(labels)), labels, references, EQUAL)
    assert [len(part.fused) for part in (known, unknown, foreign)] == [len(labels) - 2, len(labels) - 2, 2]
    assert foreign.kind == "unknown" and np.isfinite(foreign.fused).all()


def test_every_input_has_a_row_that_says_whose_clip_it_was(splits, references, checkpoint):
    parts, rows = refusal.asked(splits.test, references, checkpoint.model, evaluated().params)
    assert [part.kind for part in parts] == ["known", "unknown", "unknown", "random", "still"]
    assert len(rows) == sum(len(part.fused) for part in parts)
    assert rows.label_id.tolist()[: len(splits.test)] == splits.test.labels.tolist()


def test_stillness_never_passes_the_motion_gate(splits, references, checkpoint):
    found = refusal.run(splits, checkpoint, evaluated().params)
    assert found.content["kinds"]["still"]["refused_by"]["motion"] == 1
    assert found.content["kinds"]["known"]["refused_by"]["motion"] == 0


def test_views_are_other_embeddings_of_the_same_clips_and_the_same_again(splits, references, checkpoint):
    params = evaluated().params
    corpus = splits.val.corpus
    found = refusal.views(corpus, references, checkpoint.model, params)
    again = refusal.views(corpus, references, checkpoint.model, params)
    assert len(found) == 3 * params.evaluate.refusal.views
    assert [len(part.fused) for part in found[:2]] == [len(corpus)] * 2
    np.testing.assert_array_equal(found[0].fused, again[0].fused)
    assert np.abs(found[0].fused - found[3].fused).max() > 1e-4


def test_without_validation_clips_the_published_constants_are_judged(splits, checkpoint):
    none = replace(splits.val, corpus=replace(splits.val.corpus, clip_ids=[]))
    found = refusal.run(replace(splits, val=none), checkpoint, evaluated().params)
    assert found.content["calibrated"] is False
    assert found.content["thresholds"]["similarity"] == PUBLISHED.similarity


def test_sentences_that_are_all_new_leave_nothing_to_cover():
    references, embeddings, labels = world(0.05)
    parts = refusal.labelled(embeddings, np.ones(len(labels)), labels + 100, references, EQUAL)
    rows = pd.DataFrame({"label_id": labels, "subject": "anna"})
    found = refusal.judge(parts, rows, calibrate([], 1e-3, tiny().evaluate.refusal), tiny().evaluate)
    assert [value(found, name) for name in ("auroc", "coverage", "coverage_at_precision")] == [None] * 3
    assert list(found.content["kinds"]) == ["unknown"]


def test_the_report_holds_metrics_and_what_export_needs():
    content = read_json(evaluated().folders.metrics)
    names = ["refusal/auroc", "refusal/precision", "refusal/coverage", "refusal/coverage_at_precision", "refusal/ece"]
    assert names in [group["metrics"] for group in content["groups"]]
    assert {content["metrics"][name]["better"] for name in names[:4]} == {"higher"}
    assert content["metrics"]["refusal/ece"]["better"] == "lower"
    assert set(content["refusal"]["thresholds"]) == set(GATES)
    assert list(content["refusal"]["kinds"]) == ["known", "random", "still", "unknown"]
