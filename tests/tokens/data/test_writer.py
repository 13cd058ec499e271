"""CSL-Daily's layout, written from what importers read."""

import json

import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.holistic import PARTS as HOLISTIC
from kinetrace.holistic import POSE_NAMES, WIDTH
from kinetrace.importers.recording import Delivered, Recording, given
from kinetrace.tokens.data import reader, writer
from kinetrace.tokens.data.landmarks import PARTS, from_holistic


def frames(seed: int = 0, count: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.9, (count, WIDTH)).astype(np.float32)


def recording(name: str, seed: int = 0, mask: np.ndarray | None = None, **columns) -> Recording:
    whole = given() if mask is None else mask
    return Recording(name, np.where(whole, frames(seed), 0), {"sentence": "tea", **columns}, whole)


def content(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_the_layout_is_csl_dailys_and_its_reader_reads_it(tmp_path):
    clips = [
        recording("b/1", subject="ben", gloss="TEA", split="train", fold="x"),
        recording("a", 1, sentence="hot tea", split="test"),
        recording("c", 2, split="unused"),
    ]
    delivered = writer.write(tmp_path, clips, Delivered())
    assert content(tmp_path, "annotations")["b_1"] == {
        "text": "tea", "gloss": "TEA", "num_frames": 5, "signer": "ben", "fold": "x", "clip": "b/1",
    }  # fmt: skip
    assert content(tmp_path, "annotations")["a"]["signer"] == "unknown"
    assert content(tmp_path, "split_files") == {"train": ["b_1"], "val": [], "test": ["a"]}
    assert content(tmp_path, "layout") == {"fps": 25.0}
    assert str(delivered) == "3 clips, 2 subjects, 2 labels; parts pose, left_hand, right_hand, face"
    table = reader.inspect(tmp_path, 1).set_index("clip_id")
    assert table["split"].to_dict() == {"a": "test", "b_1": "train", "c": "unused"}
    assert table["text"]["a"] == "hot tea" and table["found_absent"].isna().all()


def test_frames_are_the_points_under_the_row_of_the_size(tmp_path):
    clip = Recording("a", frames(), {"sentence": "tea"}, size=(640.0, 480.0), fps=30)
    writer.write(tmp_path, [clip], Delivered())
    found = np.load(tmp_path / "frames_512x512" / "a.npy", allow_pickle=False)
    assert found.dtype == np.float32 and found.shape == (5, 134, 3)
    assert (found[:, 0] == (640, 480, 0)).all()
    np.testing.assert_array_equal(found[:, 1:], from_holistic(frames(), (640.0, 480.0)))
    assert reader.layout(tmp_path).fps == 30


def test_no_split_leaves_every_clip_unused(tmp_path):
    writer.write(tmp_path, [recording("a")], Delivered())
    assert content(tmp_path, "split_files") == {"train": [], "val": [], "test": []}


def test_the_columns_that_it_asks_for_are_all_that_it_reads():
    others = np.setdiff1d(np.arange(WIDTH), writer.COLUMNS)
    clip = recording("a")
    changed = clip.frames.copy()
    changed[:, others] = 0
    spared = Recording("a", changed, clip.columns)
    np.testing.assert_array_equal(writer.whole_body(clip), writer.whole_body(spared))
    assert 258 < len(writer.COLUMNS) < 600


def test_without_a_face_its_points_have_no_score():
    points = writer.whole_body(recording("a", mask=given(face=False)))[:, 1:]
    assert not points[:, PARTS["face"]].any() and points[:, PARTS["body"], 2].all()
    assert points[:, PARTS["left_hand"], 2].all() and points[:, PARTS["right_hand"], 2].all()


def test_points_that_the_source_lacks_have_no_score():
    mask = given()
    mask[HOLISTIC["left_hand"].start + 12 : HOLISTIC["left_hand"].start + 15] = False  # tip of the thumb
    mask[HOLISTIC["face"].start + 3 * 6 : HOLISTIC["face"].start + 3 * 7] = False  # one of a pair on the nose's ridge
    points = writer.whole_body(recording("a", mask=mask))[:, 1:]
    lacking = {int(point) for point in np.flatnonzero(~points.any(axis=(0, 2)))}
    assert lacking == {18, 21, 91 + 4, 23 + 27}  # MediaPipe has no small toes at all


def test_eyes_come_from_the_face_where_the_pose_has_no_head():
    mask = given()
    mask[: 4 * POSE_NAMES.index("LEFT_SHOULDER")] = False
    clip = recording("a", mask=mask)
    clip.frames[2, HOLISTIC["face"]] = 0  # not detected in this frame
    points = writer.whole_body(clip)[:, 1:]
    mesh = clip.frames[:, HOLISTIC["face"]].reshape(5, 468, 3)[..., :2] * 512
    seen = [0, 1, 3, 4]
    np.testing.assert_allclose(points[seen, 1, :2], mesh[seen][:, [362, 263]].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(points[seen, 2, :2], mesh[seen][:, [33, 133]].mean(axis=1), rtol=1e-5)
    assert (points[seen, 1:3, 2] == 1).all() and not points[2, 1:3].any()
    assert not points[:, [0, 3, 4]].any()  # the nose and the ears stay unknown
    assert not clip.frames[:, :4].any() and not clip.given[8]  # the recording is left as it was


def test_eyes_of_the_pose_go_before_those_of_the_face():
    clip = recording("a")
    np.testing.assert_array_equal(writer.whole_body(clip)[:, 1:], from_holistic(clip.frames))


def test_an_unknown_split_is_refused_by_name(tmp_path):
    with pytest.raises(KinetraceError, match="clip 'a': split 'dev', expected one of train, val, test, unused"):
        writer.write(tmp_path, [recording("a", split="dev")], Delivered())


def test_no_recording_is_an_error_that_says_what_was_skipped(tmp_path):
    with pytest.raises(KinetraceError, match="bad one"):
        writer.write(tmp_path, [], Delivered(skipped=["bad one"]))


def test_a_source_column_cannot_replace_a_measured_one(tmp_path):
    writer.write(tmp_path, [recording("a", num_frames="99", clip="../x", signer="eve", text="no")], Delivered())
    assert content(tmp_path, "annotations")["a"] == {
        "text": "tea", "gloss": "", "num_frames": 5, "signer": "unknown", "clip": "a",
    }  # fmt: skip


def test_rates_that_differ_are_said(tmp_path):
    clips = [Recording(name, frames(), {"sentence": "x"}, fps=rate) for name, rate in (("a", 24), ("b", 30), ("c", 24))]
    delivered = writer.write(tmp_path, clips, Delivered())
    assert content(tmp_path, "layout") == {"fps": 24.0} and "frame rates differ (24, 30): 24 taken" in str(delivered)


def test_same_recordings_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        writer.write(tmp_path / folder, [recording("ä/1"), recording("b", 1)], Delivered())
    first = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(first) == 5
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
