import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.twin.packing.canvas import Canvas
from kinetrace.twin.packing.packer import Packer
from kinetrace.twin.packing.places import REST, SHOULDERS, by
from kinetrace.twin.packing.worker import arms, bend, body, hand

LOOK = Packer.of(7, 0).look


@given(st.floats(0, 640), st.floats(100, 480), st.sampled_from([0, 1]))
def test_an_elbow_points_to_the_outside_and_is_not_far(x, y, side):
    elbow = bend(SHOULDERS[side], np.array([x, y]), (-1.0, 1.0)[side])
    assert np.isfinite(elbow).all()
    assert np.linalg.norm(elbow - SHOULDERS[side]) < 260


def test_a_stretched_arm_is_straight():
    far = SHOULDERS[0] + (0.0, 400.0)
    elbow = bend(SHOULDERS[0], far, -1.0)
    assert elbow[0] == pytest.approx(SHOULDERS[0, 0], abs=12) and SHOULDERS[0, 1] < elbow[1] < far[1]


def painted(paint):
    canvas = Canvas(np.zeros((480, 640, 3), np.uint8), np.eye(2, 3))
    paint(canvas)
    return canvas.picture.any(axis=2)


def test_arms_reach_from_the_shoulders_to_the_hands():
    seen = painted(lambda canvas: arms(canvas, REST, LOOK))
    for x, y in [*SHOULDERS.astype(int), *(REST - (0, 3)).astype(int)]:
        assert seen[y, x]
    assert not seen[400:].any()


def test_a_hand_is_shorter_around_something():
    openly, gripping = (painted(lambda c, g=g: hand(c, np.array([300.0, 300.0]), LOOK, 0, g)) for g in (False, True))
    assert openly[300, 300] and openly.sum() > gripping.sum() > 400


def test_the_body_leans_after_the_hands():
    left, right = (painted(lambda c, x=x: body(c, REST + by(x, 0), LOOK)) for x in (-150, 150))
    assert np.nonzero(left)[1].mean() + 40 < np.nonzero(right)[1].mean()
