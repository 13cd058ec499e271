import numpy as np
import pytest

from kinetrace.sign.data.features import motion
from kinetrace.sign.data.landmarks import PARTS
from kinetrace.sign.evaluate import outside
from tests.sign import models

FLOOR = 7.5e-4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    clips = [models.clip(20 + 3 * seed, seed, ["face"] if seed % 2 else []) for seed in range(4)]
    return models.corpus(tmp_path_factory.mktemp("corpus"), clips, [0, 1, 2, 3])


def test_random_motion_passes_through_poses_of_the_clips_and_is_smooth_between(corpus):
    poses = np.concatenate([corpus.frames(index) for index in range(4)])
    made = outside.random_motion(corpus, 50, np.random.default_rng(0))
    assert made.shape == (50, 540) and made.dtype == np.float32
    for frame in range(0, 50, outside.STEP):
        assert (np.abs(poses - made[frame]).max(1) < 1e-6).any()
    hands = made[:, PARTS["left_hand"]]
    assert np.abs(np.diff(hands, axis=0)).max() < 0.3 * np.ptp(hands, axis=0).max()


def test_random_motion_has_a_part_where_the_nearer_pose_has_it_and_never_half_of_it(corpus):
    made = outside.random_motion(corpus, 200, np.random.default_rng(1))[:, PARTS["face"]]
    seen = (made != 0).any(1)
    assert seen.any() and not seen.all()
    assert np.abs(made[seen]).min() > 0.05  # half way to a missing face would be half way to zero


def test_still_clips_lie_below_the_floor_and_not_all_at_zero(corpus):
    made = [outside.still(corpus.frames(0), FLOOR, np.random.default_rng(seed)) for seed in range(20)]
    energy = np.array([motion(clip).mean() for clip in made])
    assert (energy < FLOOR).all() and energy.max() > FLOOR / 2
    np.testing.assert_allclose(made[0], np.repeat(made[0][:1], len(made[0]), axis=0), atol=0.01)
    faceless = outside.still(corpus.frames(1), FLOOR, np.random.default_rng(0))
    assert made[0][:, PARTS["face"]].any() and not faceless[:, PARTS["face"]].any()


def test_an_empty_clip_stays_empty():
    assert not outside.still(np.zeros((5, 540), np.float32), FLOOR, np.random.default_rng(0)).any()


def test_stand_ins_are_as_long_as_the_clips_that_they_stand_for(corpus):
    made = outside.stand_ins(corpus, 128, FLOOR, 7)
    assert list(made) == ["random", "still"]
    for kind in made.values():
        assert kind.lengths.tolist() == corpus.lengths.tolist() == [len(kind.frames(index)) for index in range(4)]
    fewer = outside.stand_ins(corpus, 2, FLOOR, 7)["random"]
    assert fewer.clip_ids == [corpus.clip_ids[0], corpus.clip_ids[3]]


def test_stand_ins_are_the_same_again_and_others_with_another_seed(corpus):
    one, same, other = (outside.stand_ins(corpus, 4, FLOOR, seed) for seed in (7, 7, 8))
    for kind in one:
        np.testing.assert_array_equal(one[kind].frames(2), same[kind].frames(2))
        assert (one[kind].frames(2) != other[kind].frames(2)).any()
