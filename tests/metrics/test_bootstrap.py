import time

import numpy as np
import pytest

from kinetrace.metrics import bootstrap
from kinetrace.metrics.bootstrap import interval, paired_difference, ratio


def means(values):
    return np.stack([values, np.ones(len(values))], axis=1)


def normal(count, seed=0):
    return means(np.random.default_rng(seed).normal(size=count))


def test_value_is_the_metric_of_all_clips():
    result = interval(np.array([[1, 2], [3, 4]]), ratio, [], 50, 0.9, 0)
    assert result.value == pytest.approx(4 / 6)
    assert result.low <= result.value <= result.high


def test_one_clip_a_cluster_is_the_plain_bootstrap():
    statistics = normal(200)
    values = statistics[:, 0]
    generator = np.random.default_rng(1)
    plain = values[generator.integers(200, size=(4000, 200))].mean(axis=1)
    result = interval(statistics, ratio, [np.arange(200)], 4000, 0.95, 2)
    np.testing.assert_allclose([result.low, result.high], np.quantile(plain, [0.025, 0.975]), atol=0.012)
    assert result == interval(statistics, ratio, [], 4000, 0.95, 2)


def test_same_seed_same_interval_and_another_seed_another():
    clusters = [np.arange(60) % 6, np.arange(60) % 10]
    first = interval(normal(60), ratio, clusters, 100, 0.95, 5)
    assert first == interval(normal(60), ratio, clusters, 100, 0.95, 5)
    assert first != interval(normal(60), ratio, clusters, 100, 0.95, 6)


def test_bounding_the_memory_changes_nothing(monkeypatch):
    arguments = (normal(60), ratio, [np.arange(60) % 6, np.arange(60) % 10], 100, 0.95, 5)
    whole = interval(*arguments)
    monkeypatch.setattr(bootstrap, "WEIGHTS_AT_ONCE", 7 * 60)
    assert interval(*arguments) == whole


def test_names_of_the_clusters_do_not_matter():
    numbers = np.arange(30) % 5
    named = np.array(["a", "b", "c", "d", "e"])[numbers]
    assert interval(normal(30), ratio, [named], 100, 0.95, 5) == interval(normal(30), ratio, [numbers], 100, 0.95, 5)


def test_clips_that_go_together_widen_the_interval():
    group = np.arange(240) % 12
    statistics = means(np.random.default_rng(0).normal(size=12)[group])
    alone, together = (interval(statistics, ratio, [c], 1000, 0.95, 0) for c in (np.arange(240), group))
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_a_kind_with_one_member_is_left_out():
    sentence, subject = np.arange(40) % 8, np.zeros(40, int)
    assert interval(normal(40), ratio, [sentence, subject], 200, 0.95, 3) == interval(
        normal(40), ratio, [sentence], 200, 0.95, 3
    )
    assert interval(normal(40), ratio, [subject], 200, 0.95, 3) == interval(normal(40), ratio, [], 200, 0.95, 3)


def test_coverage_with_two_kinds_of_clusters_is_about_nominal():
    """Sentences and subjects each shift the mean; the true mean 0 lies in the interval about as often as said."""
    sentence, subject = (kind.ravel() for kind in np.indices((20, 20)))
    generator, hits = np.random.default_rng(4), 0
    for trial in range(200):
        values = generator.normal(size=20)[sentence] + generator.normal(size=20)[subject] + generator.normal(size=400)
        result = interval(means(values), ratio, [sentence, subject], 200, 0.9, trial)
        hits += result.low <= 0 <= result.high
    assert 0.82 <= hits / 200 <= 0.96


def test_a_plain_bootstrap_would_not_cover():
    sentence = np.arange(400) % 10
    generator, hits = np.random.default_rng(4), 0
    for trial in range(100):
        values = generator.normal(size=10)[sentence] + generator.normal(size=400)
        result = interval(means(values), ratio, [], 100, 0.9, trial)
        hits += result.low <= 0 <= result.high
    assert hits / 100 < 0.6


def test_resamples_that_draw_no_clip_are_left_out():
    diagonal = np.arange(3)  # each sentence by another subject: a third of the resamples are empty
    result = interval(means(np.array([1.0, 2.0, 3.0])), ratio, [diagonal, diagonal], 500, 0.95, 0)
    assert 1 <= result.low < 2 < result.high <= 3


def test_a_metric_that_is_never_defined_has_no_bounds():
    result = interval(np.zeros((3, 2)), ratio, [], 10, 0.95, 0)
    assert np.isnan([result.value, result.low, result.high]).all()


def test_ratio():
    assert ratio(np.array([[1.0, 2.0], [3.0, 3.0]])).tolist() == [0.5, 1.0]
    assert np.isnan(ratio(np.array([[1.0, 0.0], [0.0, 0.0]]))).all()


def test_a_difference_of_a_model_to_itself_is_nothing():
    result = paired_difference(normal(50), normal(50), [np.arange(50) % 5], 100, 0.95, 0)
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_pairing_sees_a_small_steady_gain_in_noisy_clips():
    noisy = normal(300)
    better = noisy + np.array([0.05, 0])
    clusters = [np.arange(300) % 30, np.arange(300) % 7]
    result = paired_difference(better, noisy, clusters, 500, 0.95, 0)
    np.testing.assert_allclose([result.value, result.low, result.high], 0.05, atol=1e-9)
    apart = interval(better, ratio, clusters, 500, 0.95, 0)
    assert apart.low < interval(noisy, ratio, clusters, 500, 0.95, 0).high


@pytest.mark.parametrize("clips, cluster", [(0, 0), (3, 2)])
def test_impossible_input_is_refused(clips, cluster):
    with pytest.raises(ValueError, match="expected as many, at least 1"):
        interval(np.ones((clips, 2)), ratio, [np.zeros(cluster)], 10, 0.95, 0)


def test_a_thousand_resamples_of_a_test_set_take_well_under_a_second():
    started = time.perf_counter()
    interval(normal(720), ratio, [np.arange(720) % 120, np.arange(720) % 6], 1000, 0.95, 0)
    assert time.perf_counter() - started < 1
