import json

import numpy as np
import pytest

from kinetrace.operations.evaluate import report
from kinetrace.operations.evaluate.report import Judged, by_clip, counted
from kinetrace.operations.evaluate.scores import predictions
from kinetrace.registry.gates import Evaluation, known
from kinetrace.stages import evaluate
from tests.operations import squares
from tests.operations.evaluate.knowing import Knowing, answers

PARAMS = squares.params(promote__no_worse=["oca", "tiou", "aa1"], promote__floors={"f1@50/viterbi": 0.1})


def judged(right=1.0, people=6):
    table, _ = squares.table(people=people)
    table = table.assign(subject=table.subject.where(table.split != "val", "P9")).assign(
        split=table.split.replace("val", "test")
    )
    train, test = (table[table.split == split].reset_index(drop=True) for split in ("train", "test"))
    said = answers(test, right, squares.LABELS)
    return Judged.of(train, test, said, squares.LABELS, PARAMS.evaluate)


def reported(found):
    table = predictions(found.clips, found.predicted, found.labels)
    return table, report.report(found, table, PARAMS.evaluate)


@pytest.fixture(scope="module")
def right():
    return reported(judged())


def test_who_is_always_right_has_every_metric_at_its_best(right):
    metrics = right[1]["metrics"]
    for name in ("oca", "tiou", "tiou@0.7", "aa1", "aa5", "macro_f1/frames", "edit/frames", "f1@50/frames"):
        assert metrics[name]["value"] == pytest.approx(1, abs=1e-6), name
        assert metrics[name]["better"] == "higher"


def test_each_metric_of_clips_stands_beside_its_baselines(right):
    metrics = right[1]["metrics"]
    assert set(metrics["oca"]["baselines"]) == {"majority"}
    assert set(metrics["tiou"]["baselines"]) == {"whole clip", "position"}
    assert set(metrics["aa1"]["baselines"]) == {"majority", "bigram", "bigram of truth"}
    assert set(metrics["macro_f1/frames"]["baselines"]) == {"majority"}
    assert metrics["tiou"]["baselines"]["whole clip"] < 1
    # what follows Across is not to be told from Across: the bigram is right about the others, and about half of it
    assert 0.5 < metrics["aa1"]["baselines"]["bigram of truth"] < 0.95


def test_the_bigram_on_the_answer_is_worse_than_on_the_truth_where_the_answer_is():
    found = judged(right=0.5)
    metrics = by_clip(found, predictions(found.clips, found.predicted, found.labels), PARAMS.evaluate)
    assert 0.35 < metrics["oca"]["value"] < 0.65
    assert metrics["aa1"]["baselines"]["bigram"] < metrics["aa1"]["baselines"]["bigram of truth"]


def test_a_grammar_mends_moments_that_are_wrong_here_and_there():
    _, content = reported(judged(right=0.8))
    values = {name: metric["value"] for name, metric in content["metrics"].items()}
    assert values["f1@50/viterbi"] > values["f1@50/frames"] + 0.2
    assert values["edit/live"] > values["edit/frames"]


def test_breaks_and_windows_do_not_count_as_clips():
    found = judged()
    assert set(found.clips.kind) == {"boundary", "middle"} and "Null" not in set(found.clips.label)
    table, _ = squares.table()
    assert 0 < counted(table).sum() < len(table)


def test_every_metric_is_in_one_group_and_the_headline_exists(right):
    content = right[1]
    grouped = [name for group in content["groups"] for name in group["metrics"]]
    assert sorted(grouped) == sorted(content["metrics"])
    assert set(content["headline"]) <= set(content["metrics"])
    assert evaluate.tables(content)


def test_gates_can_name_what_was_measured(right):
    table, content = right
    known(PARAMS.promote, Evaluation(content, table))
    json.dumps(content, allow_nan=False)


def test_the_worst_pair_is_named():
    found = judged(right=0.5).confusion
    assert found.shape == (3, 3)
    _, content = reported(judged(right=0.5))
    assert {content["worst_pair"]["first"], content["worst_pair"]["second"]} <= set(squares.LABELS)
    assert reported(judged())[1]["worst_pair"] is None


def test_parts_of_the_test_split_are_told_apart(right):
    slices = {(part["by"], part["name"]): part for part in right[1]["slices"]}
    assert {("subject", "P5"), ("kind", "boundary"), ("operation", "Up")} <= set(slices)
    assert sum(part["clips"] for (by, _), part in slices.items() if by == "kind") == right[1]["test_clips"]


def test_a_single_recording_has_no_interval_of_its_own():
    table, _ = squares.table()
    train, test = (table[table.split == split].reset_index(drop=True) for split in ("train", "test"))
    found = Judged.of(train, test, answers(test, 1.0, squares.LABELS), squares.LABELS, PARAMS.evaluate)
    _, content = reported(found)
    assert content["test_recordings"] == 1
    assert content["metrics"]["macro_f1/frames"]["low"] is None


def test_without_windows_clips_are_judged_all_the_same():
    table, _ = squares.table()
    train, test = (table[table.split == split].reset_index(drop=True) for split in ("train", "test"))
    test = test[test.kind != "window"].reset_index(drop=True)
    found = Judged.of(train, test, answers(test, 1.0, squares.LABELS), squares.LABELS, PARAMS.evaluate)
    _, content = reported(found)
    assert not any(name.endswith("/frames") for name in content["metrics"])
    assert np.isfinite(content["metrics"]["oca"]["value"])


def test_a_knowing_model_is_one_for_evaluation():
    assert Knowing().labels == squares.LABELS
