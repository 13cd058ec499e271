import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.metrics import bootstrap, temporal
from kinetrace.metrics.temporal import NULL, UNKNOWN, class_counts, class_f1, confusion, macro_f1, named, worst_pair

CLASSES = 4
SCORES = st.lists(st.lists(st.integers(0, 5), min_size=CLASSES, max_size=CLASSES), min_size=1, max_size=6)
MOMENTS = st.lists(st.tuples(st.integers(NULL, CLASSES - 1), st.integers(NULL, CLASSES - 1)), max_size=30)
RECORDINGS = st.lists(MOMENTS, min_size=1, max_size=4)


def sides(moments):
    """Truth and prediction of one recording."""
    pairs = np.array(moments, int).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def counted(recordings, classes=CLASSES):
    true, predicted = zip(*map(sides, recordings), strict=True)
    return class_counts(true, predicted, classes)


def total(recordings, classes=CLASSES):
    return counted(recordings, classes).sum(axis=0, keepdims=True)


def test_indices_tell_nothing_from_what_the_vocabulary_lacks():
    found = temporal.indices(["walk", "Null", "", "fly", "run"], ("run", "walk"), ("Null", ""))
    assert found.tolist() == [1, NULL, NULL, UNKNOWN, 0]


def test_terms_leave_out_what_does_not_count():
    found = temporal.terms(np.array([1.0, np.nan, 0.25]))
    assert found.tolist() == [[1, 1], [0, 0], [0.25, 1]]
    assert bootstrap.ratio(found.sum(axis=0, keepdims=True)).tolist() == [0.625]


@settings(deadline=None)
@given(SCORES, st.integers(1, CLASSES), st.integers(0, 10**6))
def test_hits_are_those_of_scikit_learn_where_no_scores_are_equal(scores, k, seed):
    from sklearn.metrics import top_k_accuracy_score

    draw = np.random.default_rng(seed)
    scores = np.array(scores) + draw.permuted(np.tile(np.arange(CLASSES) / 10, (len(scores), 1)), axis=1)
    true = draw.integers(0, CLASSES, len(scores))
    if k < CLASSES:  # scikit-learn warns that all of them always hit
        expected = top_k_accuracy_score(true, scores, k=k, labels=np.arange(CLASSES))
        assert named(scores, true, k).mean() == pytest.approx(expected)
    assert named(scores, true, CLASSES).all()


@given(SCORES, st.integers(0, CLASSES - 1))
def test_more_answers_hit_no_less(scores, label):
    true = np.full(len(scores), label)
    hits = [named(np.array(scores), true, k).sum() for k in range(1, CLASSES + 1)]
    assert hits == sorted(hits)


def test_equal_scores_count_against_the_system():
    assert named(np.array([[0.5, 0.5, 0.0]]), np.array([0])).tolist() == [0]
    assert named(np.array([[0.5, 0.5, 0.0]]), np.array([0]), 2).tolist() == [1]
    assert named(np.array([[np.nan, 0.5, 0.0]]), np.array([1])).tolist() == [0]


def test_where_nothing_is_to_name_no_answer_counts_and_what_is_unknown_is_never_hit():
    scores = np.eye(3)
    np.testing.assert_array_equal(named(scores, np.array([NULL, UNKNOWN, 2])), [np.nan, 0, 1])
    np.testing.assert_array_equal(named(scores, np.array([NULL, UNKNOWN, 7]), 5), [np.nan, 0, 0])


@given(st.lists(st.integers(0, 900), min_size=1, max_size=40).map(sorted))
def test_the_last_moment_of_each_second(tenths):
    expected = {moment // 10: place for place, moment in enumerate(tenths)}
    assert temporal.last_of_seconds(np.array(tenths) / 10).tolist() == list(expected.values())


def test_the_seconds_of_openpacks_own_test():
    """``tests/codalab/test_operation_segmenation.py`` of openpack-toolkit, in milliseconds there."""
    times = np.array([1000000, 1000500, 1001000, 1001500, 1002000, 1002500, 1003000]) / 1000
    labels = np.array([100, 100, 100, 200, 300, 300, 400])
    assert labels[temporal.last_of_seconds(times)].tolist() == [100, 200, 300, 400]


def test_rounding_moves_no_moment_to_another_second():
    times = np.arange(100) * 0.1 + 1.1 - 1.1  # 3.0000000000000004 - and others below a whole second
    times[30] = np.nextafter(3, 0)
    assert temporal.last_of_seconds(times).tolist() == list(range(9, 100, 10))


def test_times_must_not_go_back():
    with pytest.raises(ValueError, match="times go back at moment 2"):
        temporal.last_of_seconds(np.array([0.0, 2.0, 1.0]))
    assert temporal.last_of_seconds(np.array([])).shape == (0,)


def literal(recordings, classes):
    """Moments one by one, all recordings together."""
    scores = []
    for label in range(classes):
        hits = wrong = missed = 0
        for true, predicted in (pair for moments in recordings for pair in moments if pair[0] != NULL):
            hits += true == predicted == label
            wrong += predicted == label != true
            missed += true == label != predicted
        precision = hits / (hits + wrong) if hits + wrong else 0
        recall = hits / (hits + missed) if hits + missed else 0
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0)
    return scores


@given(RECORDINGS)
def test_class_f1_moment_by_moment(recordings):
    expected = literal(recordings, CLASSES)
    assert class_f1(total(recordings))[0].tolist() == pytest.approx(expected)
    assert macro_f1(total(recordings)).tolist() == [pytest.approx(np.mean(expected))]


@settings(deadline=None)
@given(RECORDINGS.filter(lambda found: any(true != NULL for moments in found for true, _ in moments)))
def test_macro_f1_is_that_of_openpacks_toolkit(recordings):
    """Truth of Null dropped, then scikit-learn over the other classes, ``zero_division=0``."""
    from sklearn.metrics import precision_recall_fscore_support

    true, predicted = sides([pair for moments in recordings for pair in moments])
    kept = true != NULL
    expected = precision_recall_fscore_support(
        true[kept], predicted[kept], average="macro", labels=range(CLASSES), zero_division=0
    )[2]
    assert macro_f1(total(recordings))[0] == pytest.approx(expected)


def test_the_figures_of_openpacks_own_test():
    """``tests/codalab/test_operation_segmenation.py`` of openpack-toolkit: cat, dog, pig."""
    moments = list(zip([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], strict=True))
    counts = total([moments], 3)
    assert counts.reshape(3, 3).tolist() == [[2, 0, 0], [1, 2, 1], [0, 2, 2]]
    assert class_f1(counts)[0].tolist() == pytest.approx([0.8, 0, 0])
    assert macro_f1(counts)[0] == pytest.approx(0.2666667)


def test_classes_that_never_occur_count_as_nothing_found():
    perfect = [[(0, 0), (1, 1)]]
    assert macro_f1(total(perfect, 2))[0] == 1
    assert macro_f1(total(perfect, 4))[0] == 0.5


def test_null_is_dropped_from_truth_and_misses_as_a_prediction():
    assert total([[(NULL, 0), (NULL, NULL)]]).tolist() == [[0] * 12]
    assert total([[(0, NULL), (0, 0)]]).reshape(3, 4)[:, 0].tolist() == [1, 0, 1]


def test_an_operation_that_the_vocabulary_lacks_makes_every_claim_wrong():
    assert total([[(UNKNOWN, 0)]]).reshape(3, 4)[:, 0].tolist() == [0, 1, 0]


@given(MOMENTS, MOMENTS)
def test_recordings_are_pooled(first, second):
    assert total([first, second]).tolist() == total([first + second]).tolist()
    assert counted([first, second]).shape == (2, 3 * CLASSES)


@given(RECORDINGS, st.permutations(range(CLASSES)))
def test_macro_f1_does_not_feel_names_and_is_symmetric(recordings, names):
    names = [*names, NULL]  # NULL is the last, -1
    renamed = [[(names[true], names[predicted]) for true, predicted in moments] for moments in recordings]
    assert macro_f1(total(renamed))[0] == pytest.approx(macro_f1(total(recordings))[0])
    kept = [[pair for pair in moments if NULL not in pair] for moments in recordings]
    swapped = [[(predicted, true) for true, predicted in moments] for moments in kept]
    assert macro_f1(total(swapped))[0] == pytest.approx(macro_f1(total(kept))[0])


@given(RECORDINGS)
def test_macro_f1_lies_between_nothing_and_all(recordings):
    assert 0 <= macro_f1(total(recordings))[0] <= 1


def test_macro_f1_is_what_the_bootstrap_resamples():
    draw = np.random.default_rng(0)
    true = [draw.integers(0, CLASSES, 200) for _ in range(10)]
    predicted = [np.where(draw.random(200) < 0.3, 0, labels) for labels in true]
    counts = class_counts(true, predicted, CLASSES)
    found = bootstrap.interval(counts, macro_f1, [], 300, 0.9, 0)
    assert found.value == macro_f1(counts.sum(axis=0, keepdims=True))[0]
    assert 0.6 < found.low < found.value < found.high < 0.9


@pytest.mark.parametrize("metric", [lambda a, b: class_counts([a], [b], 3), lambda a, b: confusion(a, b, 3)])
def test_one_label_a_moment_in_both(metric):
    with pytest.raises(ValueError, match="expected one label a moment in both"):
        metric(np.array([0, 1]), np.array([0]))


def test_recordings_come_in_pairs():
    with pytest.raises(ValueError):
        class_counts([np.array([0])], [], 3)


@settings(deadline=None)
@given(MOMENTS)
def test_confusion_is_that_of_scikit_learn(moments):
    from sklearn.metrics import confusion_matrix

    true, predicted = sides([pair for pair in moments if NULL not in pair] + [(0, 0)])
    expected = confusion_matrix(true, predicted, labels=range(CLASSES))
    assert confusion(true, predicted, CLASSES).tolist() == expected.tolist()


@given(MOMENTS)
def test_confusion_leaves_out_what_the_vocabulary_lacks_and_agrees_with_the_counts(moments):
    moments = [pair for pair in moments if pair[1] != NULL]
    cells = confusion(*sides(moments), CLASSES)
    assert cells.sum() == sum(true != NULL for true, _ in moments)
    hits, wrong, missed = total([moments]).reshape(3, CLASSES)
    assert np.diag(cells).tolist() == hits.tolist()
    assert (cells.sum(axis=0) - hits).tolist() == wrong.tolist()
    assert (cells.sum(axis=1) - hits).tolist() == missed.tolist()


def test_the_worst_pair_is_that_of_shares_not_of_counts():
    cells = np.array([[90, 10, 0, 0], [5, 95, 0, 0], [0, 0, 2, 2], [0, 1, 0, 3]])
    found = worst_pair(cells, ["close", "open", "scan", "print"])
    assert found == temporal.Pair("scan", "print", 0.5, 0.0)


def test_both_directions_add_up():
    cells = np.array([[6, 4, 0], [4, 6, 0], [0, 5, 5]])
    assert worst_pair(cells, ["a", "b", "c"]) == temporal.Pair("a", "b", 0.4, 0.4)


def test_the_first_of_equals_and_nothing_confused():
    assert worst_pair(1 - np.eye(3, dtype=int), ["a", "b", "c"]) == temporal.Pair("a", "b", 0.5, 0.5)
    assert worst_pair(np.diag([3, 0, 2]), ["a", "b", "c"]) is None
    assert worst_pair(np.zeros((2, 2), int), ["a", "b"]) is None


@given(MOMENTS)
def test_the_worst_pair_is_worse_than_all_others(moments):
    cells = confusion(*sides(moments), CLASSES)
    found = worst_pair(cells, [str(label) for label in range(CLASSES)])
    shares = np.nan_to_num(cells / np.where(cells.sum(1) > 0, cells.sum(1), 1)[:, None])
    worst = max(shares[i, j] + shares[j, i] for i in range(CLASSES) for j in range(i))
    assert worst == pytest.approx(0 if found is None else found.first_as_second + found.second_as_first)
