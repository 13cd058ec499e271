"""The native layout and its names."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.importers import native
from kinetrace.importers.native import Delivered, Names, Recording
from kinetrace.sign.data.features import motion


def recording(name: str, seed: int = 0, **columns) -> Recording:
    frames = np.random.default_rng(seed).random((5, 540), np.float32)
    return Recording(name, frames, {"sentence": "hello", **columns}, native.BODY)


def test_columns_stand_in_order_and_rows_are_sorted(tmp_path):
    delivered = native.write(tmp_path, [recording("b", gloss="x"), recording("a", sentence="bye")], Delivered())
    table = pd.read_csv(tmp_path / "metadata.csv")
    assert list(table.columns) == [*native.COLUMNS, "clip", "gloss"]
    assert list(table["video_file"]) == ["a", "b"] and list(table["sentence_id"]) == [0, 1]
    assert json.loads((tmp_path / "layout.json").read_text()) == {
        "parts": ["pose", "left_hand", "right_hand"],
        "face_points": "contours",
        "fps": 25.0,
    }
    said = "2 clips, 1 subject, 2 labels; parts pose, left_hand, right_hand (missing: face); "
    assert str(delivered) == said + native.ONE_SUBJECT
    assert native.ONE_SUBJECT not in str(Delivered(subjects=2))


def test_measures_are_those_of_the_features_module(tmp_path):
    clip = recording("a")
    native.write(tmp_path, [clip], Delivered())
    row = pd.read_csv(tmp_path / "metadata.csv").iloc[0]
    assert row["num_frames"] == 5
    assert row["motion_mean"] == pytest.approx(motion(clip.frames).mean())
    assert row["motion_p95"] == pytest.approx(np.percentile(motion(clip.frames), 95))
    assert row["mean_visibility"] == pytest.approx(clip.frames[:, 3:132:4].mean(), rel=1e-6)


def test_a_source_column_cannot_replace_a_measured_one(tmp_path):
    native.write(tmp_path, [recording("a", feature_path="../../x", num_frames="99")], Delivered())
    row = pd.read_csv(tmp_path / "metadata.csv").iloc[0]
    assert (row["feature_path"], row["num_frames"]) == ("features/a.npy", 5)


def test_same_recordings_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        native.write(tmp_path / folder, [recording("ä/1"), recording("b", 1)], Delivered())
    first = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(first) == 4
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_no_recording_is_an_error_that_says_what_was_skipped(tmp_path):
    with pytest.raises(KinetraceError, match="bad one"):
        native.write(tmp_path, [], Delivered(skipped=["bad one"]))


def test_not_finite_values_are_written_as_they_are(tmp_path):
    clip = recording("a")
    clip.frames[1, 0], clip.frames[2, 1], clip.frames[3, 1] = np.nan, np.inf, np.inf
    native.write(tmp_path, [clip], Delivered())
    np.testing.assert_array_equal(np.load(tmp_path / "features" / "a.npy"), clip.frames)


@given(st.lists(st.text(max_size=300), unique=True, max_size=8))
def test_names_are_safe_and_never_the_same(originals):
    names = Names()
    given = [names.give(original) for original in originals]
    assert len({name.casefold() for name in given}) == len(given)
    for name in given:
        assert name and len(name.encode()) < 200 and not name.startswith(("-", "."))
        assert not set(name) & set("/\\. \0\n")


def test_names_stay_readable_and_a_repeated_one_is_refused():
    names = Names()
    assert names.give("cat/0") == "cat_0"
    assert names.give("cat 0").startswith("cat_0-") and names.give("Straße/Ä") == "Straße_Ä"
    with pytest.raises(KinetraceError, match="cat/0"):
        names.give("cat/0")
