"""The texts of a prompt, whole and filled."""

import hashlib
import json
import re
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from kinetrace.errors import KinetraceError
from kinetrace.operations.model import prompting
from kinetrace.operations.model.answers import Answer, parse, to_json
from tests.operations.runtime.tiny import LABELS, SECONDS

PROMPT = prompting.load()


def test_a_prompt_has_a_version_and_the_digest_of_its_files():
    files = [prompting.FOLDER / "v1" / name for name in (prompting.SYSTEM, prompting.QUESTION, prompting.SCHEMA)]
    joined = b"\0".join(path.read_bytes() for path in files)
    assert PROMPT.version == "v1" and PROMPT.digest == hashlib.sha256(joined).hexdigest()
    assert prompting.load("v1") == prompting.load()


def test_an_unknown_version_is_refused_and_names_those_there_are():
    with pytest.raises(KinetraceError, match="no prompt 'v0': expected one of v1"):
        prompting.load("v0")


def test_the_question_names_labels_times_and_the_end_of_the_clip():
    question = PROMPT.question(LABELS, SECONDS, [-2.04, -0.01, 0.5, 4.96])
    assert ", ".join(LABELS) in question
    assert "lasts 5.0 seconds" in question and "4 frames" in question and "from 0.0 to 5.0" in question
    assert ": -2.0, 0.0, 0.5, 5.0. Frames at negative" in question
    assert "$" not in question and "$" not in PROMPT.system


@pytest.mark.parametrize("labels, seconds", [(LABELS, 5.0), (("Alone",), 0.4), (('A "b"', "$labels", "ü"), 2.56)])
def test_the_example_in_the_question_is_a_strict_answer(labels, seconds):
    question = PROMPT.question(labels, seconds, [0.0])
    assert parse(question.partition("form: ")[2], labels, seconds).stage == "strict"


def test_the_schema_is_one_and_closed():
    schema = PROMPT.schema(LABELS, SECONDS)
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["operation"]["enum"] == list(LABELS)
    assert schema["properties"]["next"]["enum"] == [*LABELS, None]
    assert schema["properties"]["start"]["enum"] == schema["properties"]["end"]["enum"]
    assert len(schema["properties"]["end"]["enum"]) == 51
    assert list(schema["properties"]) == schema["required"] == list(json.loads(to_json(Answer("", 0, 0, None))))
    assert schema["additionalProperties"] is False


def test_a_label_may_look_like_a_placeholder():
    enum = PROMPT.schema(("$times", "$labels"), SECONDS)["properties"]["next"]["enum"]
    assert enum == ["$times", "$labels", None]


def test_the_texts_travel_with_the_package():
    patterns = re.search(r'"kinetrace\.operations\.model" = \[(.*?)\]', _pyproject())
    assert patterns, "pyproject.toml: package-data of kinetrace.operations.model"
    for pattern in json.loads(f"[{patterns[1]}]"):
        assert list(resources.files("kinetrace.operations.model").glob(pattern))
    kinds = {path.suffix for path in prompting.FOLDER.rglob("*") if path.is_file()}
    assert all(f"prompts/*/*{kind}" in patterns[1] for kind in kinds)


def _pyproject() -> str:
    return (prompting.FOLDER.parents[3] / "pyproject.toml").read_text(encoding="utf-8")
