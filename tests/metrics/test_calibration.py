import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.metrics import calibration

SCORES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40)


def arrays(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """Scores in tenths, so that many are equal, and whether each is right."""
    return np.array([score / 10 for score, _ in pairs]), np.array([right for _, right in pairs])


@settings(deadline=None)
@given(SCORES)
def test_auroc_is_that_of_sklearn(pairs):
    from sklearn.metrics import roc_auc_score

    scores, truth = arrays(pairs)
    found = calibration.auroc(scores[truth], scores[~truth])
    if truth.all() or not truth.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(truth, scores))


def test_auroc_of_order_reversed_order_and_chance():
    low, high = np.array([0.1, 0.2]), np.array([0.3, 0.4])
    assert [calibration.auroc(high, low), calibration.auroc(low, high), calibration.auroc(low, low)] == [1, 0, 0.5]


@settings(deadline=None)
@given(SCORES, st.integers(0, 2**32 - 1))
def test_precision_and_recall_are_those_of_sklearn(pairs, seed):
    from sklearn.metrics import precision_recall_curve

    scores, truth = arrays(pairs)
    truth[0] = True
    weights = np.random.default_rng(seed).uniform(0.1, 2, len(scores))
    curve = calibration.risk_coverage(scores, truth, truth, weights)  # covering what is right is recall
    precision, recall, thresholds = precision_recall_curve(truth, scores, sample_weight=weights)
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.coverage, recall[:-1][::-1])


@settings(deadline=None)
@given(SCORES)
def test_the_threshold_at_a_precision_gives_that_precision_and_coverage(pairs):
    scores, right = arrays(pairs)
    coverage, threshold = calibration.risk_coverage(scores, right).at(0.75)
    accepted = scores >= threshold
    assert coverage == pytest.approx(accepted.mean())
    assert not accepted.any() or right[accepted].mean() >= 0.75
    for other in scores:
        assert right[scores >= other].mean() < 0.75 or (scores >= other).mean() <= coverage + 1e-12


def test_precision_dips_below_and_comes_back():
    scores, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([False, True, True, True])
    assert calibration.risk_coverage(scores, right).at(0.75) == (1.0, 0.6)
    assert calibration.risk_coverage(scores, right).at(0.8) == (0.0, np.inf)


def test_what_has_no_answer_costs_precision_and_never_counts_as_covered():
    scores = np.array([0.9, 0.8, 0.7])
    curve = calibration.risk_coverage(scores, np.array([True, False, True]), np.array([True, False, True]))
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(curve.coverage, [1 / 2, 1 / 2, 1])


def test_equal_scores_are_accepted_together():
    curve = calibration.risk_coverage(np.array([0.5, 0.5, 0.5]), np.array([True, False, True]))
    assert curve.thresholds.tolist() == [0.5] and curve.precision.tolist() == [pytest.approx(2 / 3)]


def test_infinite_scores_have_a_place():
    curve = calibration.risk_coverage(np.array([-np.inf, 1.0, -np.inf]), np.array([False, True, False]))
    assert curve.thresholds.tolist() == [1.0, -np.inf] and curve.precision[0] == 1


@settings(deadline=None)
@given(SCORES)
def test_reliability_is_that_of_sklearn(pairs):
    from sklearn.calibration import calibration_curve

    confidence, right = arrays(pairs)
    found = calibration.reliability(confidence + 0.05, right, bins=10)  # off the edges, where conventions differ
    accuracy, mean = calibration_curve(right, confidence + 0.05, n_bins=10)
    filled = found.share > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy)
    np.testing.assert_allclose(found.confidence[filled], mean)
    shares = np.bincount(np.rint(confidence * 10).astype(int), minlength=10) / len(confidence)
    np.testing.assert_allclose(found.error, (shares[filled] * np.abs(accuracy - mean)).sum())


def test_the_calibration_error_by_hand():
    confidence, right = np.array([0.9, 0.9, 0.2, 0.2]), np.array([True, False, False, False])
    assert calibration.reliability(confidence, right, 10).error == pytest.approx(0.5 * 0.4 + 0.5 * 0.2)
    assert calibration.reliability(confidence, right, 10, np.array([1, 0, 0, 1])).error == pytest.approx(0.15)
    assert calibration.reliability(np.array([0.0, 1.0]), np.array([False, True])).error == 0


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_a_confidence_outside_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match="must lie in"):
        calibration.reliability(np.array([wrong]), np.array([True]))


@settings(deadline=None)
@given(SCORES, st.integers(2, 5))
def test_a_weight_counts_like_as_many_copies(pairs, copies):
    scores, right = arrays(pairs)
    weights = np.where(right, copies, 1)
    many, often = np.repeat(scores, weights), np.repeat(right, weights)
    one, other = calibration.risk_coverage(scores, right, None, weights), calibration.risk_coverage(many, often)
    np.testing.assert_allclose([one.precision, one.coverage], [other.precision, other.coverage])
    against = np.array([0.0, 0.5])
    assert calibration.auroc(against, scores, weights) == pytest.approx(calibration.auroc(against, many))
    weighted = calibration.reliability(scores, right, 10, weights)
    assert weighted.error == pytest.approx(calibration.reliability(many, often, 10).error)


def test_nothing_covers_nothing():
    nothing = np.zeros(0)
    assert calibration.risk_coverage(nothing, nothing > 0).at(0.5) == (0.0, np.inf)
    assert calibration.reliability(nothing, nothing > 0).error == 0
