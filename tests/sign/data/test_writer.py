"""The native layout of sign."""

import json

import numpy as np
import pandas as pd
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.importers import recording as recordings
from kinetrace.importers.recording import Delivered, Recording
from kinetrace.sign.data import writer
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import from_holistic


def recording(name: str, seed: int = 0, **columns) -> Recording:
    frames = np.random.default_rng(seed).random((5, 1662), np.float32)
    return Recording(name, frames, {"sentence": "hello", **columns}, recordings.given(face=False))


def test_columns_stand_in_order_and_rows_are_sorted(tmp_path):
    delivered = writer.write(tmp_path, [recording("b", gloss="x"), recording("a", sentence="bye")], Delivered())
    table = pd.read_csv(tmp_path / "metadata.csv")
    assert list(table.columns) == [*writer.METADATA, "clip", "gloss"]
    assert list(table["video_file"]) == ["a", "b"] and list(table["sentence_id"]) == [0, 1]
    assert json.loads((tmp_path / "layout.json").read_text()) == {
        "parts": ["pose", "left_hand", "right_hand"],
        "face_points": "contours",
        "fps": 25.0,
    }
    said = "2 clips, 1 subject, 2 labels; parts pose, left_hand, right_hand (missing: face); "
    assert str(delivered) == said + writer.ONE_SUBJECT
    assert writer.ONE_SUBJECT not in str(Delivered(subjects=2))


def test_measures_are_those_of_the_features_module(tmp_path):
    clip = recording("a")
    writer.write(tmp_path, [clip], Delivered())
    row = pd.read_csv(tmp_path / "metadata.csv").iloc[0]
    assert row["num_frames"] == 5
    assert row["motion_mean"] == pytest.approx(motion(from_holistic(clip.frames)).mean())
    assert row["motion_p95"] == pytest.approx(np.percentile(motion(from_holistic(clip.frames)), 95))
    assert row["mean_visibility"] == pytest.approx(clip.frames[:, 3:132:4].mean(), rel=1e-6)


def test_a_source_column_cannot_replace_a_measured_one(tmp_path):
    writer.write(tmp_path, [recording("a", feature_path="../../x", num_frames="99")], Delivered())
    row = pd.read_csv(tmp_path / "metadata.csv").iloc[0]
    assert (row["feature_path"], row["num_frames"]) == ("features/a.npy", 5)


def test_same_recordings_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        writer.write(tmp_path / folder, [recording("ä/1"), recording("b", 1)], Delivered())
    first = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(first) == 4
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_no_recording_is_an_error_that_says_what_was_skipped(tmp_path):
    with pytest.raises(KinetraceError, match="bad one"):
        writer.write(tmp_path, [], Delivered(skipped=["bad one"]))


def test_not_finite_values_are_written_as_they_are(tmp_path):
    clip = recording("a")
    clip.frames[1, 0], clip.frames[2, 1], clip.frames[3, 1] = np.nan, np.inf, np.inf
    writer.write(tmp_path, [clip], Delivered())
    np.testing.assert_array_equal(np.load(tmp_path / "features" / "a.npy"), from_holistic(clip.frames))
