"""Which values an answer may hold, and what the nearest of them is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.model.closed import Closed, nearest, read_number, times
from tests.operations.runtime.tiny import LABELS

CLOSED = Closed(LABELS, 5.0)
GOOD = {"operation": "Picking", "start": 0.0, "end": 5, "next": None}


@pytest.mark.parametrize("text, label", [
    ("Picking", "Picking"), ("  PICKING!", "Picking"), ("put_on-back table", "Put on Back Table"),
    ("PutOnBackTable", "Put on Back Table"), ("Label, Scan", "Scan Label"), ("Attach Shiping Label", LABELS[7]),
    ("Ｐｉｃｋｉｎｇ", "Picking"), ("Pick", None), ("Label", None), ("Box", None), ("", None), ("Null", None),
])  # fmt: skip
def test_the_label_that_a_text_means(text, label):
    assert nearest(text, LABELS) == label


def test_no_two_labels_are_near_each_other():
    for label in LABELS:
        assert nearest(label, [other for other in LABELS if other != label]) is None


def test_two_labels_as_near_are_none():
    assert nearest("Step 3 of work", ["Step 1 of work", "Step 2 of work"]) is None


@given(st.sampled_from(LABELS), st.integers(0, 40), st.characters(categories=["Ll"]))
def test_one_letter_too_many_is_no_other_label(label, place, letter):
    found = nearest(label[:place] + letter + label[place:], LABELS)
    assert found in (label, None)
    assert found or len(label) < 8


@pytest.mark.parametrize("value, number", [
    ("1.5", 1.5), (" 1,5 Seconds ", 1.5), ("-2s", -2.0), (3, 3), (2.5, 2.5), ("0:03", None), ("1.2.3", None),
    ("about 2", None), ("", None), (None, None), (True, None), (float("nan"), None), (float("-inf"), None), ([1], None),
    ("٣", None),
])  # fmt: skip
def test_the_number_that_a_value_spells(value, number):
    assert read_number(value) == number


@pytest.mark.parametrize("change, problem", [
    ({}, ""), ({"end": 4.7}, ""), ({"start": 5.0}, ""), ({"next": "Close Box"}, ""),
    ({"start": 5.1}, "start 5.1 is no time from 0.0 to 5.0 with one decimal"),
    ({"end": 4.75}, "end 4.75 is no time"), ({"end": True}, "end True is no time"),
    ({"start": 3.0, "end": 2.9}, "start 3.0 lies after end 2.9"), ({"next": ""}, "next '' is neither null nor a label"),
    ({"operation": "picking"}, "operation 'picking' is none of the labels"),
    ({"x" * 80: 1}, "keys are ['end', 'next', 'operation', 'start', 'xxx"),
])  # fmt: skip
def test_what_keeps_values_from_the_schema(change, problem):
    found = CLOSED.problem(GOOD | change)
    assert found.startswith(problem) and bool(found) == bool(problem)
    assert len(found) < 150


@given(st.dictionaries(st.sampled_from(["operation", "Start", "end ", "x"]), st.none() | st.text() | st.floats()))
def test_what_is_put_right_satisfies_the_schema(fields):
    mended = CLOSED.mend(fields)
    assert mended.notes if mended.values is None else not CLOSED.problem(mended.values)


def test_times_are_written_with_one_decimal():
    assert [str(time) for time in times(0.5)] == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert len(times(5.0)) == 51 and all(len(str(time)) == 3 for time in times(5.0))
