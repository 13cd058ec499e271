"""Gates: a figure against a limit, the champion on the same clips, and NaN that passes nothing."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.params import EvaluateParams, PromoteParams
from kinetrace.registry import gates
from kinetrace.registry.gates import Evaluation, Gate
from tests.candidates import metric, predictions

EVALUATE = EvaluateParams(resamples=200, confidence=0.95, seed=7)


def limits(**changes: Any) -> PromoteParams:
    return PromoteParams(**({"floors": {}, "ceilings": {}, "no_worse": [], "parity": 1e-4} | changes))


def evaluation(quality: float, first: int = 0, last: int = 80, digest: str = "same") -> Evaluation:
    metrics = {"ret1": metric(quality, "higher"), "wer": metric(1 - quality, "lower"), "bleu": metric(1.0, "higher")}
    return Evaluation({"test_digest": digest, "metrics": metrics}, predictions(quality, first, last))


def compare(name: str, candidate: Evaluation, champion: Evaluation | None) -> Gate:
    return gates.no_worse(name, candidate, champion, candidate.metrics["metrics"][name]["better"], EVALUATE)


@given(figure=st.floats(allow_nan=True), limit=st.floats(-1, 1))
def test_a_floor_and_a_ceiling_are_inclusive_and_nan_passes_neither(figure: float, limit: float) -> None:
    params = limits(floors={"ret1": limit}, ceilings={"ret1": limit})
    floor, ceiling = gates.bounds(params, {"ret1": {"value": figure}})
    assert (floor.passed, ceiling.passed) == (figure >= limit, figure <= limit)
    assert floor.passed or ceiling.passed or math.isnan(figure)


@pytest.mark.parametrize("value", [None, math.nan, "0.9", True])
def test_what_is_no_number_passes_nothing(value: Any) -> None:
    (floor,) = gates.bounds(limits(floors={"ret1": 0.0}), {"ret1": {"value": value}})
    assert not floor.passed
    assert floor.as_dict()["figure"] is None
    assert not gates.parity(limits(), {"encoder": 0.0, "decoder": value}).passed


def test_parity_is_the_largest_difference_and_must_have_been_measured() -> None:
    assert gates.parity(limits(), {"encoder": 1e-4, "decoder": 1e-6}).passed
    assert gates.parity(limits(), {"encoder": 1e-4, "decoder": 1e-6}).figure == 1e-4
    assert not gates.parity(limits(), {"encoder": 1.1e-4}).passed
    assert not gates.parity(limits(), {}).passed


@pytest.mark.parametrize("name", ["ret1", "wer"])
def test_only_a_significant_loss_is_refused(name: str) -> None:
    champion = evaluation(0.8)
    verdicts = {quality: compare(name, evaluation(quality), champion).passed for quality in (0.5, 0.79, 0.8, 0.95)}
    assert verdicts == {0.5: False, 0.79: True, 0.8: True, 0.95: True}


def test_the_same_model_differs_by_nothing() -> None:
    gate = compare("ret1", evaluation(0.8), evaluation(0.8))
    assert (gate.figure, gate.limit, gate.passed) == (0.0, 0.0, True)


def test_without_a_champion_there_is_nothing_to_lose() -> None:
    assert compare("ret1", evaluation(0.1), None).passed


def test_rows_are_joined_by_clip_whatever_their_order() -> None:
    candidate, champion = evaluation(0.7), evaluation(0.8)
    shuffled = Evaluation(champion.metrics, champion.predictions.sample(frac=1, random_state=1))
    assert compare("ret1", candidate, shuffled) == compare("ret1", candidate, champion)


def test_other_test_sets_are_compared_on_the_clips_in_common() -> None:
    candidate = evaluation(0.8, 0, 80, "one")
    gate = compare("ret1", candidate, evaluation(0.8, 60, 200, "two"))
    assert gate.passed and "test sets differ, decided on the 20 clips in common" in gate.words
    gate = compare("ret1", candidate, evaluation(0.1, 80, 160, "two"))
    assert not gate.passed and "no test clip in common" in gate.words


def test_a_champion_that_never_measured_the_metric_is_not_replaced_unseen() -> None:
    champion = evaluation(0.1)
    older = Evaluation(champion.metrics, champion.predictions.drop(columns="wer/numerator"))
    gate = compare("wer", evaluation(0.9), older)
    assert not gate.passed and "lack wer/numerator" in gate.words


def test_a_comparison_with_nan_in_it_is_refused() -> None:
    candidate = evaluation(0.9)
    candidate.predictions.loc[3, "ret1/numerator"] = np.nan
    gate = compare("ret1", candidate, evaluation(0.1))
    assert not gate.passed and gate.as_dict()["figure"] is None and "undefined" in gate.words
    empty = Evaluation(candidate.metrics, evaluation(0.9).predictions.assign(**{"ret1/denominator": 0.0}))
    assert not compare("ret1", empty, evaluation(0.1)).passed


def test_an_empty_test_set_is_refused() -> None:
    nothing = Evaluation(evaluation(0.9).metrics, pd.DataFrame(evaluation(0.9).predictions.iloc[:0]))
    assert not compare("ret1", nothing, evaluation(0.1)).passed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"floors": {"ret5": 0.5}}, r"promote\.floors: no metric 'ret5' \(known: bleu, ret1, wer\)"),
        ({"ceilings": {"WER": 0.5}}, r"promote\.ceilings: no metric 'WER'"),
        ({"no_worse": ["bleu"]}, r"promote\.no_worse: no metric 'bleu' \(known: ret1, wer\)"),
    ],
)
def test_an_unknown_metric_is_named_with_those_there_are(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(KinetraceError, match=words):
        gates.known(limits(**changes), evaluation(0.8))
    gates.known(limits(floors={"bleu": 1.0}, no_worse=["ret1"]), evaluation(0.8))
