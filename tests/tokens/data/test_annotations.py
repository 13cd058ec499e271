import json

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.tokens.data.annotations import Entry, annotations, split_of, splits


def put(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def test_absent_files_are_none(tmp_path):
    assert annotations(tmp_path) is None
    assert splits(tmp_path) is None


def test_an_entry_keeps_what_was_written(tmp_path):
    value = {"text": " hi ", "gloss": ["A", 1], "num_frames": 12.0, "signer": 0, "more": {"b": 1, "a": None}}
    (found,) = annotations(put(tmp_path, "annotations.json", {"n": value})).values()
    assert found == Entry("hi", "A 1", "12.0", "0", {"more": '{"a": null, "b": 1}'})


def test_lists_become_splits_and_dev_is_val(tmp_path):
    put(tmp_path, "split_files.json", {"train": ["b", "a", "a"], "dev": ["c.npy"], "val": ["d"], "test": ["a"]})
    found = splits(tmp_path)
    assert found == {"a": "test and train", "b": "train", "c": "val", "d": "val"}
    assert (split_of("b", found), split_of("z", found)) == ("train", "unused")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("annotations.json", "{", "is not valid JSON"),
        ("annotations.json", "[" * 100_000, "is not valid JSON"),
        ("annotations.json", '"text"', "found a str; expected an object by clip name, or a list"),
        ("annotations.json", [{"name": "a"}, {"text": "b"}], "entry 2: expected an object with the field name"),
        ("annotations.json", [{"name": 7}], "entry 1"),
        ("split_files.json", "[]", "found list; expected lists under train, val"),
        ("split_files.json", {"train": [], "validation": []}, "found validation; expected"),
        ("split_files.json", {"train": "a"}, "train: expected a list of clip names"),
        ("split_files.json", {"test": [1]}, "test: expected a list of clip names"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, name, content, message):
    put(tmp_path, name, content)
    with pytest.raises(KinetraceError) as error:
        (annotations if name == "annotations.json" else splits)(tmp_path)
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "annotations.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(KinetraceError, match="is not valid JSON"):
        annotations(tmp_path)
