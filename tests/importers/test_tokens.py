"""Real motion at hand as data sets of tokens: the same importers, another writer."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace import cli
from kinetrace.errors import KinetraceError
from kinetrace.importers import landmarks, mp_data, pose
from kinetrace.tokens.data import reader, writer
from kinetrace.tokens.data.landmarks import PARTS, from_holistic
from tests.importers.test_landmarks import real, table
from tests.importers.test_mp_data import sequence
from tests.importers.test_pose import HOLISTIC
from tests.importers.test_pose import write as write_pose


def content(folder: Path, name: str):
    return json.loads((folder / f"{name}.json").read_text())


def load(folder: Path, name: str) -> np.ndarray:
    return np.load(folder / "frames_512x512" / f"{name}.npy", allow_pickle=False)


def test_fingerspelling_is_imported_whole(tmp_path):
    source, split = real("fingerspelling/fingerspelling.parquet"), ["train=ase", "val=svk", "test=gss"]
    delivered = landmarks.convert(source, tmp_path, writer, split=split)
    assert (delivered.clips, delivered.subjects, delivered.labels, delivered.skipped) == (600, 19, 187, [])
    rows = reader.inspect(tmp_path, 1)
    assert len(rows) == 600 and rows["num_frames"].sum() == 15514 and rows["found_problem"].isna().all()
    assert rows["subject"].nunique() == 19 and (rows["label"] == rows["gloss"]).all()
    found = rows.groupby("split")["subject"].agg(lambda names: set(names) if len(set(names)) == 1 else "many")
    assert found.to_dict() == {"train": {"ase"}, "val": {"svk"}, "test": {"gss"}, "unused": "many"}
    whole = pd.read_parquet(source)
    name, frames = next(iter(whole[whole["signer"] == "gss"].groupby("clip", observed=True)))
    values = frames.sort_values("frame").iloc[:, 4:].to_numpy(np.float32)
    (clip,) = (key for key, entry in content(tmp_path, "annotations").items() if entry["clip"].endswith(str(name)))
    written = load(tmp_path, clip)[:, 1:]
    np.testing.assert_array_equal(np.delete(written, [18, 21], axis=1), np.delete(from_holistic(values), [18, 21], 1))


def test_words_without_a_face_have_one_without_scores(tmp_path):
    table().to_parquet(tmp_path / "words.parquet", index=False)
    delivered = landmarks.convert(tmp_path / "words.parquet", tmp_path / "out", writer)
    assert str(delivered).startswith("4 clips, 2 subjects, 3 labels; parts pose, left_hand, right_hand (missing: face)")
    frames = load(tmp_path / "out", "get_1")[:, 1:]
    assert not frames[:, PARTS["face"]].any() and frames[:, PARTS["body"], 2].all()
    assert not load(tmp_path / "out", "__0")[:, 1:].any()  # nobody was detected


def test_a_manifest_joins_clips_here_too(tmp_path):
    table(1662).to_parquet(tmp_path / "t.parquet", index=False)
    (tmp_path / "m.csv").write_text("clip,sentence,signer,word_clips,fold\ns,tea get,anna,tea/1|get/1,a\n")
    landmarks.convert(tmp_path / "t.parquet", tmp_path / "out", writer, tmp_path / "m.csv", ["val=anna/a"])
    assert load(tmp_path / "out", "s").shape == (8, 134, 3)
    entry = content(tmp_path / "out", "annotations")["s"]
    assert (entry["text"], entry["signer"], entry["fold"]) == ("tea get", "anna", "a")
    assert content(tmp_path / "out", "split_files")["val"] == ["s"]


def test_wrong_columns_are_refused_alike(tmp_path):
    table(1662).drop(columns="v7").to_parquet(tmp_path / "t.parquet")
    with pytest.raises(KinetraceError, match="1661 values a frame, expected 258 or 1,662"):
        landmarks.convert(tmp_path / "t.parquet", tmp_path / "out", writer)


def test_pose_files_come_in_pixels_of_their_picture(tmp_path):
    points = write_pose(tmp_path / "in" / "a.pose", size=(200, 100))[:, 0]
    pose.convert(tmp_path / "in", tmp_path / "out", writer)
    frames = load(tmp_path / "out", "a")
    assert (frames[:, 0] == (200, 100, 0)).all()
    wrist = frames[:, 1 + 9]
    np.testing.assert_allclose(wrist, np.c_[points[:, 15, :2] * (200, 100), np.full(4, 0.75)], rtol=1e-5)
    np.testing.assert_allclose(frames[:, 92:113, :2], points[:, 501:522, :2] * (200, 100), rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (0, 0)])
def test_a_picture_of_unknown_size_is_a_square(tmp_path, size):
    write_pose(tmp_path / "in" / "a.pose", size=size)
    pose.convert(tmp_path / "in", tmp_path / "out", writer)
    assert (load(tmp_path / "out", "a")[:, 0] == (512, 512, 0)).all()


def test_a_reduced_face_is_placed_by_name(tmp_path):
    components = HOLISTIC | {"FACE_LANDMARKS": ["152", "0", "13", "33", "133", "362", "263"]}
    points = write_pose(tmp_path / "in" / "a.pose", components, size=(100, 100))[:, 0]
    pose.convert(tmp_path / "in", tmp_path / "out", writer)
    face = load(tmp_path / "out", "a")[:, 1:][:, PARTS["face"]]
    assert set(np.flatnonzero(face[..., 2].any(axis=0)) + 1) == {9, 37, 40, 43, 46, 52, 63}  # iBUG, from 1
    np.testing.assert_allclose(face[:, 8, :2], points[:, 33, :2] * 100, rtol=1e-5)


def test_damaged_files_are_skipped_by_name(tmp_path):
    write_pose(tmp_path / "in" / "good.pose")
    whole = (tmp_path / "in" / "good.pose").read_bytes()
    (tmp_path / "in" / "cut.pose").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "noise.pose").write_bytes(b"\xff" * 4000)
    delivered = pose.convert(tmp_path / "in", tmp_path / "out", writer)
    assert delivered.clips == 1 and [line.split()[0] for line in delivered.skipped] == ["cut.pose", "noise.pose"]


def test_real_pose_files_have_eyes_chin_and_hands(tmp_path):
    delivered = pose.convert(real("pose_files"), tmp_path, writer)
    assert delivered.clips == 4 and "openpose.pose" in delivered.skipped[0]
    points = load(tmp_path, "mediapipe")[:, 1:]
    seen = points[..., 2] > 0.25
    assert seen[:, [1, 2, 5, 6, 31]].all() and seen[:, PARTS["right_hand"]].mean() > 0.5
    assert not seen[:, [0, 3, 4, 13, 14]].any() and not seen[:, 50:59].any()  # eight pose points, a face without a nose
    left, right, chin = (np.median(points[:, point, :2], axis=0) for point in (1, 2, 31))
    assert right[0] < chin[0] < left[0] and chin[1] - left[1] > np.linalg.norm(left - right)
    rows = reader.inspect(tmp_path, 1).set_index("clip_id")
    assert rows["num_frames"]["mediapipe_long"] == 278 and rows["fps"]["mediapipe_long"] == 24


def test_mp_data_becomes_tokens_too(tmp_path):
    values = sequence(tmp_path / "MP_Data", "hello/0", 1662)
    mp_data.convert(tmp_path / "MP_Data", tmp_path / "out", writer, "anna")
    frames = load(tmp_path / "out", "hello_0")[:, 1:]
    np.testing.assert_array_equal(np.delete(frames, [18, 21], 1), np.delete(from_holistic(values), [18, 21], 1))


def test_the_commands_take_the_workload(tmp_path, capsys):
    table(1662).to_parquet(tmp_path / "t.parquet")
    write_pose(tmp_path / "in" / "a.pose")
    commands = (["landmarks", str(tmp_path / "t.parquet"), "--split", "test=ben"], ["pose", str(tmp_path / "in")])
    for number, command in enumerate(commands):
        target = tmp_path / f"out{number}"
        cli.app(["import", *command, "--workload", "tokens", "--to", str(target)], standalone_mode=False)
        assert (target / "annotations.json").is_file() and "label" in capsys.readouterr().out
    with pytest.raises(KinetraceError, match="no workload 'dance'"):
        cli.app(["import", *commands[0], "--workload", "dance", "--to", str(tmp_path / "no")], standalone_mode=False)
    with pytest.raises(KinetraceError, match=r"holds annotations\.json, so it is no imported data set"):
        cli.app(["import", *commands[0], "--to", str(tmp_path / "out0")], standalone_mode=False)
