import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.clips import COLUMNS, conform
from kinetrace.conventions import FPS
from kinetrace.errors import KinetraceError
from kinetrace.sign.data import reader
from tests.sign.deliveries import FRAMES, array, hostile, row, write


def test_a_sound_row_becomes_a_clip(tmp_path):
    folder = write(tmp_path / "d", [row("take.2", num_frames=f"{FRAMES}.0", motion_mean="")])
    clip = conform(reader.inspect(folder, 1)).iloc[0]
    assert {name: clip[name] for name in COLUMNS if name not in ("digest", "end")} == {
        "clip_id": "take.2", "subject": "anna", "session": "", "source": "features/take.2.npy", "start": 0.0,
        "num_frames": FRAMES, "fps": FPS, "label_id": 3, "label": "Where is it?", "text": "Where is it?",
    }  # fmt: skip
    assert clip["end"] == pytest.approx(FRAMES / FPS)
    assert len(clip["digest"]) == 64
    assert (clip["category"], clip["gloss"], clip["mean_visibility"]) == ("question", "WHERE IT", 0.9)
    assert np.isnan(clip["motion_mean"])


def test_a_missing_subject_is_unknown_and_columns_that_hide_a_clip_column_are_renamed(tmp_path):
    folder = write(tmp_path / "d", [row("a", subject=" ", text="theirs", found_ndim="7", session="morning")])
    clip = reader.inspect(folder, 1).iloc[0]
    assert (clip["subject"], clip["session"], clip["text"]) == ("unknown", "morning", "Where is it?")
    assert (clip["given_text"], clip["given_found_ndim"], clip["found_ndim"]) == ("theirs", "7", 2)


@pytest.mark.parametrize("name", ["a", "a.mp4", "a.WEBM", "a.3gp"])
def test_a_clip_is_named_after_its_video_without_suffix(tmp_path, name):
    folder = write(tmp_path / "d", [row("a", video_file=name)])
    assert reader.inspect(folder, 1)["clip_id"].tolist() == ["a"]


def test_bad_files_are_facts_and_nothing_is_executed(tmp_path):
    folder, expected = hostile(tmp_path)
    table = reader.inspect(folder, 1).set_index("clip_id")
    assert not (tmp_path / "executed").exists()
    assert set(expected) < set(table.index)
    assert table.loc["parent", ["found_inside", "digest"]].tolist() == [False, ""]
    assert table.loc["liar", "found_problem"].startswith("the file is truncated")
    assert pd.isna(table.loc["привет 手话", "found_problem"])
    assert table.loc["copy", "found_repeats"] == "original"


def test_the_bomb_of_the_tests_is_live(tmp_path):
    folder, _ = hostile(tmp_path)
    np.load(folder / "features" / "object.npy", allow_pickle=True)[0].close()
    assert (tmp_path / "executed").exists()


def test_one_worker_or_two_give_the_same_table(tmp_path):
    folder = write(tmp_path / "d", [row(f"c{number}", sentence_id=number) for number in range(70)])
    pd.testing.assert_frame_equal(reader.inspect(folder, 1), reader.inspect(folder, 2))


@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8"])
def test_floats_of_any_width_and_order_are_read_as_contiguous_float32(tmp_path, kind):
    folder = write(tmp_path / "d", [row("a")])
    values = np.asfortranarray(array(1).astype(kind))
    np.save(folder / "features" / "a.npy", values)
    (clip,) = reader.inspect(folder, 1).to_dict("records")
    frames = reader.read(folder, clip)
    assert (frames.dtype, frames.shape, frames.flags.c_contiguous) == (np.float32, (FRAMES, 540), True)
    np.testing.assert_array_equal(frames, values.astype(np.float32))


def test_parts_that_are_declared_missing_are_zeros_and_may_hold_nan(tmp_path):
    folder = write(tmp_path / "d", [row("a")])
    values = array(1)
    values[:, 258:] = np.nan
    np.save(folder / "features" / "a.npy", values)
    assert reader.inspect(folder, 1)["found_stray"].tolist() == [FRAMES * 282]
    (folder / "layout.json").write_text('{"parts": ["pose", "left_hand", "right_hand"], "fps": 50}')
    (clip,) = reader.inspect(folder, 1).to_dict("records")
    assert (clip["found_stray"], clip["fps"], clip["end"]) == (0, 50.0, FRAMES / 50)
    frames = reader.read(folder, clip)
    np.testing.assert_array_equal(frames[:, :258], values[:, :258])
    assert not frames[:, 258:].any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "layout.json is not valid JSON"),
        ('{"parts": ["tail"]}', "layout.parts.0: found 'tail'"),
        ('{"parts": []}', "layout.parts"),
        ('{"fps": 0}', "layout.fps: found 0"),
        ('{"colour": 1}', "layout.colour: unknown key"),
        ("[]", "layout"),
    ],
)
def test_a_wrong_layout_is_refused_by_field(tmp_path, content, message):
    folder = write(tmp_path / "d", [row("a")])
    (folder / "layout.json").write_text(content)
    with pytest.raises(KinetraceError) as error:
        reader.inspect(folder, 1)
    assert message in str(error.value)


def test_a_path_may_begin_with_the_name_of_the_data_folder(tmp_path):
    folder = write(tmp_path / "proc", [row("a"), row("b", feature_path="proc/features/a.npy")])
    np.save(folder / "features" / "b.npy", array(9))
    assert reader.inspect(folder, 1)["source"].tolist() == ["features/a.npy"] * 2
    write(folder, [row("c", feature_path="proc/../../outside.npy"), row("d", feature_path="other/features/a.npy")])
    table = reader.inspect(folder, 1)
    assert table["found_inside"].tolist() == [False, True]
    assert "no such file" in table["found_problem"][1]


def test_a_repeat_yields_to_the_row_that_tells_the_truth(tmp_path):
    rows = [row("liar", num_frames=9), row("true"), row("late"), row("true", feature_path="features/other.npy")]
    rows += [row("copy")]
    folder = write(tmp_path / "d", rows)
    for name in ("liar", "true", "late"):
        np.save(folder / "features" / f"{name}.npy", array(5))
    np.save(folder / "features" / "copy.npy", np.load(folder / "features" / "other.npy"))
    table = reader.inspect(folder, 1)
    assert table["found_repeats"].fillna("").tolist() == ["true", "", "true", "copy", ""]
    assert table["found_namesake"].fillna(0).tolist() == [0, 0, 0, 3, 0]


def test_the_first_sound_row_says_which_sentence_an_id_means(tmp_path):
    said = {"broken": "Who?", "sound": "手话", "silent": "…", "other": "Who?", "padded": " 手话 "}
    rows = [row(name, sentence=sentence) for name, sentence in said.items()] + [row("own", sentence_id=4)]
    folder = write(tmp_path / "d", rows)
    np.save(folder / "features" / "broken.npy", np.full((FRAMES, 540), np.nan, np.float32))
    table = reader.inspect(folder, 1).set_index("clip_id")
    assert table["found_sentence"].dropna().to_dict() == {"broken": "手话", "other": "手话"}


def test_read_refuses_to_leave_the_folder_and_names_a_broken_file(tmp_path):
    folder, _ = hostile(tmp_path)
    for source in ("../outside.npy", "features/link.npy", str(tmp_path / "outside.npy")):
        with pytest.raises(KinetraceError, match="leads outside"):
            reader.read(folder, {"source": source})
    with pytest.raises(KinetraceError, match=r"object\.npy: the file holds a pickle"):
        reader.read(folder, {"source": "features/object.npy"})
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"video_file,feature_path\na.mp4,\xe9.npy\n", "byte 30 (line 2): 0xe9 is not UTF-8"),
        (b"\xef\xbb\xbfvideo_file\n\xe9\n", "byte 14 (line 2)"),
        ("video_file\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"video_file,sentence\na,b\n", "the column feature_path, num_frames, sentence_id, category"),
        (",".join([*reader.REQUIRED, "gloss", "gloss"]).encode(), "the column gloss occurs twice"),
        ((",".join(reader.REQUIRED) + "\na,b\n").encode(), "line 2: 2 fields, expected 9"),
        ((",".join(reader.REQUIRED) + '\n"a,b\n').encode(), "line 2: unexpected end of data"),
        ((",".join(reader.REQUIRED) + "\n" + "x" * 200_000).encode(), "line 2: field larger than field limit"),
    ],
)
def test_a_metadata_file_that_is_no_table_is_refused_by_place(tmp_path, content, message):
    (tmp_path / "metadata.csv").write_bytes(content)
    with pytest.raises(KinetraceError) as error:
        reader.inspect(tmp_path, 1)
    assert str(tmp_path / "metadata.csv") in str(error.value)
    assert message in str(error.value)


def test_exactly_one_metadata_file_is_expected(tmp_path):
    with pytest.raises(KinetraceError, match="there is no folder"):
        reader.inspect(tmp_path / "nowhere", 1)
    with pytest.raises(KinetraceError, match="neither of"):
        reader.inspect(tmp_path, 1)
    write(tmp_path, [row("a")])
    (tmp_path / "processed_metadata.csv").write_bytes((tmp_path / "metadata.csv").read_bytes())
    with pytest.raises(KinetraceError, match="both of"):
        reader.inspect(tmp_path, 1)
    (tmp_path / "metadata.csv").unlink()
    assert len(reader.inspect(tmp_path, 1)) == 1


def test_a_byte_order_mark_an_index_column_and_blank_lines_are_no_harm(tmp_path):
    write(tmp_path, [row("a")])
    table = pd.read_csv(tmp_path / "metadata.csv").to_csv()
    (tmp_path / "metadata.csv").write_bytes(b"\xef\xbb\xbf" + table.replace("\n", "\r\n\r\n").encode())
    inspected = reader.inspect(tmp_path, 1)
    assert inspected["clip_id"].tolist() == ["a"]
    assert "" not in inspected.columns


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"PK\x03\x04"]))
def test_no_bytes_make_examine_raise(tmp_path_factory, tail, head):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "a.npy").write_bytes(head + tail)
    facts = reader.examine(folder, np.zeros(540, dtype=bool), "a.npy")
    assert facts.problem
    assert facts.digest == ""


@settings(max_examples=60, deadline=None)
@given(path=st.text(max_size=30))
def test_no_path_makes_examine_raise_or_leave_the_folder(tmp_path_factory, path):
    folder = tmp_path_factory.getbasetemp()
    facts = reader.examine(Path(folder), np.zeros(540, dtype=bool), path)
    assert facts.problem or not facts.inside


def test_layout_is_complete_without_a_file(tmp_path):
    assert json.loads(reader.layout(tmp_path).model_dump_json()) == {
        "parts": ["pose", "left_hand", "right_hand", "face"],
        "face_points": "contours",
        "fps": FPS,
        "extractor": None,
    }


def test_an_extractor_in_the_layout_goes_to_every_clip(tmp_path):
    folder = write(tmp_path / "given", [row("a", extractor="own"), row("b")])
    assert "own" in set(reader.inspect(folder, 1)["extractor"])
    (folder / "layout.json").write_text('{"extractor": "mediapipe-holistic 0.10.21"}')
    assert set(reader.inspect(folder, 1)["extractor"]) == {"mediapipe-holistic 0.10.21"}


def test_without_one_there_is_no_such_column(tmp_path):
    folder = write(tmp_path / "given", [row("a")])
    assert "extractor" not in reader.inspect(folder, 1)
