import io
import tarfile

import numpy as np
import pytest

from kinetrace.files import digest
from kinetrace.tars import array, content, key, record, write_tar

CLIPS = [{"clip_id": name, "label_id": 1, "split": "train", "text": "ü"} for name in ("a", "b.npy")]
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b.npy": np.ones((4, 3), ">f8")}


def write(path):
    return write_tar(path, CLIPS, lambda clip: array(ARRAYS[clip["clip_id"]]))


def test_a_tar_says_where_the_values_of_each_clip_lie(tmp_path):
    tar = write(tmp_path / "1.tar")
    held = (tmp_path / "1.tar").read_bytes()
    assert (tar.sha256, tar.size) == (digest(tmp_path / "1.tar"), len(held))
    for clip, (offset, size, rows, width) in zip(CLIPS, tar.places, strict=True):
        values = np.frombuffer(held[offset + size - 4 * rows * width : offset + size], "<f4").reshape(rows, width)
        np.testing.assert_array_equal(values, ARRAYS[clip["clip_id"]])


def test_the_bytes_depend_on_the_clips_alone(tmp_path):
    assert write(tmp_path / "1.tar") == write(tmp_path / "2.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_the_place_of_pictures_is_that_of_their_members(tmp_path):
    pictures = {"a": {"000.jpg": b"one", "001.jpg": b"x" * 600}, "b.npy": {"000.jpg": b"three"}}
    tar = write_tar(tmp_path / "1.tar", CLIPS, lambda clip: pictures[clip["clip_id"]])
    held = (tmp_path / "1.tar").read_bytes()
    for clip, (offset, size, rows, width) in zip(CLIPS, tar.places, strict=True):
        with tarfile.open(fileobj=io.BytesIO(held[offset : offset + size])) as archive:
            found = {member.name.partition(".")[2]: archive.extractfile(member).read() for member in archive}
        assert (found, rows, width) == (pictures[clip["clip_id"]], len(found), 0)


def test_a_tar_of_nothing_is_a_tar(tmp_path):
    assert write_tar(tmp_path / "0.tar", [], ARRAYS.__getitem__).places == []
    with tarfile.open(tmp_path / "0.tar") as archive:
        assert archive.getnames() == []


@pytest.mark.parametrize(("column", "seen"), [("text", True), ("label_id", False), ("split", False)])
def test_the_content_is_what_a_tar_holds_of_a_clip(column, seen):
    changed = [{**CLIPS[0], column: "other"}, CLIPS[1]]
    assert (content(changed) != content(CLIPS)) == seen
    assert content(CLIPS[::-1]) != content(CLIPS)


@pytest.mark.parametrize("name", ["a.b/c", "../x", "ü" * 300, "", "a" * 300, "a b\nc", "\0"])
def test_any_clip_id_gives_a_key_that_tar_and_webdataset_take(name):
    assert key(name).isascii()
    assert not set(key(name)) & set("./ \n\0")
    assert 1 <= len(key(name)) <= 80


def test_keys_of_like_names_differ():
    assert len({key(name) for name in ("a.b", "a/b", "a-b", "A-b")}) == 4


def test_a_record_is_json_without_what_depends_on_other_clips():
    row = {
        "label_id": 3,
        "split": "train",
        "z": np.float32(0.5),
        "a": None,
        "n": float("nan"),
        "t": np.array(["x", "y"]),
    }
    assert record(row) == {"a": None, "n": None, "t": ["x", "y"], "z": 0.5}
    assert list(record(row)) == sorted(record(row))
