import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.data.chunks import cut_windows
from kinetrace.tokens.data.landmarks import EYES, POINTS, part_mirror
from kinetrace.tokens.params import AugmentParams
from kinetrace.tokens.train.augment import KEPT, Draws, corrupted, generator, placed, shuffled
from tests.tokens.clips import several, wander
from tests.tokens.settings import params

OFF = {"mirror": 0.0, "warp": 0.0, "point_dropout": 0.0, "noise": 0.0, "scale": 0.0, "rotate": 0.0}
IDS = [f"clip {number}" for number in range(5)]
CHUNKS = params().model


def augment(**changes) -> AugmentParams:
    return AugmentParams(**OFF | changes)


def draws(**values) -> Draws:
    """One clip whose numbers are 0 but for ``values``."""
    numbers = dict.fromkeys(("phase", "mirrored", "speed", "turn", "across", "along"), 0.0) | values
    return Draws(**{name: np.array([value]) for name, value in numbers.items()})


def frames(seed=0, hidden=0.2) -> np.ndarray:
    return wander(10, seed, hidden)[None]


def points(values: np.ndarray) -> np.ndarray:
    return values.reshape(*values.shape[:2], POINTS, 3)


def place(values: np.ndarray, **changes) -> np.ndarray:
    """``values`` of one clip, with the numbers of ``draws`` and the parameters of the same call."""
    own = {name: changes.pop(name) for name in list(changes) if name in vars(draws())}
    return placed(values, np.zeros(len(values), int), draws(**own), augment(**changes))


def cut_(values: np.ndarray):
    return cut_windows(values, np.ones(values.shape[:2], bool), np.zeros(len(values), int), CHUNKS)


def worse(values, names=((7, 0, "a", 0),), mask=None, **changes) -> np.ndarray:
    mask = np.ones(values.shape[:2], bool) if mask is None else mask
    return corrupted(points(values), mask, names, augment(**changes), 0.25)


def test_the_numbers_of_a_clip_depend_on_seed_epoch_and_clip_alone():
    whole = Draws.of(7, 0, IDS)
    for name, values in vars(whole).items():
        low = 0 if name in ("phase", "mirrored") else -1
        assert ((low <= values) & (values < 1)).all() and len(set(values)) == len(IDS)
        assert getattr(Draws.of(7, 0, IDS[::-1]), name).tolist() == values.tolist()[::-1]
        assert getattr(Draws.of(7, 0, IDS[3:4]), name)[0] == values[3]
        assert not set(getattr(Draws.of(7, 1, IDS), name)) & set(values)
        assert not set(getattr(Draws.of(8, 0, IDS), name)) & set(values)
    assert len(Draws.of(7, 0, []).phase) == 0


def test_the_numbers_of_a_clip_are_spread_evenly():
    many = Draws.of(7, 0, map(str, range(2000)))
    for name, values in vars(many).items():
        low = 0 if name in ("phase", "mirrored") else -1
        assert np.histogram(values, 4, (low, 1))[0].min() > 420, name
    assert np.abs(np.corrcoef(np.stack(list(vars(many).values()))) - np.eye(6)).max() < 0.1


@pytest.mark.parametrize("one, other", [((7, 0, "a"), (7, "0:a")), ((7, 0, "a:5"), (7, 0, "a", 5)), ((70,), (7, 0))])
def test_names_that_read_alike_have_generators_of_their_own(one, other):
    assert generator(*one).random() == generator(*one).random() != generator(*other).random()


def test_without_changes_nothing_changes():
    clip = frames()
    same = place(clip, turn=0.7, across=-0.4, along=0.9, mirrored=0.3, speed=0.5)
    assert np.array_equal(same, points(clip))
    assert worse(clip) is not None and np.array_equal(worse(clip), points(clip))


def test_neither_step_writes_into_what_it_reads():
    clip = frames()
    before = clip.copy()
    turned = place(clip, mirror=1.0, rotate=30.0, turn=1.0)
    kept = turned.copy()
    corrupted(turned, np.ones((1, 10), bool), [(1,)], augment(noise=0.1, point_dropout=0.5), 0.25)
    assert np.array_equal(clip, before) and np.array_equal(turned, kept)


def test_the_mirror_is_its_own_inverse_and_its_share_is_a_probability():
    clip = frames()
    once = place(clip, mirror=0.5, mirrored=0.49)
    assert not np.array_equal(once, points(clip))
    assert np.array_equal(place(once, mirror=0.5, mirrored=0.49), points(clip))
    assert np.array_equal(place(clip, mirror=0.5, mirrored=0.5), points(clip))


def test_a_mirrored_left_hand_appears_as_the_right_one_and_every_part_as_its_partner():
    clip = frames()
    true, turned = cut_(clip), cut_(place(clip, mirror=1.0))
    for part, source in {"left_hand": "right_hand", "right_hand": "left_hand", "face": "face", "body": "body"}.items():
        expected = true.values[source][:, :, part_mirror(part)] * np.array([-1, 1, 1, -1, 1])
        assert true.present[source].all() and np.abs(expected).max() > 1
        np.testing.assert_allclose(turned.values[part], expected, atol=1e-5)
        assert np.array_equal(turned.known[part], true.known[source][:, part_mirror(part)])
    assert turned.units == pytest.approx(true.units)


def test_only_the_clips_that_are_drawn_are_mirrored():
    both = np.concatenate([frames(0), frames(1), frames(0)])
    two = Draws(**{name: np.array([value[0], 0.9]) for name, value in vars(draws()).items()})
    found = placed(both, np.array([0, 1, 0]), two, augment(mirror=0.5))
    assert np.array_equal(found[1], points(both)[1])
    assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], points(both)[0])


@pytest.mark.parametrize("turn", [1.0, -0.5])
def test_a_turn_is_a_rotation_by_that_share_of_the_angle(turn):
    clip = frames()
    found, own = place(clip, rotate=40.0, turn=turn), points(clip).astype(np.float64)
    angle = np.radians(40 * turn)
    x, y = own[..., 0], own[..., 1]
    np.testing.assert_allclose(found[..., 0], np.cos(angle) * x - np.sin(angle) * y, atol=1e-3)
    np.testing.assert_allclose(found[..., 1], np.sin(angle) * x + np.cos(angle) * y, atol=1e-3)
    assert np.array_equal(found[..., 2], points(clip)[..., 2])
    assert cut_(found).units == pytest.approx(cut_(clip).units, rel=1e-4)  # no length changes


def test_scale_changes_proportions():
    clip = frames()
    found = place(clip, scale=0.2, across=1.0, along=-0.5)
    np.testing.assert_allclose(found, points(clip) * np.array([1.2, 0.9, 1]), rtol=1e-6)


@given(st.integers(0, 2**32), st.integers(0, 5))
@settings(deadline=None, max_examples=15)
def test_noise_is_in_eye_distances(seed, epoch):
    clip = np.repeat(frames(hidden=0.0), 6, axis=0)
    large = clip.copy()
    points(large)[..., :2] *= 3
    names = [(seed, epoch, "a", start) for start in range(6)]
    spread = {}
    for size, values in (("small", clip), ("large", large)):
        units = cut_(values).units[:, None, None, None]
        spread[size] = (worse(values, names, noise=0.05) - points(values))[..., :2] / units
        assert np.array_equal(worse(values, names, noise=0.05)[..., 2], points(values)[..., 2])
    assert spread["small"].std() == pytest.approx(0.05, rel=0.05) and abs(spread["small"].mean()) < 0.005
    np.testing.assert_allclose(spread["large"], spread["small"], atol=1e-3)


def test_hidden_points_are_a_share_and_never_a_centre_or_an_eye():
    clip = np.repeat(frames(hidden=0.0), 20, axis=0)
    found = worse(clip, [(start,) for start in range(20)], point_dropout=0.3)
    hidden = found[..., 2] == 0
    assert np.array_equal(found[..., :2], points(clip)[..., :2])
    assert np.array_equal(found[~hidden], points(clip)[~hidden])
    others = np.setdiff1d(np.arange(POINTS), KEPT)
    assert hidden[..., others].mean() == pytest.approx(0.3, abs=0.02)
    assert hidden[..., others].mean((0, 1)).min() > 0.15 and not hidden[..., KEPT].any()
    assert set(EYES) | {0, 31, 91, 112} == set(KEPT)
    every = worse(clip, [(start,) for start in range(20)], point_dropout=1.0)
    assert (every[..., others, 2] == 0).all() and all(cut_(every).present[part].all() for part in CHUNKS.parts)


def test_what_a_window_gets_depends_on_its_name_alone():
    clip = np.concatenate([frames(seed) for seed in range(4)])
    names = [(7, 0, name, 5) for name in "abcd"]
    whole = worse(clip, names, noise=0.1, point_dropout=0.2)
    order = [2, 0, 3]
    assert np.array_equal(worse(clip[order], [names[row] for row in order], noise=0.1, point_dropout=0.2), whole[order])
    other = worse(clip, [(7, 1, name, 5) for name in "abcd"], noise=0.1, point_dropout=0.2)
    assert not any(np.array_equal(other[row], whole[row]) for row in range(4))


def test_padding_still_repeats_the_last_frame():
    clip = np.concatenate([frames(0), frames(1)])
    mask = np.arange(10) < np.array([4, 10])[:, None]
    clip[0, 4:] = clip[0, 3]
    found = worse(clip, [(1,), (2,)], mask, noise=0.1, point_dropout=0.3)
    assert (found[0, 4:] == found[0, 3]).all() and not np.array_equal(found[0, 3], points(clip)[0, 3])
    assert not np.array_equal(found[1, 4], found[1, 3])


def test_a_window_without_eyes_gets_no_noise():
    clip = frames()
    points(clip)[:, :, EYES[0], 2] = 0
    found = worse(clip, noise=0.1)
    assert np.array_equal(found, points(clip)) and np.isfinite(found).all()


@pytest.fixture
def some(tmp_path):
    return several(tmp_path, (23, 4, 41, 10, 16))


def windows_of(plan) -> set[tuple[int, int]]:
    return set(zip(plan.clips.tolist(), plan.starts.tolist(), strict=True))


@pytest.mark.parametrize("run", [1, 2, 3])
def test_every_clip_is_cut_once_in_random_order(some, run):
    own = Draws.of(7, 0, some.clip_ids)
    found = shuffled(some, own, augment(), 7, 0, run)
    phases = (own.phase * 5).astype(int)
    assert len(set(phases)) > 1
    whole = some.plan(phases)
    assert len(found) == len(whole) and windows_of(found) == windows_of(whole)
    assert found.clips.tolist() != whole.clips.tolist()
    again, other = shuffled(some, own, augment(), 7, 0, run), shuffled(some, own, augment(), 7, 1, run)
    assert again.clips.tolist() == found.clips.tolist() and again.starts.tolist() == found.starts.tolist()
    assert other.starts.tolist() != found.starts.tolist()


@pytest.mark.parametrize("run", [2, 3])
def test_runs_of_a_clip_stay_together(some, run):
    own = Draws.of(7, 0, some.clip_ids)
    found = shuffled(some, own, augment(), 7, 0, run)
    phases = (own.phase * 5).astype(int)
    whole = some.plan(phases)
    place = {window: number for number, window in enumerate(zip(found.clips, found.starts, strict=True))}
    for clip in range(5):
        starts = whole.starts[whole.clips == clip]
        for first in range(0, len(starts), run):
            places = [place[clip, start] for start in starts[first : first + run]]
            assert places == list(range(places[0], places[0] + len(places)))


def test_speeds_are_within_the_warp_and_change_how_many_windows_there_are(some):
    own = Draws.of(7, 0, some.clip_ids)
    found = shuffled(some, own, augment(warp=0.5), 7, 0)
    assert np.array_equal(found.speeds, 1 + 0.5 * own.speed[found.clips])
    slow = Draws(**vars(own) | {"speed": np.full(5, -1.0)})
    assert len(shuffled(some, slow, augment(warp=0.5), 7, 0)) > 1.6 * len(shuffled(some, own, augment(), 7, 0))
