import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.clips import COLUMNS, conform
from kinetrace.errors import KinetraceError
from kinetrace.files import digest
from kinetrace.tokens.data import reader
from tests.tokens.data.deliveries import FRAMES, array, entry, hostile, write


def test_an_annotated_array_becomes_a_clip(tmp_path):
    fields = {"gloss": ["你", "好"], "topic": "greeting", "times": [1, 2]}
    folder = write(tmp_path / "d", {"S01_P0": array(1)}, {"S01_P0": entry(3, **fields)}, {"dev": ["S01_P0"]})
    clip = conform(reader.inspect(folder, 1)).iloc[0]
    assert {name: clip[name] for name in COLUMNS} == {
        "clip_id": "S01_P0", "subject": "3", "session": "", "source": "frames_512x512/S01_P0.npy", "start": 0.0,
        "end": FRAMES / 30, "num_frames": FRAMES, "fps": 30.0, "label_id": 0, "label": "你好。", "text": "你好。",
        "digest": digest(folder / "frames_512x512" / "S01_P0.npy"),
    }  # fmt: skip
    assert (clip["gloss"], clip["split"], clip["topic"], clip["times"]) == ("你 好", "val", "greeting", "[1, 2]")


def test_a_list_of_entries_is_read_as_an_object_by_name_is(tmp_path):
    by_name = {"a": entry(1), "b": entry(2, text=None)}
    listed = [{"name": f"{name}.npy", **fields} for name, fields in by_name.items()]
    arrays = {"a": array(1), "b": array(2)}
    tables = [
        reader.inspect(write(tmp_path / str(number), arrays, entries), 1)
        for number, entries in enumerate((by_name, listed))
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["label"].tolist() == ["你好。", "你 好"]  # without a text the gloss
    assert tables[0]["label_id"].tolist() == [1, 0]


def test_a_name_that_is_there_twice_is_counted(tmp_path):
    listed = [{"name": "a", **entry(1)}, {"name": "b", **entry(2)}, {"name": "a", **entry(3)}]
    table = reader.inspect(write(tmp_path / "d", {"a": array(1), "b": array(2)}, listed), 1)
    assert table[["clip_id", "subject", "found_entries"]].values.tolist() == [["a", "1", 2], ["b", "2", 1]]


def test_bare_arrays_are_named_by_their_path_and_their_subject_by_its_folder(tmp_path):
    for name in ("wave", "anna/hello", "anna/monday/hello", ".hidden/no"):
        path = tmp_path / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array(len(name), points=133))
    table = conform(reader.inspect(tmp_path, 1))
    assert table[["clip_id", "subject", "label", "source"]].values.tolist() == [
        ["anna/hello", "anna", "hello", "anna/hello.npy"],
        ["anna/monday/hello", "anna", "hello", "anna/monday/hello.npy"],
        ["wave", "unknown", "wave", "wave.npy"],
    ]
    assert "split" not in table
    assert set(table["fps"]) == {25.0}


def test_annotations_may_lie_beside_bare_arrays(tmp_path):
    table = reader.inspect(write(tmp_path, {"a": array(1)}, below="."), 1)
    assert table[["clip_id", "subject", "source", "fps"]].values.tolist() == [["a", "1", "a.npy", 25.0]]


def test_fields_may_be_absent_and_one_that_hides_a_column_is_renamed(tmp_path):
    odd = {"label": "x", "split": "mine", "found_ndim": 7, "empty": None, "signer": "  "}
    table = reader.inspect(write(tmp_path, {"a": array(1)}, {"a": odd}), 1)
    clip = table.iloc[0]
    assert (clip["subject"], clip["label"], clip["text"], clip["num_frames"]) == ("unknown", "a", "a", FRAMES)
    assert (clip["given_label"], clip["given_split"], clip["given_found_ndim"], clip["empty"]) == ("x", "mine", "7", "")


def test_split_names_that_nobody_has_are_rows_and_no_error(tmp_path):
    lists = {"train": ["a", "a", "b", "gone"], "val": ["c.npy"], "test": []}
    entries = {"a": entry(), "c": entry(), "annotated": entry()}
    folder = write(tmp_path, {name: array(ord(name)) for name in "abcd"}, entries, lists)
    table = reader.inspect(folder, 1).set_index("clip_id")
    assert table["found_absent"].dropna().to_dict() == {
        "annotated": "annotations.json names it, no array does",
        "b": "annotations.json has no entry for it",
        "d": "annotations.json has no entry for it",
        "gone": "split_files.json names it, no array does",
    }
    assert table["split"].to_dict() == {
        "a": "train", "annotated": "unused", "b": "train", "c": "val", "d": "unused", "gone": "train",
    }  # fmt: skip


def test_bad_arrays_are_facts_and_nothing_is_executed(tmp_path):
    folder, expected = hostile(tmp_path)
    table = reader.inspect(folder, 1).set_index("clip_id")
    assert set(expected) <= set(table.index)
    assert not (tmp_path / "executed").exists()
    assert table.loc["link", ["found_inside", "digest"]].tolist() == [False, ""]
    assert "._sound" not in table.index
    assert table.loc["sound", "found_repeats"] == "copy"
    with pytest.raises(KinetraceError, match=r"pickle\.npy: the file holds a pickle"):
        reader.read(folder, {"source": "frames_512x512/pickle.npy"})
    assert not (tmp_path / "executed").exists()
    np.load(folder / "frames_512x512" / "pickle.npy", allow_pickle=True)[0].close()
    assert (tmp_path / "executed").exists()  # the bomb is live


def test_a_repeat_yields_to_the_clip_that_is_complete(tmp_path):
    same = array(1)
    entries = {"a": entry(num_frames=99), "c": entry(), "d": entry()}
    folder = write(tmp_path, dict.fromkeys("abcd", same), entries)
    assert reader.inspect(folder, 1)["found_repeats"].fillna("").tolist() == ["c", "c", "", "c"]


@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8"])
@pytest.mark.parametrize("points", [133, 134])
def test_read_gives_133_points_without_the_row_of_the_size(tmp_path, kind, points):
    values = array(1, points=points).round().astype(kind)
    folder = write(tmp_path, {"a": np.asfortranarray(values)})
    frames = reader.read(folder, {"source": "frames_512x512/a.npy"})
    assert (frames.dtype, frames.shape, frames.flags.c_contiguous) == (np.float32, (FRAMES, 399), True)
    np.testing.assert_array_equal(frames.reshape(FRAMES, 133, 3), values[:, -133:].astype(np.float32))


def test_scores_of_logits_are_limited_to_0_and_1(tmp_path):
    values = array(1)
    values[0, 1:4, 2] = -0.2, 1.3, 0.5
    frames = reader.read(write(tmp_path, {"a": values}), {"source": "frames_512x512/a.npy"})
    assert frames[0, 2:9:3].tolist() == [0, 1, 0.5]


def test_read_refuses_another_shape_and_to_leave_the_folder(tmp_path):
    folder, _ = hostile(tmp_path)
    with pytest.raises(KinetraceError, match=r"few\.npy: found the shape \(12, 100, 3\)"):
        reader.read(folder, {"source": "frames_512x512/few.npy"})
    for source in ("../outside.npy", "frames_512x512/link.npy", str(tmp_path / "outside.npy")):
        with pytest.raises(KinetraceError, match="leads outside"):
            reader.read(folder, {"source": source})


def test_one_worker_or_two_give_the_same_table(tmp_path):
    folder = write(tmp_path, {f"c{number}": array(number) for number in range(30)})
    pd.testing.assert_frame_equal(reader.inspect(folder, 1), reader.inspect(folder, 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "layout.json is not valid JSON"),
        ('{"fps": 0}', "layout.fps: found 0"),
        ('{"fps": "25"}', "layout.fps: found the text '25'"),
        ("{}", "layout.fps: missing"),
        ('{"fps": 25, "colour": 1}', "layout.colour: unknown key"),
    ],
)
def test_a_wrong_layout_is_refused_by_field(tmp_path, content, message):
    folder = write(tmp_path, {"a": array(1)})
    (folder / "layout.json").write_text(content)
    with pytest.raises(KinetraceError) as error:
        reader.inspect(folder, 1)
    assert message in str(error.value)


def test_a_layout_says_the_frame_rate(tmp_path):
    folder = write(tmp_path, {"a": array(1)})
    (folder / "layout.json").write_text('{"fps": 50}')
    assert reader.inspect(folder, 1)[["fps", "end"]].values.tolist() == [[50.0, FRAMES / 50]]


def test_a_folder_without_arrays_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="there is no folder"):
        reader.inspect(tmp_path / "nowhere", 1)
    (tmp_path / "annotations.json").write_text(json.dumps({"a": entry()}))
    with pytest.raises(KinetraceError, match=r"holds no \.npy array"):
        reader.inspect(tmp_path, 1)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"PK\x03\x04"]))
def test_no_bytes_make_examine_raise(tmp_path_factory, tail, head):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "a.npy").write_bytes(head + tail)
    facts = reader.examine(folder, "a.npy")
    assert facts.problem
    assert facts.digest == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(["text", "gloss", "num_frames", "signer", "x", "digest"]), JSON)


@settings(max_examples=40, deadline=None)
@given(value=JSON | FIELDS)
def test_no_entry_makes_inspect_raise(tmp_path_factory, value):
    folder = write(tmp_path_factory.mktemp("entries"), {"a": array(1)}, {"a": value})
    table = reader.inspect(folder, 1)
    assert table["clip_id"].tolist() == ["a"]
    conform(table)
