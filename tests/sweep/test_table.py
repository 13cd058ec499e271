"""The table of a sweep: seeds together, the best first, failures with their reason."""

import csv
import io

import pytest

from kinetrace.sweep import table
from kinetrace.sweep.objective import Objective
from kinetrace.sweep.runner import FAILED, FINISHED, INTERRUPTED, Outcome

HIGH = Objective("val_x", "maximize")
CLIP, SEED = "sign.loss.clip", "sign.train.seed"


def ran(name: str, clip: float, seed: int, value: float, seconds: float | None = 2.0) -> Outcome:
    return Outcome(name, {CLIP: clip, SEED: seed}, FINISHED, {"val_x": value}, seconds)


RUNS = [
    ran("a1", 0.0, 1, 0.5),
    ran("a2", 0.0, 2, 0.7, 4.0),
    ran("b1", 0.5, 1, 0.8, None),
    Outcome("b2", {CLIP: 0.5, SEED: 2}, FAILED, reason="it\nbroke"),
    Outcome("c1", {CLIP: 1.0, SEED: 1}, INTERRUPTED),
]


def test_seeds_are_taken_together_and_the_best_comes_first():
    first, second, third = table.groups(RUNS, HIGH)
    assert first.values == {CLIP: 0.5} and (first.mean, first.spread, first.seconds) == (0.8, None, None)
    assert second.mean == pytest.approx(0.6) and second.spread == pytest.approx(0.02**0.5) and second.seconds == 3.0
    assert third.mean is None and table.best([first, second, third], HIGH) is first


def test_lower_is_better_where_the_direction_says_so():
    assert table.groups(RUNS, Objective("val_x", "minimize"))[0].values == {CLIP: 0.0}


def test_without_a_direction_nothing_is_best_and_the_order_stays():
    unknown = Objective("val_x", "")
    found = table.groups(RUNS, unknown)
    assert [group.values.get(CLIP) for group in found] == [0.0, 0.5, 1.0] and table.best(found, unknown) is None


def test_a_single_seed_stays_in_view():
    assert table.groups(RUNS[:1], HIGH)[0].values == {CLIP: 0.0, SEED: 1}


def test_nothing_is_best_where_nothing_finished():
    assert table.best(table.groups(RUNS[3:], HIGH), HIGH) is None


def test_people_read_means_spreads_and_reasons(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    text = table.text("sweep", table.groups(RUNS, HIGH), HIGH)
    assert "0.6 ± 0.14 (2 of 2 seeds)" in text and "0.8 (1 of 2 seeds)" in text
    assert "b2: failed: it" in text and "broke" in text and "c1: interrupted" in text
    assert text.index("best") < text.index("b1") < text.index("a1")


def test_machines_get_every_run():
    found = table.as_dict(table.groups(RUNS, HIGH), HIGH)
    assert [run["name"] for group in found["groups"] for run in group["runs"]] == ["b1", "b2", "a1", "a2", "c1"]
    assert [group["best"] for group in found["groups"]] == [True, False, False]


def test_the_csv_has_a_row_a_run():
    rows = list(csv.DictReader(io.StringIO(table.as_csv(table.groups(RUNS, HIGH), HIGH).decode())))
    assert [row["experiment"] for row in rows] == ["b1", "b2", "a1", "a2", "c1"]
    assert rows[0][CLIP] == "0.5" and rows[0]["val_x"] == "0.8" and rows[0]["seconds"] == ""
    assert (rows[1]["state"], rows[1]["reason"], rows[1]["val_x"]) == ("failed", "it\nbroke", "")
