"""How a plan is told."""

import json

import pytest

from kinetrace.plan.cards import Card
from kinetrace.plan.memory import Memory, Part
from kinetrace.plan.planned import EFFICIENCY, Plan, Work, _span

WORK = Work(100, False, 2, 50, 1e12, True, 3e13, False)
FAST, UNKNOWN = Card("fast", 2**31, 1e13, 1e12, True), Card("2 GB", 2**31, None, None, False)


def plan(card: Card = FAST, size: int = 10**9, **changes) -> Plan:
    memory = Memory([Part("weights", size), Part("layers", size // 10, ("learning",)), Part("x", 1, ("looking",))])
    values = {"largest": 3, "changes": ["train.batch: 3 or less"], "notes": ["a note"]} | changes
    return Plan("walk", "legs", card, 2, memory, work=WORK, **values)


def test_seconds_follow_from_the_precision_of_each_part():
    assert WORK.seconds(FAST) == (0.1 / EFFICIENCY, (0.1 * 50 + 30) / EFFICIENCY)
    assert WORK.seconds(UNKNOWN) is None


def test_it_fits_up_to_the_last_byte():
    peak = plan().memory.peak
    assert plan(Card("x", peak, None, None, False)).fits
    assert not plan(Card("x", peak - 1, None, None, False)).fits


def test_people_read_parts_verdict_time_and_notes():
    text = plan().as_text()
    for words in ("walk: legs, batch 2, on fast", "weights", "1,000", "learning", "always", "fits: needs", "learning)",
                  "the largest batch that fits is 3", "100 clips, 2 epochs, 50 steps: about 2.3 minutes",
                  "a note"):  # fmt: skip
        assert words in text


def test_a_refusal_says_what_to_change_or_that_nothing_does():
    found = plan(size=3 * 10**9)
    assert found.refusal().startswith("does not fit: needs 3.") and "  train.batch: 3 or less" in found.refusal()
    assert "more memory" in plan(size=3 * 10**9, changes=[]).refusal()
    assert "not even a batch of 1" in plan(largest=0).as_text()


def test_machines_read_bytes_and_seconds():
    found = json.loads(json.dumps(plan().as_dict()))
    assert found["peak"] == sum(part["bytes"] for part in found["parts"]) - 1  # phases are not at the same time
    assert found["phases"] == {"learning": 1_100_000_000, "looking": 1_000_000_001}
    assert found["fits"] is True and found["hours"] == pytest.approx(35 / EFFICIENCY / 3600)
    assert plan(UNKNOWN).as_dict()["hours"] is None


@pytest.mark.parametrize(("seconds", "text"), [
    (0.00123, "0.0012 seconds"), (2.26, "2.3 seconds"), (59, "59 seconds"), (150, "2.5 minutes"), (5000, "83 minutes"),
    (7200, "2.0 hours"), (90000, "25 hours"),
])  # fmt: skip
def test_times_are_readable(seconds, text):
    assert _span(seconds) == text
