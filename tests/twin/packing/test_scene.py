from dataclasses import fields

import numpy as np

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.places import REST, Places
from kinetrace.twin.packing.scene import ITEMS, RIGHT_HAND, Scene, Stage

TIMES = np.arange(0, 20, 1 / 15)


def test_a_scene_has_everything_in_each_frame():
    scene = Stage(Places.drawn(draws(1))).scene(TIMES, draws(2))
    for field in fields(Scene):
        assert len(getattr(scene, field.name)) == len(TIMES), field.name
    assert scene.hands.shape == (len(TIMES), 2, 2) and scene.items.shape == (len(TIMES), ITEMS, 2)
    assert scene.lamps.shape == scene.item_where.shape == scene.item_hands.shape == (len(TIMES), ITEMS)


def test_hands_tremble_a_little_and_not_at_once():
    hands = Stage(Places.drawn(draws(1))).scene(TIMES, draws(2)).hands
    assert 0.2 < (hands - REST).std() < 1 and np.abs(hands - REST).max() < 4
    steps = (hands - REST).reshape(len(TIMES), -1)
    assert np.corrcoef(steps[:-1, 0], steps[1:, 0])[0, 1] > 0.3


def test_what_is_held_trembles_with_the_hand():
    stage = Stage(Places.drawn(draws(1)))
    stage.pen.hold(RIGHT_HAND, 5, 10, (2, 3))
    scene = stage.scene(TIMES, draws(2))
    held = scene.pen_hand == RIGHT_HAND
    assert held.sum() == 75
    assert np.allclose(scene.pen[held], scene.hands[held, RIGHT_HAND] + (2, 3))
