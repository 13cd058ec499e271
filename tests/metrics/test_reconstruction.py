import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error, r2_score

from kinetrace.metrics.bootstrap import interval, paired_difference, ratio
from kinetrace.metrics.reconstruction import (
    Ratio,
    acceleration_ratio,
    mean_pose,
    mse,
    pck,
    root_ratio,
    unexplained_variance,
    velocity_error,
)

SEEDS = st.integers(0, 10**6)
FULL = np.ones((12, 4), bool)


def motion(seed=0, shape=(12, 4)):
    """True and reconstructed positions, NaN where they do not count, and the mask."""
    generator = np.random.default_rng(seed)
    true = generator.normal(size=(*shape, 2)).astype(np.float32)
    made = true + 0.3 * generator.normal(size=(*shape, 2)).astype(np.float32)
    mask = generator.random(shape) < 0.8
    true[~mask], made[~mask] = np.nan, np.inf
    return true, made, mask


def quotient(found):
    return found.numerator / found.denominator


def distance(a, b):
    return float(np.hypot(*(np.float64(a) - np.float64(b))))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_against_loops(seed):
    true, made, mask = motion(seed)
    frames, points = mask.shape
    squares = near = count = pairs = steps = 0.0
    bends = {"true": 0.0, "made": 0.0}
    for k in range(points):
        for t in range(frames):
            if mask[t, k]:
                gap = distance(true[t, k], made[t, k])
                squares, near, count = squares + gap**2, near + (gap <= 0.4), count + 1
            if t >= 1 and mask[t - 1 : t + 1, k].all():
                velocity = np.float64(true[t, k]) - true[t - 1, k], np.float64(made[t, k]) - made[t - 1, k]
                steps, pairs = steps + distance(*velocity) * 25, pairs + 1
            if t >= 2 and mask[t - 2 : t + 1, k].all():
                for name, values in (("true", true), ("made", made)):
                    a, b, c = (np.float64(values[t - back, k]) for back in range(3))
                    bends[name] += float(np.hypot(*(a - 2 * b + c)))
    close = {"rel": 1e-6, "abs": 1e-9}
    for found, expected in [
        (mse(true, made, mask), (squares, count)),
        (pck(true, made, mask, 0.4), (near, count)),
        (velocity_error(true, made, mask, 25.0), (steps, pairs)),
        (acceleration_ratio(true, made, mask), (bends["made"], bends["true"])),
    ]:
        assert (found.numerator, found.denominator) == pytest.approx(expected, **close)


def test_mse_is_scikit_learns_summed_over_x_and_y():
    true, made, _ = motion()
    true, made = np.nan_to_num(true, posinf=1), np.nan_to_num(made, posinf=1)
    expected = 2 * mean_squared_error(true.reshape(-1), made.reshape(-1))
    assert quotient(mse(true, made, FULL)) == pytest.approx(expected, rel=1e-5)


def test_unexplained_variance_of_the_clips_own_mean_is_scikit_learns():
    true, made = (np.nan_to_num(values, posinf=1).astype(np.float64) for values in motion()[:2])
    expected = 1 - r2_score(true.reshape(12, 8), made.reshape(12, 8), multioutput="variance_weighted")
    own = mean_pose([true], [FULL])
    np.testing.assert_allclose(own, true.mean(axis=0))
    assert quotient(unexplained_variance(true, made, FULL, own)) == pytest.approx(expected)


def test_the_motionless_poses_themselves_explain_nothing():
    true, _, mask = motion()
    rest = mean_pose([true], [mask])
    assert quotient(unexplained_variance(true, np.broadcast_to(rest, true.shape), mask, rest)) == pytest.approx(1)
    assert unexplained_variance(true, true, mask, rest).numerator == 0


def test_the_training_mean_is_the_easier_rival():
    true, made, mask = motion()
    own, training = mean_pose([true], [mask]), np.full((4, 2), 0.5)
    easy, hard = (unexplained_variance(true, made, mask, rest) for rest in (training, own))
    assert easy.numerator == hard.numerator
    assert easy.denominator > hard.denominator


def test_the_mean_pose_weighs_frames_not_clips_and_is_0_where_nothing_was_seen():
    clips = [np.full((1, 2, 2), 4.0), np.full((3, 2, 2), 8.0)]
    masks = [np.array([[True, False]]), np.array([[True, False]] * 3)]
    assert mean_pose(clips, masks).tolist() == [[7, 7], [0, 0]]


def test_a_known_case():
    """A point that should move 1 a frame stands 3 beside its path, still."""
    true = np.stack([np.arange(5.0), np.zeros(5)], axis=1)[:, None]
    made = np.stack([np.zeros(5), np.full(5, 3.0)], axis=1)[:, None]
    mask = np.ones((5, 1), bool)
    assert mse(true, made, mask) == Ratio(45 + 0 + 1 + 4 + 9 + 16, 5)
    assert pck(true, made, mask, 3.0) == Ratio(1, 5)  # at the threshold is near enough
    assert velocity_error(true, made, mask, 25.0) == Ratio(4 * 25, 4)
    assert velocity_error(true, made, mask, 1.0) == Ratio(4, 4)
    assert acceleration_ratio(true, made, mask) == Ratio(0, 0)


def test_trembling_is_above_1_and_smoothing_below():
    generator = np.random.default_rng(0)
    true = np.cumsum(generator.normal(size=(50, 3, 2)), axis=0)
    mask = np.ones((50, 3), bool)
    smooth = (true[:-2] + true[1:-1] + true[2:]) / 3
    assert quotient(acceleration_ratio(true[1:-1], smooth, mask[1:-1])) < 0.7
    assert quotient(acceleration_ratio(true, true + generator.normal(size=true.shape), mask)) > 1.3
    assert quotient(acceleration_ratio(true, true, mask)) == 1


def test_chunks_count_apart():
    """No velocity goes from one chunk to the next."""
    true, made, mask = motion(shape=(6, 10, 4))
    for metric in (mse, acceleration_ratio, lambda *clip: velocity_error(*clip, 25.0)):
        whole = metric(true, made, mask)
        apart = [metric(*chunk) for chunk in zip(true, made, mask, strict=True)]
        assert whole.numerator == pytest.approx(sum(part.numerator for part in apart))
        assert whole.denominator == pytest.approx(sum(part.denominator for part in apart))


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_clips_too_short_for_a_velocity_or_acceleration_give_nothing(frames):
    true, made, mask = motion(shape=(frames, 4))
    assert velocity_error(true, made, mask, 25.0).denominator == (mask[1:] & mask[:-1]).sum()
    assert acceleration_ratio(true, made, mask) == Ratio(0, 0)


@pytest.mark.parametrize(("made", "mask"), [((12, 4, 3), (12, 4)), ((12, 4, 2), (12, 1)), ((1, 4, 2), (12, 4))])
def test_shapes_that_do_not_go_together_are_refused(made, mask):
    with pytest.raises(ValueError, match=r"expected \[..., T, K, 2\] twice"):
        mse(np.zeros((12, 4, 2)), np.zeros(made), np.ones(mask, bool))


def samples(count=60):
    """Numerators and denominators of a candidate that is about 3 % worse than the champion."""
    clips = [motion(seed) for seed in range(count)]
    worse = [(true, true + 1.03 * (made - true), mask) for true, made, mask in clips]
    table = pd.DataFrame([mse(*clip).columns("mse") for clip in clips])
    assert list(table.columns) == ["mse/numerator", "mse/denominator"]
    return table.to_numpy(), np.array([[r.numerator, r.denominator] for r in (mse(*clip) for clip in worse)])


def test_rmse_is_the_root_of_mse_in_the_bootstrap_too():
    champion, _ = samples()
    squared, root = (interval(champion, combine, [], 200, 0.9, 1) for combine in (ratio, root_ratio))
    assert root.value == pytest.approx(np.sqrt(squared.value))
    assert [root.low, root.high] == pytest.approx(np.sqrt([squared.low, squared.high]), rel=1e-3)


def test_a_gate_on_mse_decides_as_one_on_rmse_would():
    champion, candidate = samples()
    squared = paired_difference(candidate, champion, [], 500, 0.95, 1)

    def roots(sums):
        return root_ratio(sums[:, :2]) - root_ratio(sums[:, 2:])

    root = interval(np.concatenate([candidate, champion], axis=1), roots, [], 500, 0.95, 1)
    assert np.sign([squared.low, squared.high]).tolist() == np.sign([root.low, root.high]).tolist()
    assert squared.low > 0
