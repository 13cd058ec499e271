"""Parquet tables of landmarks, synthetic and real."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.importers import landmarks
from kinetrace.sign.data import reader, writer
from kinetrace.sign.data.landmarks import from_holistic

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
CLIPS = [("get", "anna", "get/1"), ("tea", "anna", "tea/1"), ("-", "anna", "-/0"), ("tea", "ben", "tea/9")]


def convert(source: Path, target: Path, *options, **more):
    return landmarks.convert(source, target, writer, *options, **more)


def table(width: int = 258, clips=CLIPS, frames: int = 4) -> pd.DataFrame:
    """A table whose rows are shuffled, pandas' index kept; the ``-`` clip is all zeros."""
    keys = [(*clip, frame) for clip in clips for frame in range(frames)]
    values = np.random.default_rng(0).random((len(keys), width), np.float32)
    values[[key[0] == "-" for key in keys]] = 0
    whole = pd.DataFrame(keys, columns=["label", "signer", "clip", "frame"])
    whole = pd.concat([whole, pd.DataFrame(values, columns=[f"v{column}" for column in range(width)])], axis=1)
    return whole.sample(frac=1, random_state=0)


@pytest.fixture
def source(tmp_path) -> Path:
    table().to_parquet(tmp_path / "words.parquet", index=False)
    return tmp_path / "words.parquet"


def manifest(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "sentences.csv"
    path.write_text("\n".join(["clip,sentence_id,sentence,signer,fold,word_clips", *rows]) + "\n")
    return path


def values(whole: pd.DataFrame, clip: str) -> np.ndarray:
    return whole[whole["clip"] == clip].sort_values("frame").filter(regex="^v").to_numpy()


def metadata(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "metadata.csv", keep_default_na=False).set_index("video_file")


def test_without_a_manifest_each_clip_is_a_sentence(source, tmp_path):
    convert(source, tmp_path / "out")
    rows = metadata(tmp_path / "out")
    assert list(rows.index) == ["__0", "get_1", "tea_1", "tea_9"]
    assert list(rows["sentence"]) == ["-", "get", "tea", "tea"] and list(rows["subject"]) == [*["anna"] * 3, "ben"]
    frames = np.load(tmp_path / "out" / rows.loc["get_1", "feature_path"], allow_pickle=False)
    np.testing.assert_array_equal(frames[:, :258], values(table(), "get/1"))
    assert frames.dtype == np.float32 and frames.shape == (4, 540) and not frames[:, 258:].any()
    assert not np.load(tmp_path / "out" / "features" / "__0.npy").any()


def test_whole_faces_are_reduced_to_the_layout(tmp_path):
    table(1662).to_parquet(tmp_path / "words.parquet")
    convert(tmp_path / "words.parquet", tmp_path / "out", fps=30)
    expected = from_holistic(values(table(1662), "tea/1"))
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "features" / "tea_1.npy"), expected)
    layout = json.loads((tmp_path / "out" / "layout.json").read_text())
    assert layout == {"parts": ["pose", "left_hand", "right_hand", "face"], "face_points": "contours", "fps": 30}


def test_a_manifest_joins_the_clips_of_its_signer_in_order(source, tmp_path):
    rows = ("s2,7,tea get,anna,a,tea/1|get/1", "s1,7,tea get,ben,b,tea/9")
    delivered = convert(source, tmp_path / "out", manifest(tmp_path, *rows))
    np.testing.assert_array_equal(
        np.load(tmp_path / "out" / "features" / "s2.npy")[:, :258],
        np.concatenate([values(table(), "tea/1"), values(table(), "get/1")]),
    )
    found = metadata(tmp_path / "out")
    assert list(found["sentence_id"]) == [7, 7] and list(found["fold"]) == ["b", "a"] and "split" not in found
    assert (delivered.clips, delivered.subjects, delivered.labels) == (2, 2, 1)


def test_a_sentence_with_an_unknown_clip_is_skipped_by_name(source, tmp_path):
    rows = ("s1,0,tea,anna,a,tea/1", "s2,0,tea,anna,a,tea/9", "s3,0,x,anna,a,")
    delivered = convert(source, tmp_path / "out", manifest(tmp_path, *rows))
    assert delivered.clips == 1
    assert delivered.skipped == ["s2 (no clip 'tea/9' of anna)", "s3 (no clip '' of anna)"]


def test_a_sentence_named_twice_is_refused(source, tmp_path):
    rows = ("s1,0,tea,anna,a,tea/1", "s1,1,get,anna,a,get/1")
    with pytest.raises(KinetraceError, match="'s1'"):
        convert(source, tmp_path / "out", manifest(tmp_path, *rows))


def test_split_assignments_become_a_column(source, tmp_path):
    rows = ("s1,0,tea,anna,a,tea/1", "s2,0,tea,anna,b,tea/1", "s3,0,tea,ben,a,tea/9")
    convert(source, tmp_path / "out", manifest(tmp_path, *rows), ["train=anna/a", "test=ben"])
    assert list(metadata(tmp_path / "out")["split"]) == ["train", "unused", "test"]


def test_without_assignments_the_manifests_own_split_stays(source, tmp_path):
    path = tmp_path / "sentences.csv"
    path.write_text("clip,sentence,signer,word_clips,split\ns1,tea,anna,tea/1,train\ns2,tea,ben,tea/9,test\n")
    convert(source, tmp_path / "out", path)
    assert list(metadata(tmp_path / "out")["split"]) == ["train", "test"]
    assert list(reader.inspect(tmp_path / "out", 1)["split"]) == ["train", "test"]


def test_clip_names_that_meet_get_their_signer_and_label(tmp_path):
    table(clips=[("a", "anna", "1"), ("a", "ben", "1")]).to_parquet(tmp_path / "t.parquet")
    convert(tmp_path / "t.parquet", tmp_path / "signers")
    assert list(metadata(tmp_path / "signers").index) == ["anna_1", "ben_1"]
    table(clips=[("a", "anna", "1"), ("b", "anna", "1")]).to_parquet(tmp_path / "t.parquet")
    convert(tmp_path / "t.parquet", tmp_path / "labels")
    assert list(metadata(tmp_path / "labels").index) == ["a_anna_1", "b_anna_1"]


def test_a_table_cut_out_of_a_longer_one_keeps_its_own_frames(tmp_path):
    whole = table().sort_index()
    whole.iloc[4:8].to_parquet(tmp_path / "t.parquet")
    convert(tmp_path / "t.parquet", tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "features" / "tea_1.npy")[:, :258], values(whole, "tea/1"))


def test_a_clip_of_one_frame_and_missing_values_are_left_to_validate(tmp_path):
    whole = table(clips=[("a", "anna", "1")], frames=1)
    whole["v3"] = [None]
    whole["v3"] = whole["v3"].astype("float32")
    whole.to_parquet(tmp_path / "t.parquet")
    convert(tmp_path / "t.parquet", tmp_path / "out")
    frames = np.load(tmp_path / "out" / "features" / "1.npy")
    assert frames.shape == (1, 540) and np.isnan(frames[0, 3])


def _without_signer(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.drop(columns="signer")


def _narrow(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.drop(columns="v7")


def _with_text(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.assign(v7="many")


def _with_a_hole(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.assign(clip=whole["clip"].where(whole["frame"] > 0))


def _with_a_frame_twice(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.assign(frame=whole["frame"].replace(3, 2))


@pytest.mark.parametrize("kind", ["str", "float64", "category", "int16"])
def test_frame_numbers_are_ordered_as_numbers(tmp_path, kind):
    whole = table(frames=12)
    whole.assign(frame=whole["frame"].astype(kind)).to_parquet(tmp_path / "t.parquet")
    convert(tmp_path / "t.parquet", tmp_path / "out")
    frames = np.load(tmp_path / "out" / "features" / "tea_1.npy")
    np.testing.assert_array_equal(frames[:, :258], values(whole, "tea/1"))


def _with_frame(value):
    return lambda whole: whole.assign(frame=whole["frame"].astype("object").replace(3, value).astype(type(value)))


def _without_rows(whole: pd.DataFrame) -> pd.DataFrame:
    return whole.iloc[:0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_signer, "lacks the column signer"),
        (_narrow, "257 values a frame, expected 258 or 1,662"),
        (_with_text, "column v7: expected numbers"),
        (_with_a_hole, "empty cells in clip"),
        (_without_rows, "has columns but no rows"),
        (_with_frame("last"), "column frame: found 'last', expected whole numbers"),
        (_with_frame("2"), "frame 2 of clip '-/0' appears twice"),
        (_with_frame(2.5), "column frame: found '2.5'"),
        (_with_frame(float("inf")), "column frame: found 'inf'"),
        (_with_a_frame_twice, "frame 2 of clip '-/0' appears twice"),
    ],
)
def test_a_bad_table_is_refused_by_name(tmp_path, spoil, said):
    spoil(table()).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(KinetraceError, match=said) as error:
        convert(tmp_path / "t.parquet", tmp_path / "out")
    assert "t.parquet" in str(error.value)


def test_what_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(KinetraceError, match="cannot be read as Parquet"):
        convert(tmp_path / "t.parquet", tmp_path / "out")
    with pytest.raises(KinetraceError, match="is a folder: expected a Parquet file"):
        convert(tmp_path, tmp_path / "out")
    with pytest.raises(KinetraceError, match="missing"):
        convert(tmp_path / "none.parquet", tmp_path / "out")


def real(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is absent")
    return DATA / name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("asl6/asl6_1662.parquet", "180 clips, 1 subject, 6 labels; parts pose, left_hand, right_hand, face"),
        ("fingerspelling/fingerspelling.parquet", "600 clips, 19 subjects, 187 labels"),
    ],
)
def test_real_tables_are_imported_whole(tmp_path, name, said):
    delivered = convert(real(name), tmp_path / "out")
    assert str(delivered).startswith(said) and not delivered.skipped
    assert len(list((tmp_path / "out" / "features").iterdir())) == delivered.clips


def test_real_orders_follow_their_protocol(tmp_path):
    """A part of the manifest: every twentieth sentence, of all signers and folds."""
    lines = real("coffee_orders/sentences.csv").read_text().splitlines()
    (tmp_path / "part.csv").write_text("\n".join([lines[0], *lines[1::20]]) + "\n")
    split = ["train=dmohazab/a", "val=dmohazab/b", "test=TheCamNelson"]
    delivered = convert(DATA / "coffee_orders/words.parquet", tmp_path / "out", tmp_path / "part.csv", split)
    rows = metadata(tmp_path / "out")
    assert delivered.clips == 108 and not delivered.skipped
    assert set(rows[rows["split"] == "test"]["subject"]) == {"TheCamNelson"}
    assert set(zip(rows["subject"], rows["fold"], rows["split"], strict=True)) >= {
        ("dmohazab", "a", "train"),
        ("dmohazab", "b", "val"),
    }
    assert set(rows["num_frames"]) <= set(range(20, 400, 20))
