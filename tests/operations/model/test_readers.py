"""Objects in a text."""

import pytest

from kinetrace.operations.model.readers import Read, repaired, whole, within


@pytest.mark.parametrize("text, problem", [
    ('{"a": 1, "a": 2}', "a key occurs twice"), ('{"a": NaN}', "NaN is no JSON"), ('{"a": -Infinity}', "-Infinity is"),
    ("[]", "list in place of an object"), ('{"a": 1} more', "Extra data"), ("[" * 4000, "maximum recursion"),
    ('{"a": ' + "1" * 4400 + "}", "Exceeds the limit"),
])  # fmt: skip
def test_a_text_that_is_no_plain_object(text, problem):
    read = whole(text)
    assert read.objects == [] and read.problem.startswith(problem)


def test_a_whole_object_may_stand_in_white_space():
    assert whole(' \n{"a": [1]}\n') == Read([{"a": [1]}])


def test_objects_within_text_come_in_order_and_those_in_others_too():
    assert within('{no} {"a": {"b": 2}} [{"c": NaN}, {"d": 4}] {"e":') == Read([{"a": {"b": 2}}, {"b": 2}, {"d": 4}])
    assert within("none") == Read([], "no complete object in the text")


@pytest.mark.parametrize("text, objects", [
    ('{"a": 1, "b": "c', [{"a": 1, "b": "c"}]), ("so: {'a': 1}", [{"a": 1}]), ("[1, 2", []), ("{" * 4000, None),
])  # fmt: skip
def test_broken_objects_are_repaired(text, objects):
    read = repaired(text)
    assert objects is None or read.objects == objects
    assert bool(read.objects) != bool(read.problem)
