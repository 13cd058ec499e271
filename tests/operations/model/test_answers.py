"""A reply is read whatever it is, and it is counted how."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kinetrace.operations.model import prompting
from kinetrace.operations.model.answers import LONGEST, STAGES, Answer, Parsed, parse, rates, to_json
from kinetrace.operations.model.closed import times
from tests.operations.runtime.tiny import LABELS, SECONDS

GOOD = Answer("Assemble Box", 1.2, 4.8, "Insert Items")
TEXT = to_json(GOOD)
SCHEMA = Draft202012Validator(prompting.load().schema(LABELS, SECONDS))

spans = st.lists(st.sampled_from(times(SECONDS)), min_size=2, max_size=2).map(sorted)
answers = st.builds(
    lambda operation, span, follows: Answer(operation, *span, follows),
    st.sampled_from(LABELS), spans, st.sampled_from(LABELS) | st.none(),
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-7, 7) | st.floats() | st.sampled_from([*LABELS, "1.5 s", "picking"])
    | st.sampled_from(times(SECONDS)) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
objects = st.fixed_dictionaries(
    {"operation": values, "start": values, "end": values, "next": values}, optional={"why": values}
)
HALF_GOOD = st.sampled_from(
    [TEXT, "{", "}", '"', "'", ",", ":", "operation", "Assemble Box", "start", "1.2", "null", "NaN", "```json\n", "\\"]
)


def read(text: str) -> Parsed:
    return parse(text, LABELS, SECONDS)


def sound(parsed: Parsed) -> None:
    """What holds for every text."""
    assert parsed.stage in STAGES
    assert (parsed.answer is None) == (parsed.stage == "failed")
    assert (parsed.problem == "") == (parsed.stage == "strict")
    if parsed.answer:
        again = to_json(parsed.answer)
        SCHEMA.validate(json.loads(again))
        assert parsed.answer.start <= parsed.answer.end
        assert read(again) == Parsed(parsed.answer, "strict")


@given(answers)
def test_what_is_written_is_read_back_strictly(answer):
    assert read(to_json(answer)) == Parsed(answer, "strict")


def test_an_answer_is_written_one_way():
    assert TEXT == '{"operation": "Assemble Box", "start": 1.2, "end": 4.8, "next": "Insert Items"}'
    assert to_json(Answer("Übung", -0.01, 0.1 + 0.2, None)) == (
        '{"operation": "Übung", "start": 0.0, "end": 0.3, "next": null}'
    )


@pytest.mark.parametrize("text", [
    f"The answer is {TEXT}", f"```json\n{TEXT}\n```", f"{TEXT}{TEXT}", f'{{"answer": {TEXT}}}', f"[{TEXT}]",
    f"{{so}} {{}} {TEXT} and more {{", json.dumps([1, {"a": json.loads(TEXT)}]),
])  # fmt: skip
def test_an_object_within_other_text_is_extracted(text):
    parsed = read(text)
    assert (parsed.answer, parsed.stage) == (GOOD, "extracted")
    sound(parsed)


def test_the_first_good_object_counts():
    other = to_json(Answer("Picking", 0.0, 5.0, None))
    assert read(f'{{"operation": "Dancing"}} {TEXT} {other}').answer == GOOD


@pytest.mark.parametrize("text", [
    TEXT[:-1], TEXT[:-2], TEXT.replace('"', "'"), TEXT.replace(", ", " "), TEXT.replace("}", ",}"),
    f"Sure: {TEXT[:-1]}", TEXT.replace('"operation"', "operation"), TEXT.replace("{", '{"start": 0.0, '),
])  # fmt: skip
def test_broken_json_is_repaired(text):
    parsed = read(text)
    assert (parsed.answer, parsed.stage) == (GOOD, "repaired")
    sound(parsed)


@pytest.mark.parametrize("change, answer, problem", [
    ({"operation": "assemble_box"}, GOOD, "operation 'assemble_box' read as 'Assemble Box'"),
    ({"operation": "Asemble Box"}, GOOD, "operation 'Asemble Box' read as 'Assemble Box'"),
    ({"next": "insert items."}, GOOD, "next 'insert items.' read as 'Insert Items'"),
    ({"next": "Dancing"}, Answer("Assemble Box", 1.2, 4.8, None), "next 'Dancing' is near none of the labels"),
    ({"next": "None"}, Answer("Assemble Box", 1.2, 4.8, None), "next 'None' is neither null nor a label"),
    ({"start": "1.2"}, GOOD, "start '1.2' read as 1.2"),
    ({"end": "4,8 s"}, GOOD, "end '4,8 s' read as 4.8"),
    ({"end": 1e300}, Answer("Assemble Box", 1.2, 5.0, "Insert Items"), "end 1e+300 read as 5.0"),
    ({"end": 10**400}, Answer("Assemble Box", 1.2, 5.0, "Insert Items"), "end 1000000"),
    ({"start": -3}, Answer("Assemble Box", 0.0, 4.8, "Insert Items"), "start -3 read as 0.0"),
    ({"start": 1.23}, GOOD, "start 1.23 read as 1.2"),
    ({"start": 4.8, "end": 1.2}, GOOD, "start 4.8 and end 1.2 exchanged"),
    ({"start": True}, Answer("Assemble Box", 0.0, 4.8, "Insert Items"), "start True is no number: 0.0 taken"),
    ({"end": [4]}, Answer("Assemble Box", 1.2, 5.0, "Insert Items"), r"end [4] is no number: 5.0 taken"),
    ({"confidence": 0.9}, GOOD, "keys are ['confidence', 'end', 'next', 'operation', 'start'], expected"),
])  # fmt: skip
def test_values_are_put_right(change, answer, problem):
    parsed = read(json.dumps(json.loads(TEXT) | change))
    assert (parsed.answer, parsed.stage) == (answer, "vocabulary")
    assert parsed.problem.startswith(problem)
    sound(parsed)


def test_a_reply_cut_off_keeps_its_operation():
    parsed = read('{"operation": "Assemble Box", "sta')
    assert parsed.answer == Answer("Assemble Box", 0.0, 5.0, None) and parsed.stage == "vocabulary"


def test_infinite_numbers_and_capital_keys_are_put_right():
    parsed = read('{"Operation": "Picking", "START": NaN, "End": Infinity, "Next": null}')
    assert parsed.answer == Answer("Picking", 0.0, 5.0, None) and parsed.stage == "vocabulary"


@pytest.mark.parametrize("text, problem", [
    ("", "Expecting value"),
    ("Assemble Box from 1.2 to 4.8", "Expecting value"),
    ("null", "NoneType in place of an object"),
    (json.dumps(json.loads(TEXT) | {"operation": "Dancing"}), "operation 'Dancing' is none of the labels"),
    ('{"operation": "Label", "start": 0.0, "end": 1.0, "next": null}', "operation 'Label' is none of the labels"),
    (json.dumps(json.loads(TEXT) | {"operation": ["Picking"]}), "operation ['Picking'] is none of the labels"),
    (json.dumps(list(json.loads(TEXT).values())), "list in place of an object"),
])  # fmt: skip
def test_what_names_no_operation_fails_with_the_reason(text, problem):
    parsed = read(text)
    assert parsed.stage == "failed" and parsed.problem.startswith(problem)


def test_labels_that_differ_in_case_alone_are_told_apart():
    text = '{"operation": "box", "start": 0.0, "end": 1.0, "next": "BOX"}'
    parsed = parse(text, ("Box", "box"), SECONDS)
    assert parsed.answer == Answer("box", 0.0, 1.0, None)  # "BOX" may be either
    assert parsed.problem == "next 'BOX' is near none of the labels"


def test_a_label_may_be_called_none():
    assert read_with("None").answer.next == "None"


def read_with(label: str) -> Parsed:
    return parse(f'{{"operation": "{label}", "start": 0.0, "end": 1.0, "next": "{label}"}}', (label,), SECONDS)


@pytest.mark.parametrize("seconds, last", [(5.0, 5.0), (2.56, 2.6), (0.04, 0.0), (0.3, 0.3)])
def test_a_clip_of_any_length_has_its_times(seconds, last):
    assert times(seconds)[-1] == last
    answer = Answer("Picking", 0.0, seconds, None)
    assert parse(to_json(answer), LABELS, seconds) == Parsed(Answer("Picking", 0.0, last, None), "strict")


@given(st.text() | st.lists(HALF_GOOD, max_size=30).map("".join) | st.lists(HALF_GOOD, max_size=30).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read(text):
    sound(read(text))


@given(answers, st.integers(0, 120), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_answer_cut_off_and_gone_on_otherwise_is_read(answer, length, rest):
    sound(read(to_json(answer)[:length] + rest))


@given(objects | values)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_and_is_strict_where_the_schema_says_so(value):
    parsed = read(json.dumps(value))
    sound(parsed)
    try:
        ordered = SCHEMA.is_valid(value) and value["start"] <= value["end"]
    except OverflowError:  # the validator's own
        ordered = False
    assert (parsed.stage == "strict") == ordered


@pytest.mark.parametrize("text", [
    "{" * 100_000, "[" * 100_000, '{"a":' * 50_000, '{"operation":' * 700 + TEXT, "9" * 100_000, "'" * 4000,
    '{"start":' + "9" * 4500, '{"operation": "Picking", "start": ' + "1" * 3000, "\ud800{\udfff", "{{}" * 2000,
    "{'a':[" * 800, "}{" * 3000, '{"' * 3000, "\\" * 4000, '{"operation": "' + "x" * 9000,
])  # fmt: skip
def test_huge_and_nested_texts_are_read_in_reasonable_time(text):
    sound(read(text))


def test_what_runs_on_is_not_read():
    assert read(" " * LONGEST + TEXT).stage == "failed"
    assert read(TEXT + " and" * LONGEST).answer == GOOD


def test_rates_are_shares_of_each_stage():
    parsed = [read(TEXT), read(TEXT), read(f"so {TEXT}"), read("")]
    assert rates(parsed) == {"strict": 0.5, "extracted": 0.25, "repaired": 0, "vocabulary": 0, "failed": 0.25}
    assert rates([]) == dict.fromkeys(STAGES, 0)
