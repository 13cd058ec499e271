"""Only the validation split may choose."""

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sweep import objective
from kinetrace.sweep.objective import Objective

COLUMNS = ["epoch", "loss", "val_inst1", "val_neg_sim"]
METRICS = {"metrics": {"inst1": {"better": "higher"}, "neg_sim": {"better": "lower"}}}


@pytest.mark.parametrize("metric", ["ret1", "wer", "loss", "metrics.json"])
def test_a_metric_of_another_split_may_not_choose(metric):
    with pytest.raises(KinetraceError, match="test split"):
        objective.refuse_test(metric)


def test_a_validation_metric_or_none_may():
    objective.refuse_test("val_inst1")
    objective.refuse_test("")


def test_the_first_validation_metric_is_the_default():
    assert objective.of(COLUMNS, METRICS, "", "", "x") == Objective("val_inst1", "maximize")


def test_the_direction_is_that_of_the_test_metric_of_the_same_name():
    assert objective.of(COLUMNS, METRICS, "val_neg_sim", "", "x").direction == "minimize"
    assert objective.of(COLUMNS, METRICS, "val_neg_sim", "maximize", "x").direction == "maximize"
    assert objective.of(COLUMNS, {}, "val_neg_sim", "", "x").direction == ""


def test_a_metric_that_is_not_there_is_answered_with_what_is():
    with pytest.raises(KinetraceError, match="no column val_ret1; there is: val_inst1, val_neg_sim"):
        objective.of(COLUMNS, METRICS, "val_ret1", "", "x")
    with pytest.raises(KinetraceError, match="no validation metric; there is: none"):
        objective.of(["epoch", "loss"], METRICS, "", "", "x")


@pytest.mark.parametrize(("direction", "first"), [("maximize", 2.0), ("minimize", -1.0), ("", 1.0)])
def test_the_best_comes_first_and_no_value_last(direction, first):
    ranked = sorted([None, 1.0, 2.0, -1.0], key=Objective("val_x", direction).rank)
    assert (ranked[0], ranked[-1]) == (first, None)
