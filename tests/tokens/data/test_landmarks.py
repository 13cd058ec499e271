from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kinetrace.tokens.data import landmarks
from kinetrace.tokens.data.landmarks import (
    ABBREVIATIONS,
    CENTRES,
    EDGES,
    EYES,
    FACE_EYES,
    FACE_MESH,
    GROUPS,
    HOLISTIC_WIDTH,
    NAMES,
    PARTNERS,
    PARTS,
    POINTS,
    RANGES,
    WRISTS,
    from_holistic,
    mirror,
    part_mirror,
)

DATA = Path(__file__).parents[4] / "shared" / "data"
SETS = {  # file, and a size of the image in which the faces have the proportions of a face
    "fingerspelling": (DATA / "fingerspelling" / "fingerspelling.parquet", (512.0, 512.0)),
    "asl6": (DATA / "asl6" / "asl6_1662.parquet", (1280.0, 720.0)),
}


def test_names_are_133_and_say_left_and_right():
    assert len(NAMES) == len(set(NAMES)) == POINTS
    assert [NAMES[point] for point in EYES] == ["left_eye", "right_eye"]
    assert {part: NAMES[point] for part, point in CENTRES.items()} == {
        "face": "face_9", "left_hand": "left_hand_wrist", "right_hand": "right_hand_wrist", "body": "nose",
        "full_body": "nose",
    }  # fmt: skip
    assert [NAMES[point] for point in WRISTS.values()] == ["left_wrist", "right_wrist"]
    assert NAMES[120] == "right_hand_forefinger4"


def test_parts_are_the_ranges_of_the_field_and_cover_all_but_the_feet():
    assert RANGES == {
        "face": (24, 91), "left_hand": (92, 112), "right_hand": (113, 133), "body": (1, 17), "full_body": (1, 133),
    }  # fmt: skip
    covered = [point for part in ("body", "face", "left_hand", "right_hand") for point in range(POINTS)[PARTS[part]]]
    assert sorted(set(range(POINTS)) - set(covered)) == list(range(17, 23))
    assert len(covered) == len(set(covered)) == 127
    assert dict(CENTRES) == {"face": 31, "left_hand": 91, "right_hand": 112, "body": 0, "full_body": 0}
    assert list(ABBREVIATIONS.values()) == ["F", "LH", "RH", "B", "FB"]


def test_groups_part_the_points():
    assert sorted(chain(*GROUPS.values())) == list(range(POINTS))
    assert len(FACE_EYES) == 12


def test_the_mirror_swaps_names_and_is_its_own_inverse():
    order = mirror()
    np.testing.assert_array_equal(order[order], np.arange(POINTS))
    for point, name in enumerate(NAMES):
        if name.startswith(("left", "right")):
            other = {"left": "right", "right": "left"}[name.split("_")[0]]
            assert NAMES[order[point]] == f"{other}_{name.split('_', 1)[1]}"
    assert NAMES[order[0]] == "nose"


# The flip table of the 68 face points as COCO-WholeBody's definition in MMPose gives it (pairs, 0-based).
FACE_SWAPS = (
    (0, 16), (1, 15), (2, 14), (3, 13), (4, 12), (5, 11), (6, 10), (7, 9), (17, 26), (18, 25), (19, 24), (20, 23),
    (21, 22), (31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46), (48, 54), (49, 53),
    (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),
)  # fmt: skip


def test_the_mirror_of_the_face_is_the_fields():
    expected = np.arange(68)
    for left, right in FACE_SWAPS:
        expected[[left, right]] = right, left
    np.testing.assert_array_equal(part_mirror("face"), expected)


@pytest.mark.parametrize("part", list(PARTS))
def test_mirroring_a_part_is_mirroring_the_whole(part):
    partner = PARTNERS[part]
    whole = np.arange(POINTS)[mirror()]
    np.testing.assert_array_equal(np.arange(POINTS)[PARTS[partner]][part_mirror(part)], whole[PARTS[part]])


def test_groups_and_edges_are_the_same_in_the_mirror():
    order = mirror()
    sides = {"left": "right", "right": "left"}
    for name, points in GROUPS.items():
        side, _, rest = name.partition("_")
        partner = f"{sides[side]}_{rest}" if side in sides else name
        assert {int(order[point]) for point in points} == set(GROUPS[partner])
    for part, edges in EDGES.items():
        mirrored = {frozenset((int(order[a]), int(order[b]))) for a, b in edges}
        assert mirrored == {frozenset(edge) for edge in EDGES[PARTNERS[part]]}


@pytest.mark.parametrize("part", list(EDGES))
def test_edges_stay_in_their_part_and_reach_every_point(part):
    points = range(POINTS)[PARTS[part]]
    assert {point for edge in EDGES[part] for point in edge} == set(points)
    assert len({frozenset(edge) for edge in EDGES[part]}) == len(EDGES[part])
    assert all(first != second for first, second in EDGES[part])


def test_a_hand_is_a_tree_of_five_fingers():
    assert len(EDGES["left_hand"]) == 20
    assert [edge for edge in EDGES["left_hand"] if 91 in edge] == [(91, 92), (91, 96), (91, 100), (91, 104), (91, 108)]


# Two more published tables, of which the parts that name the same contours agree (mesh points by iBUG point, 1-based).
ROS4HRI = {
    18: 70, 19: 63, 20: 105, 21: 66, 22: 107, 23: 336, 24: 296, 25: 334, 26: 293, 27: 300, 28: 6, 29: 197,
    49: 61, 51: 37, 52: 0, 53: 267, 55: 291,
}  # fmt: skip
LM68 = {
    1: 127, 2: 234, 4: 132, 5: 58, 9: 152, 13: 397, 14: 361, 16: 454, 17: 356, 18: 70, 22: 107, 23: 336, 27: 300,
    28: 168, 29: 197, 30: 5, 31: 4, 33: 97, 34: 2, 35: 326, 38: 160, 39: 158, 40: 133, 41: 153, 42: 144, 43: 362,
    44: 385, 45: 387, 46: 263, 47: 373, 48: 380, 49: 61, 50: 39, 51: 37, 52: 0, 53: 267, 54: 269, 55: 291, 56: 321,
    57: 314, 58: 17, 59: 84, 60: 91, 61: 78, 62: 82, 63: 13, 64: 312, 65: 308, 66: 317, 67: 14, 68: 87,
}  # fmt: skip


@pytest.mark.parametrize("table", [ROS4HRI, LM68], ids=["ros4hri", "lm68"])
def test_the_face_agrees_with_other_published_tables(table):
    assert [point for point, mesh in table.items() if mesh not in FACE_MESH[point - 1]] == []


def test_holistic_points_lie_where_their_names_say():
    frames = np.zeros((2, HOLISTIC_WIDTH), np.float32)
    pose = frames[0, :132].reshape(33, 4)
    pose[:] = np.stack([np.arange(33), 100 + np.arange(33), np.ones(33), np.arange(33) / 40], axis=1)
    frames[0, 132 + 3 * 152 : 132 + 3 * 152 + 3] = 0.25, 0.5, 9  # the chin
    frames[0, 132 + 1404 : 132 + 1404 + 63] = 0.125
    points = from_holistic(frames, (100.0, 10.0))
    assert (points.shape, points.dtype) == ((2, POINTS, 3), np.float32)
    blaze = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 31, None, 29, 32, None, 30]
    for point, source in enumerate(blaze):
        expected = [0, 0, 0] if source is None else [source * 100, (100 + source) * 10, source / 40]
        np.testing.assert_allclose(points[0, point], expected, rtol=1e-6, err_msg=NAMES[point])
    np.testing.assert_allclose(points[0, 31], [25, 5, 1])
    np.testing.assert_allclose(points[0, 91:112], np.tile([12.5, 1.25, 1], (21, 1)))
    assert points[0, PARTS["face"], 2].all()
    assert not points[0, PARTS["right_hand"]].any()
    assert not points[1].any()


def test_visibility_outside_0_to_1_is_limited_and_another_width_refused():
    frames = np.zeros((2, HOLISTIC_WIDTH), np.float32)
    frames[0, 3], frames[1, 3] = -16, 8
    assert from_holistic(frames)[:, 0, 2].tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"\(2, 540\), expected \[T, 1662\]"):
        from_holistic(np.zeros((2, 540), np.float32))


@pytest.fixture(scope="module", params=list(SETS))
def real(request) -> np.ndarray:
    """``[T, 133, 3]`` of real people, every seventh frame with a face and eyes."""
    path, size = SETS[request.param]
    if not path.is_file():
        pytest.skip(f"real data are absent: {path}")
    table = pq.read_table(path)
    columns = [name for name in table.column_names if name not in ("label", "signer", "clip", "frame")]
    values = np.stack([table[name].to_numpy()[::7] for name in columns], axis=1)
    points = from_holistic(values, size)
    return points[(points[:, PARTS["face"], 2] > 0).all(1) & (points[:, 1, 2] > 0.5)]


def test_real_faces_are_the_same_on_both_sides(real):
    across, along = upright(real)
    order = part_mirror("face")
    np.testing.assert_allclose(across, -across[order], atol=0.06)
    np.testing.assert_allclose(along, along[order], atol=0.3)  # heads that nod to a side


def test_the_jaw_runs_from_the_right_side_to_the_left_and_the_rest_is_above(real):
    across, along = upright(real)
    assert (np.diff(across[:17]) > 0.005).all()
    assert along[:17].argmax() == 8
    assert (along[17:27] < along[36:48].min()).all()
    assert along[36:48].max() < along[30] < along[48:].min()
    assert across[36:42].max() < 0 < across[42:48].min()


def test_the_face_and_the_hands_lie_on_the_body(real):
    unit = np.linalg.norm(real[:, 1, :2] - real[:, 2, :2], axis=1)
    apart = real[:, FACE_EYES, :2].mean(1) - real[:, 1:3, :2].mean(1)
    assert np.median(np.linalg.norm(apart, axis=1) / unit) < 0.25
    for hand, wrist in (("left_hand", 9), ("right_hand", 10)):
        seen = (real[:, CENTRES[hand], 2] > 0) & (real[:, wrist, 2] > 0.5)
        apart = real[seen, CENTRES[hand], :2] - real[seen, wrist, :2]
        assert np.median(np.linalg.norm(apart, axis=1) / unit[seen]) < 0.6


def upright(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median place of each face point across (to the image's right) and along the face, from its bridge."""
    face = real[:, PARTS["face"], :2]
    unit = np.linalg.norm(real[:, 1, :2] - real[:, 2, :2], axis=1)[:, None]
    axis = face[:, 8] - face[:, 27]
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    apart = face - face[:, [27]]
    side = np.stack([axis[:, 1], -axis[:, 0]], axis=1)
    return tuple(np.median(np.einsum("tkd,td->tk", apart, direction) / unit, axis=0) for direction in (side, axis))


def test_the_module_says_where_its_tables_come_from():
    assert "COCO-WholeBody" in str(landmarks.__doc__)
    assert "Mediapipe_2_Dlib_Landmarks" in str(from_holistic.__doc__)
