import numpy as np
import pandas as pd
import pytest

from kinetrace.metrics import bootstrap, figures
from kinetrace.params import EvaluateParams

PARAMS = EvaluateParams(resamples=200, confidence=0.9, seed=1)
TABLE = pd.DataFrame(
    {
        "label_id": [1, 1, 2, 2], "subject": ["a", "b", "a", "b"],
        "wer/numerator": [0.0, 1.0, 2.0, 1.0], "wer/denominator": [2.0, 2.0, 4.0, 4.0],
    }
)  # fmt: skip


def test_a_ratio_and_its_interval_are_those_of_the_bootstrap_over_sentences_and_subjects():
    sums = TABLE[["wer/numerator", "wer/denominator"]].to_numpy()
    clusters = [TABLE.label_id.to_numpy(), TABLE.subject.to_numpy()]
    wanted = bootstrap.interval(sums, bootstrap.ratio, clusters, 200, 0.9, 1)
    assert figures.ratio("wer", TABLE, PARAMS) == {"value": wanted.value, "low": wanted.low, "high": wanted.high}
    assert wanted.value == pytest.approx(1 / 3)


def test_what_is_unknown_is_none_because_json_has_no_such_number():
    empty = TABLE.assign(**{"wer/denominator": 0.0})
    assert figures.ratio("wer", empty, PARAMS) == {"value": None, "low": None, "high": None}
    assert figures.plain(np.nan)["value"] is None


@pytest.mark.parametrize("name", ["wer", "neg_sim", "median_rank", "inst_median_rank", "alignment", "uniformity"])
def test_less_is_better(name):
    assert figures.better(name) == "lower"


@pytest.mark.parametrize("name", ["ret1", "text_to_sign/mrr", "pos_sim", "exact", "bleu", "effective_rank"])
def test_more_is_better(name):
    assert figures.better(name) == "higher"
