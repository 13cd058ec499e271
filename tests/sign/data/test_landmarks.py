"""The layout of the 540 values, in itself and against real faces."""

from pathlib import Path

import numpy as np
import pytest

from kinetrace import holistic
from kinetrace.sign.data import landmarks as lm

ASL6 = Path(__file__).parents[3] / ".." / "shared" / "data" / "asl6" / "asl6_1662.parquet"


def test_counts_are_those_of_the_layout():
    assert [len(points) for points in (holistic.LIPS, holistic.RIGHT_EYE, holistic.LEFT_EYE)] == [40, 16, 16]
    assert [len(points) for points in (holistic.RIGHT_BROW, holistic.LEFT_BROW)] == [10, 10]
    assert len(holistic.FACE) == len(set(holistic.FACE)) == len(lm.FACE_EVERY_FIFTH) == 94
    assert max(*holistic.FACE, *lm.FACE_EVERY_FIFTH) < holistic.MESH_POINTS
    assert len(holistic.POSE_NAMES) == len(set(holistic.POSE_NAMES)) == 33
    assert len(holistic.HAND_NAMES) == len(set(holistic.HAND_NAMES)) == 21
    assert holistic.WIDTH == 1662


def test_parts_tile_the_frame():
    covered = np.concatenate([np.arange(part.start, part.stop) for part in lm.PARTS.values()])
    np.testing.assert_array_equal(covered, np.arange(lm.WIDTH))
    sizes = {name: (part.stop - part.start) // lm.VALUES_A_POINT[name] for name, part in lm.PARTS.items()}
    assert sizes == {"pose": 33, "left_hand": 21, "right_hand": 21, "face": 94}


def test_points_are_named_as_mediapipe_names_them():
    assert holistic.POSE_NAMES[lm.LEFT_SHOULDER] == "LEFT_SHOULDER"
    assert holistic.POSE_NAMES[lm.RIGHT_SHOULDER] == "RIGHT_SHOULDER"
    tips = [holistic.HAND_NAMES[point] for point in (4, 8, 20)]
    assert tips == ["THUMB_TIP", "INDEX_FINGER_TIP", "PINKY_TIP"]


def test_visibility_is_the_last_value_of_each_pose_point():
    assert len(lm.VISIBILITY) == 33
    assert {lm.columns("pose", point).stop - 1 for point in range(33)} == set(lm.VISIBILITY)


def test_mirror_is_an_involution_that_keeps_the_kind_of_each_value():
    order = lm.mirror_columns()
    np.testing.assert_array_equal(order[order], np.arange(lm.WIDTH))
    np.testing.assert_array_equal(order[lm.PARTS["left_hand"]], np.arange(195, 258))
    pose, others = np.arange(132), np.arange(132, lm.WIDTH)
    np.testing.assert_array_equal(order[pose] % 4, pose % 4)
    np.testing.assert_array_equal(order[others] % 3, others % 3)


def test_mirror_exchanges_names_of_left_and_right():
    order = lm.mirror_columns()
    for number, name in enumerate(holistic.POSE_NAMES):
        partner = holistic.POSE_NAMES[order[lm.columns("pose", number)][0] // 4]
        swapped = name.replace("LEFT", "*").replace("RIGHT", "LEFT").replace("*", "RIGHT")
        assert partner == swapped


def test_face_points_on_the_middle_line_stay():
    order = lm.mirror_columns()
    still = {holistic.FACE[i] for i in range(94) if order[258 + 3 * i] == 258 + 3 * i}
    assert still == {0, 13, 14, 17, 1, 152}


def test_from_holistic_picks_each_point_by_its_number():
    pose = [f"pose {point} {value}" for point in range(33) for value in "xyzv"]
    named = {part: [f"{part} {point} {value}" for point in range(count) for value in "xyz"]
             for part, count in {"face": 468, "left": 21, "right": 21}.items()}  # fmt: skip
    source = [*pose, *named["face"], *named["left"], *named["right"]]
    picked = [source[int(column)] for column in lm.from_holistic(np.arange(1662.0)[None])[0]]
    face = [f"face {point} {value}" for point in lm.FACE for value in "xyz"]
    assert picked == [*pose, *named["left"], *named["right"], *face]


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """``[T, 94, 3]`` of real faces, every fifth frame, image shares."""
    if not ASL6.exists():
        pytest.skip(f"{ASL6} is absent")
    import pyarrow.parquet as pq

    table = pq.read_table(ASL6, columns=[f"face_{point}_{axis}" for point in lm.FACE for axis in "xyz"])
    values = np.stack([table[name].to_numpy() for name in table.column_names], axis=1)[::5]
    return values[values.any(axis=1)].reshape(-1, 94, 3)


def _points(faces: np.ndarray, numbers: tuple[int, ...]) -> np.ndarray:
    return faces[:, [holistic.FACE.index(number) for number in numbers]]


def test_real_lips_lie_between_nose_and_chin_and_brows_above_eyes(faces):
    nose, chin = _points(faces, (holistic.NOSE_TIP,))[:, 0, 1], _points(faces, (holistic.CHIN,))[:, 0, 1]
    lips = _points(faces, holistic.LIPS)[..., 1]
    assert len(faces) > 1000
    assert (lips > nose[:, None]).mean() > 0.99 and (lips < chin[:, None]).mean() > 0.99
    for brow, eye in ((holistic.RIGHT_BROW, holistic.RIGHT_EYE), (holistic.LEFT_BROW, holistic.LEFT_EYE)):
        assert (_points(faces, brow)[..., 1].mean(axis=1) < _points(faces, eye)[..., 1].mean(axis=1)).all()


def test_real_right_and_left_lie_on_opposite_sides(faces):
    middle = _points(faces, (holistic.NOSE_TIP,))[..., 0]
    for right, left in ((holistic.RIGHT_EYE, holistic.LEFT_EYE), (holistic.RIGHT_BROW, holistic.LEFT_BROW)):
        sides = (
            np.median(_points(faces, right)[..., 0] - middle, 0),
            np.median(_points(faces, left)[..., 0] - middle, 0),
        )
        assert len(set(np.sign(sides[0]))) == len(set(np.sign(sides[1]))) == 1
        assert np.sign(sides[0][0]) != np.sign(sides[1][0])


def test_mirrored_real_face_lies_on_itself(faces):
    """Up to the angle from which it is seen (an affine map), each point lands nearest to its partner's place."""
    gap = np.abs(np.diff(_points(faces, (13, 14))[..., 1], axis=1))[:, 0] / np.ptp(faces[..., 0], axis=1)
    faces = faces[gap > np.quantile(gap, 0.97)]  # in a closed mouth the upper and lower lip coincide
    mean = np.median(faces - faces.mean(axis=1, keepdims=True), axis=0)
    order = (lm.mirror_columns()[258::3] - 258) // 3
    mirrored = np.c_[mean[order] * (-1, 1, 1), np.ones(94)]
    landed = mirrored @ np.linalg.lstsq(mirrored, mean, rcond=None)[0]
    distance = np.linalg.norm(landed[:, None] - mean[None], axis=-1) / np.ptp(mean[:, 0])
    assert distance.diagonal().max() < 0.04
    np.testing.assert_array_equal(distance.argmin(axis=1), np.arange(94))
