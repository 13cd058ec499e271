"""The frame of MediaPipe Holistic, in itself."""

import numpy as np

from kinetrace import holistic


def test_parts_tile_the_frame_and_have_a_name_for_every_point():
    covered = np.concatenate([np.arange(part.start, part.stop) for part in holistic.PARTS.values()])
    np.testing.assert_array_equal(np.sort(covered), np.arange(holistic.WIDTH))
    for part, where in holistic.PARTS.items():
        names = holistic.POINT_NAMES[part]
        assert len(names) == len(set(names)) == (where.stop - where.start) / holistic.VALUES_A_POINT[part]


def test_the_face_is_made_of_points_of_the_mesh():
    assert len(holistic.FACE) == len(set(holistic.FACE)) == 94
    assert {str(point) for point in holistic.FACE} <= set(holistic.POINT_NAMES["face"])


def test_from_body_leaves_the_face_empty():
    frames = np.random.default_rng(0).random((3, holistic.BODY_WIDTH))
    whole = holistic.from_body(frames)
    assert whole.dtype == np.float32 and whole.shape == (3, 1662)
    np.testing.assert_array_equal(whole[:, :132], frames[:, :132].astype(np.float32))
    np.testing.assert_array_equal(whole[:, holistic.PARTS["left_hand"]], frames[:, 132:195].astype(np.float32))
    np.testing.assert_array_equal(whole[:, holistic.PARTS["right_hand"]], frames[:, 195:].astype(np.float32))
    assert not whole[:, holistic.PARTS["face"]].any()
