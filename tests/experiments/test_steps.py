"""Each sequence is judged by the others alone, beside what a plain count would say."""

import numpy as np
import pytest

from experiments import report, steps
from experiments.backoff import RULES
from experiments.steps import SOURCES, StepTrial, figures
from kinetrace.errors import KinetraceError
from kinetrace.operations.data.recordings import Segment


def sequences(*texts):
    return [[Segment(place, place + 1, label) for place, label in enumerate(text)] for text in texts]


def accuracies(*texts):
    return {way: found["accuracy"] for way, found in figures(sequences(*texts))["figures"].items()}


def test_what_all_do_alike_is_foretold_by_all_but_the_majority():
    found = accuracies(*["abc"] * 5)
    assert found == {"majority": 0.0, "bigram": 1.0, "order 1": 1.0, "order 2": 1.0}


def test_a_sequence_knows_nothing_of_itself():
    """x follows a in one sequence alone, which then is judged by the others, where b does."""
    found = figures(sequences("ab", "ab", "ab", "ax"))
    assert found["figures"]["order 2"]["accuracy"] == found["figures"]["bigram"]["accuracy"] == 0.75
    assert found["figures"]["order 2"]["perplexity"] > 1


def test_order_2_gains_where_the_step_before_decides():
    found = figures(sequences(*["abc"] * 6, *["dbe"] * 5))
    assert found["figures"]["bigram"]["accuracy"] == pytest.approx((6 + 6 + 5) / 22)
    assert found["figures"]["order 2"]["accuracy"] == 1.0
    gain = found["gains"]["right over bigram"]
    assert gain["value"] == pytest.approx(5 / 22) and gain["value_low"] > 0
    assert found["gains"]["bits"]["value_low"] > 0


def test_a_step_that_was_never_followed_is_answered_with_the_most_frequent_one():
    """Without its sequence nothing is known of what follows c; a is the most frequent step of the others."""
    assert accuracies("aab", "aab", "ca")["bigram"] == pytest.approx((1 + 1 + 1) / 5)


def test_sequences_of_one_step_are_left_out_and_all_else_is_counted():
    found = figures(sequences("abc", "a", "abd", "", "abc"))
    assert (found["sequences"], found["steps"], found["labels"]) == (3, 6, 4)


def test_skipped_steps_and_background_are_left_out_and_the_rest_sorted_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "SHARED", tmp_path)
    rows = ["x,-,r_1,0,7,5,6,s", "x,-,r_1,1,NA,3,4,s", "x,-,r_1,2,8,-1,-1,s", "x,-,r_1,3,9,1,2,s", "x,-,r_2,0,7,0,1,s"]
    (tmp_path / "t.csv").write_text("\n".join(["dataset,split,seq,idx,label,start,end,unit", *rows]), encoding="utf-8")
    assert steps.temporal("t.csv") == {"r_1": [Segment(1, 2, "9"), Segment(5, 6, "7")], "r_2": [Segment(0, 1, "7")]}


def test_boxes_are_sequences_and_null_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "SHARED", tmp_path)
    operations = [(1, "Picking", 10), (1, "Null", 12), (1, "Close Box", 14), (2, "Picking", 16)]
    at = "2022-03-29 14:25:{:02}.500+09:00".format
    rows = [f"{box},{name},{at(start)},{at(start + 2)}" for box, name, start in operations]
    (tmp_path / "t.csv").write_text("\n".join(["box,operation,start,end", *rows]), encoding="utf-8")
    found = steps.openpack("t.csv")
    assert found == {"1": [Segment(0, 2, "Picking"), Segment(4, 6, "Close Box")], "2": [Segment(6, 8, "Picking")]}


def test_a_data_set_that_is_not_at_hand_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "SHARED", tmp_path)
    with pytest.raises(KinetraceError, match="captaincook4d"):
        StepTrial("cooking (CaptainCook4D)").prepare()


def test_results_are_kept_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "BUILD", tmp_path)
    monkeypatch.setitem(SOURCES, "packing (OpenPack)", ("", lambda name: dict(enumerate(sequences(*["abc"] * 4)))))
    trial = StepTrial("packing (OpenPack)")
    found = trial.result()
    monkeypatch.setitem(SOURCES, "packing (OpenPack)", ("", lambda name: pytest.fail("measured again")))
    assert trial.result() == found
    line = report.foretold([found]).splitlines()[-1]
    assert line.startswith("| packing (OpenPack) | 4 | 8 | 0.000 (0.000 to 0.000) | 1.000 (1.000 to 1.000) |")
    assert line.endswith("| 0.000 (0.000 to 0.000) | 0.000 (0.000 to 0.000) |")
    assert "| packing (OpenPack) | 3 | " in report.perplexities([found])
    assert [line.split(" | ")[0][2:] for line in report.backoff([found]).splitlines()[2:]] == list(RULES)


@pytest.mark.parametrize("name", SOURCES)
def test_real_work_is_foretold_far_better_than_by_the_majority(name):
    file, read = SOURCES[name]
    if not (steps.SHARED / file).is_file():
        pytest.skip(f"{steps.SHARED / file} is not here")
    found = list(read(file).values())
    assert all(segment.end > segment.start >= 0 for sequence in found for segment in sequence)
    some = figures(found[:40])["figures"]
    assert some["order 2"]["accuracy_low"] > some["majority"]["accuracy_high"]
    assert np.isfinite(some["order 1"]["perplexity"])
