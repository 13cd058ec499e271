"""``.pose`` files, written here by the pose-format library, and real ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from kinetrace.errors import KinetraceError
from kinetrace.holistic import FACE, HAND_NAMES, POSE_NAMES
from kinetrace.importers import pose
from kinetrace.sign.data import writer
from kinetrace.sign.data.landmarks import PARTS, VISIBILITY, columns

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "pose_files"
HOLISTIC = {
    "POSE_LANDMARKS": list(POSE_NAMES),
    "FACE_LANDMARKS": [str(number) for number in range(468)],
    "LEFT_HAND_LANDMARKS": list(HAND_NAMES),
    "RIGHT_HAND_LANDMARKS": list(HAND_NAMES),
    "POSE_WORLD_LANDMARKS": list(POSE_NAMES),
}


def convert(folder: Path, target: Path, *options, **more):
    return pose.convert(folder, target, writer, *options, **more)


def write(path: Path, components=HOLISTIC, size=(200, 100), people: int = 1, dims: str = "XYZC", seed: int = 0):
    """A file of random shares of the image, in pixels of ``size``; returns points ``[T, N, P, D]`` in shares."""
    names = [PoseHeaderComponent(name, points, [], [], dims) for name, points in components.items()]
    header = PoseHeader(0.2, PoseHeaderDimensions(*size, 1), names)
    total = sum(map(len, components.values()))
    points = np.random.default_rng(seed).random((4, people, total, len(dims) - 1)).astype(np.float32)
    confidence = np.full((4, people, total), 0.75, np.float32)
    confidence[1, 0, 0] = 0 if components is HOLISTIC else 0.75
    pixels = points * [*(max(side, 1) for side in size), 1][: len(dims) - 1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        Pose(header, NumPyPoseBody(30.0, pixels.astype(np.float32), confidence)).write(stream)
    return points


def converted(folder: Path, target: Path, **options) -> np.ndarray:
    convert(folder, target, **options)
    (path,) = (target / "features").iterdir()
    return np.load(path, allow_pickle=False)


@pytest.mark.parametrize("size", [(200, 100), (1, 1), (0, 0)])
def test_points_come_by_name_in_shares_of_the_image(tmp_path, size):
    points = write(tmp_path / "in" / "a.pose", size=size)[:, 0]
    frames = converted(tmp_path / "in", tmp_path / "out")
    np.testing.assert_allclose(frames[:, columns("pose", 16)][:, :3], points[:, 16], rtol=1e-5)
    np.testing.assert_allclose(frames[:, PARTS["left_hand"]], points[:, 501:522].reshape(4, -1), rtol=1e-5)
    np.testing.assert_allclose(frames[:, PARTS["right_hand"]], points[:, 522:543].reshape(4, -1), rtol=1e-5)
    face = points[:, [33 + number for number in FACE]]
    np.testing.assert_allclose(frames[:, PARTS["face"]], face.reshape(4, -1), rtol=1e-5)


def test_confidence_is_visibility_and_unseen_points_are_zero(tmp_path):
    write(tmp_path / "in" / "a.pose")
    frames = converted(tmp_path / "in", tmp_path / "out")
    assert not frames[1, columns("pose", 0)].any()
    np.testing.assert_array_equal(np.delete(frames[:, VISIBILITY].ravel(), 33), 0.75)


def test_reduced_and_reordered_points_are_placed_by_name_and_reported(tmp_path):
    components = {"LEFT_HAND_LANDMARKS": list(HAND_NAMES[::-1]), "FACE_LANDMARKS": ["152", "2", "0"]}
    points = write(tmp_path / "in" / "a.pose", components)[:, 0]
    delivered = convert(tmp_path / "in", tmp_path / "out")
    frames = np.load(tmp_path / "out" / "features" / "a.npy")
    np.testing.assert_allclose(frames[:, PARTS["left_hand"]][:, -3:], points[:, 0], rtol=1e-5)
    face = frames[:, PARTS["face"]].reshape(4, 94, 3)
    np.testing.assert_allclose(face[:, FACE.index(152)], points[:, 21], rtol=1e-5)
    np.testing.assert_allclose(face[:, FACE.index(0)], points[:, 23], rtol=1e-5)
    assert (face.any(axis=(0, 2))).sum() == 2
    assert delivered.parts == ("left_hand", "face") and "a.pose: face 2 of 94" in str(delivered)


def test_flat_points_have_no_depth_and_a_common_depth_offset_is_removed(tmp_path):
    write(tmp_path / "flat" / "a.pose", dims="XYC")
    assert not converted(tmp_path / "flat", tmp_path / "out")[:, 134:195:3].any()
    if REAL.exists():
        frames = converted(REAL / "mediapipe.pose", tmp_path / "out2")
        assert np.abs(frames[:, columns("pose", 11)][:, 2]).max() < 3


def test_of_several_people_the_first_is_taken_and_it_is_said(tmp_path):
    points = write(tmp_path / "in" / "a.pose", people=2)
    delivered = convert(tmp_path / "in", tmp_path / "out")
    frames = np.load(tmp_path / "out" / "features" / "a.npy")
    np.testing.assert_allclose(frames[:, columns("pose", 5)][:, :3], points[:, 0, 5], rtol=1e-5)
    assert "several people, the first taken: 1 (a.pose)" in str(delivered)


def test_labels_come_from_folders_or_from_the_metadata(tmp_path):
    for number, name in enumerate(("top.pose", "tea/1.pose", "tea/2.pose")):
        write(tmp_path / "in" / name, seed=number)
    convert(tmp_path / "in", tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "metadata.csv").set_index("video_file")
    assert rows["sentence"].to_dict() == {"tea_1": "tea", "tea_2": "tea", "top": "top"}
    assert json.loads((tmp_path / "out" / "layout.json").read_text())["fps"] == 30
    (tmp_path / "m.csv").write_text("file,sentence,subject\ntea/1.pose,a tea,anna\ntop,the top,ben\n")
    delivered = convert(tmp_path / "in", tmp_path / "out2", tmp_path / "m.csv")
    rows = pd.read_csv(tmp_path / "out2" / "metadata.csv").set_index("video_file")
    assert rows["sentence"].to_dict() == {"tea_1": "a tea", "top": "the top"}
    assert rows["subject"].to_dict() == {"tea_1": "anna", "top": "ben"}
    assert delivered.skipped == ["tea/2.pose (no row in the metadata)"]


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"not a pose" * 99, b"\xff" * 4000])
def test_damaged_files_are_skipped_by_name(tmp_path, content):
    write(tmp_path / "in" / "good.pose")
    (tmp_path / "in" / "bad.pose").write_bytes(content)
    delivered = convert(tmp_path / "in", tmp_path / "out")
    assert delivered.clips == 1 and delivered.skipped[0].startswith("bad.pose (")


def test_a_cut_file_is_skipped(tmp_path):
    write(tmp_path / "in" / "good.pose")
    whole = (tmp_path / "in" / "good.pose").read_bytes()
    (tmp_path / "in" / "cut.pose").write_bytes(whole[: len(whole) // 2])
    delivered = convert(tmp_path / "in", tmp_path / "out")
    assert delivered.clips == 1 and delivered.skipped[0].startswith("cut.pose (")


def test_other_components_are_refused_by_name(tmp_path):
    write(tmp_path / "in" / "a.pose", {"pose_keypoints_2d": ["Nose", "Neck"]}, dims="XYC")
    with pytest.raises(KinetraceError, match=r"a\.pose \(holds pose_keypoints_2d; expected .*POSE_LANDMARKS"):
        convert(tmp_path / "in", tmp_path / "out")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match=r"no \.pose file"):
        convert(tmp_path, tmp_path / "out")
    with pytest.raises(KinetraceError, match=r"there is no folder or file .*none"):
        convert(tmp_path / "none", tmp_path / "out")


def test_real_files_are_imported_and_openpose_is_named(tmp_path):
    if not REAL.exists():
        pytest.skip(f"{REAL} is absent")
    delivered = convert(REAL, tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "metadata.csv").set_index("video_file")
    assert rows["num_frames"].to_dict() == {
        "mediapipe": 170,
        "mediapipe_hand_normalized": 170,
        "mediapipe_long": 278,
        "mediapipe_long_hand_normalized": 278,
    }
    assert len(delivered.skipped) == 1 and "openpose.pose (holds pose_keypoints_2d" in delivered.skipped[0]
    frames = np.load(tmp_path / "out" / "features" / "mediapipe.npy")
    shoulders = frames[:, columns("pose", 11)][:, 0] - frames[:, columns("pose", 12)][:, 0]
    assert (np.abs(shoulders) > 0.1).all() and (np.abs(frames[:, 132:258]) < 2).all()
