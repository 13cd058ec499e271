from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from kinetrace.metrics import bootstrap, segmental
from kinetrace.metrics.segmental import Segments, at, counts, edit, f1_terms, match, segments
from kinetrace.metrics.temporal import NULL, last_of_seconds

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
OPENPACK = DATA / "openpack_u0209" / "annotation"
STEPS = DATA / "temporal" / "ikea_asm_test.csv.gz"
NEEDS_OPENPACK = pytest.mark.skipif(not OPENPACK.exists(), reason=f"{OPENPACK} is absent")
NEEDS_STEPS = pytest.mark.skipif(not STEPS.exists(), reason=f"{STEPS} is absent")
OVERLAPS = (0.1, 0.25, 0.5)
LABELS = st.lists(st.integers(NULL, 2), max_size=24)
PAIRS = st.integers(0, 24).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(NULL, 2), min_size=size, max_size=size)] * 2)
)


def listed(found):
    return list(zip(found.starts.tolist(), found.ends.tolist(), found.labels.tolist(), strict=True))


def runs(labels, background):
    """Runs of equal labels, one frame after another."""
    groups, start = [], 0
    for label, group in groupby(labels):
        length = len(list(group))
        if label not in background:
            groups.append((start, start + length, label))
        start += length
    return groups


def matched(true, predicted, overlap):
    """MS-TCN's matching: each prediction in turn looks for its best true segment, by intersection over the hull."""
    taken = [False] * len(true)
    hits = wrong = 0
    for start, end, label in predicted:
        scores = []
        for begin, stop, name in true:
            quotient = (min(end, stop) - max(start, begin)) / (max(end, stop) - min(start, begin))
            scores.append(quotient if label == name else 0.0)
        best = int(np.argmax(scores)) if scores else -1
        if best >= 0 and scores[best] >= overlap and not taken[best]:
            hits, taken[best] = hits + 1, True
        else:
            wrong += 1
    return [hits, wrong, len(true) - sum(taken)]


def f1(true, predicted, overlap):
    """Of label sequences, one a recording."""
    found = counts([segments(np.array(s)) for s in true], [segments(np.array(s)) for s in predicted], overlap)
    return bootstrap.ratio(f1_terms(found).sum(axis=0, keepdims=True))[0]


@given(LABELS, st.sampled_from([(NULL,), (), (NULL, 0), (1,)]))
def test_segments_are_runs_of_labels_other_than_background(labels, background):
    assert listed(segments(np.array(labels, int), background)) == runs(labels, background)


def test_the_last_segment_ends_after_the_last_frame():
    assert listed(segments(np.array([0, 0, 1]))) == [(0, 2, 0), (2, 3, 1)]  # one frame, not none
    assert listed(segments(np.array([NULL, 4, 4, NULL, 4]))) == [(1, 3, 4), (4, 5, 4)]


@given(LABELS)
def test_labels_come_back_from_segments(labels):
    labels = np.array(labels, int)
    assert at(segments(labels), np.arange(len(labels))).tolist() == labels.tolist()


def test_labels_at_moments_between_half_open_segments():
    found = Segments(np.array([1.0, 2.5]), np.array([2.0, 3.0]), np.array([7, 8]))
    moments = np.array([-1, 0.99, 1, 1.99, 2, 2.49, 2.5, 3, 9])
    assert at(found, moments).tolist() == [NULL, NULL, 7, 7, NULL, NULL, 8, NULL, NULL]
    assert at(found, moments, background=0).tolist() == [0, 0, 7, 7, 0, 0, 8, 0, 0]


@given(PAIRS, st.sampled_from([*OVERLAPS, 0.75, 1.0]))
def test_matches_are_those_of_ms_tcns_loop(pair, overlap):
    true, predicted = pair
    expected = matched(runs(true, [NULL]), runs(predicted, [NULL]), overlap)
    assert match(segments(np.array(true, int)), segments(np.array(predicted, int)), overlap).tolist() == expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_matches_are_those_of_ms_tcns_loop_in_long_recordings_too(seed, overlap):
    draw = np.random.default_rng(seed)
    true = np.repeat(draw.integers(NULL, 4, 150), draw.integers(1, 30, 150))
    predicted = np.where(draw.random(len(true)) < 0.03, draw.integers(NULL, 4, len(true)), np.roll(true, 4))
    expected = matched(runs(true.tolist(), [NULL]), runs(predicted.tolist(), [NULL]), overlap)
    assert min(expected) > 5
    assert match(segments(true), segments(predicted), overlap).tolist() == expected


@pytest.mark.parametrize(
    ("true", "predicted", "overlap", "expected"),
    [
        ([0] * 10 + [1] * 10, [0] * 10 + [1] * 3 + [0] * 7, 0.1, [2, 1, 0]),
        ([0] * 10 + [1] * 10, [0] * 10 + [1] * 3 + [0] * 7, 0.5, [1, 2, 1]),
        ([0, 0, 1, 1, 1, 1], [0, 0, 1, 0, 1, 1], 0.25, [2, 2, 0]),  # a true segment is found once
        ([0] * 4, [0, 0, 1, 0], 0.5, [1, 2, 0]),
        ([0] * 4, [0, 0, 1, 0], 0.51, [0, 3, 1]),  # what is met is reached
        ([0, 0, 1, 1], [1, 1, 0, 0], 0.1, [0, 2, 2]),
        ([0, 0], [NULL, NULL], 0.1, [0, 0, 1]),
        ([NULL, NULL], [0, 0], 0.1, [0, 1, 0]),
        ([NULL], [NULL], 0.1, [0, 0, 0]),
        ([], [], 0.1, [0, 0, 0]),
    ],
)
def test_matches_by_hand(true, predicted, overlap, expected):
    assert match(segments(np.array(true, int)), segments(np.array(predicted, int)), overlap).tolist() == expected


def test_a_prediction_does_not_turn_to_its_second_best_when_the_best_is_taken():
    """Of two predicted segments the first takes the long true one; the second lies mostly in it too, and is wrong
    although it would also reach the short true one."""
    true = Segments(np.array([0, 10]), np.array([10, 12]), np.array([1, 1]))
    predicted = Segments(np.array([0, 5]), np.array([5, 12]), np.array([1, 1]))
    assert match(true, predicted, 0.1).tolist() == [1, 1, 1]


def test_of_two_true_segments_that_overlap_equally_the_first_is_taken():
    true = Segments(np.array([0, 8]), np.array([4, 12]), np.array([1, 1]))
    predicted = Segments(np.array([2, 11]), np.array([10, 12]), np.array([1, 1]))
    assert match(true, predicted, 0.1).tolist() == [2, 0, 0]


def test_a_weak_prediction_does_not_take_the_true_segment_from_a_later_one():
    true, predicted = [1] * 20, [1, 0] + [1] * 18
    assert match(segments(np.array(true)), segments(np.array(predicted)), 0.5).tolist() == [1, 2, 0]


@given(PAIRS, st.sampled_from(OVERLAPS))
def test_every_segment_is_counted_once(pair, overlap):
    true, predicted = (segments(np.array(labels, int)) for labels in pair)
    hits, wrong, missed = match(true, predicted, overlap)
    assert (hits + wrong, hits + missed) == (len(predicted.labels), len(true.labels))


@given(PAIRS)
def test_above_an_overlap_of_a_half_it_does_not_matter_which_is_the_truth(pair):
    """Two segments of one side cannot both cover more than half of one of the other."""
    one, other = (segments(np.array(labels, int)) for labels in pair)
    assert match(one, other, 0.51).tolist() == match(other, one, 0.51)[[0, 2, 1]].tolist()


@given(PAIRS, st.permutations([0, 1, 2]), st.integers(1, 5), st.sampled_from(OVERLAPS))
def test_neither_names_of_labels_nor_the_frame_rate_matter(pair, names, rate, overlap):
    other = [[name for label in labels for name in [NULL if label == NULL else names[label]] * rate] for labels in pair]
    np.testing.assert_array_equal(f1([pair[0]], [pair[1]], overlap), f1([other[0]], [other[1]], overlap))
    ours, theirs = ([segments(np.array(labels, int)) for labels in both] for both in (pair, other))
    np.testing.assert_array_equal(edit(ours[:1], ours[1:]), edit(theirs[:1], theirs[1:]))


@given(PAIRS)
def test_a_higher_overlap_never_scores_more(pair):
    hits = [match(*(segments(np.array(labels, int)) for labels in pair), overlap)[0] for overlap in OVERLAPS]
    assert hits == sorted(hits, reverse=True)


@given(LABELS.filter(lambda labels: set(labels) - {NULL}))
def test_the_truth_itself_has_f1_and_edit_of_one(labels):
    truth = segments(np.array(labels))
    assert f1([labels], [labels], 0.5) == 1 and edit([truth], [truth]).tolist() == [1]


def test_counts_are_pooled_over_recordings():
    """Three of four segments right in one, none of one in the other: not the mean of 3/4 and 0."""
    true = [[0, 0, 1, 1, 2, 2, 0, 0], [1, 1]]
    predicted = [[0, 0, 1, 1, 2, 2, 1, 1], [0, 0]]
    assert f1(true, predicted, 0.5) == pytest.approx(3 / 5)


def test_f1_is_that_of_precision_and_recall_and_unknown_without_segments():
    found = f1_terms(np.array([[3, 2, 1], [0, 4, 0], [0, 0, 0]]))
    precision, recall = 3 / 5, 3 / 4
    expected = [2 * precision * recall / (precision + recall), 0, np.nan]
    np.testing.assert_allclose(bootstrap.ratio(found), expected)


def test_counts_are_what_the_bootstrap_resamples():
    draw = np.random.default_rng(0)
    true = [np.repeat(draw.integers(0, 4, 12), 10) for _ in range(8)]
    predicted = [np.where(draw.random(120) < 0.05, 3, np.roll(labels, 2)) for labels in true]
    sums = f1_terms(counts([segments(s) for s in true], [segments(s) for s in predicted], 0.5))
    found = bootstrap.interval(sums, bootstrap.ratio, [], 200, 0.9, 0)
    assert found.value == f1(true, predicted, 0.5) and found.low < found.value < found.high


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([0] * 5 + [1] * 5, [0] * 2 + [1] * 8, 1),  # lengths do not matter
        ([0, 1, 2], [0, 2, 1], 1 / 3),
        ([0, 0, 0, 0], [0, 1, 0, 1], 1 / 4),  # over-segmentation costs
        ([0, 0, 1, 1], [0, 1, 0, 1], 1 / 2),
        ([0, 1], [2, 2], 0),
        ([0, 1], [NULL, NULL], 0),
        ([NULL, NULL], [0, 1], 0),
        ([0, NULL, 0], [0, 0, 0], 1 / 2),  # background parts a segment in two
        ([NULL], [NULL], np.nan),
    ],
)
def test_edit_by_hand(true, predicted, expected):
    found = edit([segments(np.array(true))], [segments(np.array(predicted))])
    np.testing.assert_allclose(found, [expected])


def test_the_edit_score_is_the_mean_over_recordings():
    found = edit([segments(np.array(s)) for s in ([0, 1, 2, 3], [0])], [segments(np.array(s)) for s in ([0], [0])])
    assert found.tolist() == [1 / 4, 1]


def table(first, second):
    """The whole table of Levenshtein distances, cell by cell."""
    rows = [list(range(len(second) + 1))]
    for label in first:
        row = [rows[-1][0] + 1]
        for place, other in enumerate(second):
            row.append(min(rows[-1][place + 1] + 1, row[-1] + 1, rows[-1][place] + (label != other)))
        rows.append(row)
    return rows[-1][-1]


@given(LABELS, LABELS)
def test_the_distance_is_levenshteins(first, second):
    found = segmental.distance(np.array(first, int), np.array(second, int))
    assert found == table(first, second) == Levenshtein.distance(first, second)
    assert found == segmental.distance(np.array(second, int), np.array(first, int))


@given(LABELS, LABELS, LABELS)
def test_the_distance_obeys_the_triangle(first, second, third):
    def distance(one, other):
        return segmental.distance(np.array(one, int), np.array(other, int))

    assert distance(first, third) <= distance(first, second) + distance(second, third)


def test_what_is_said_where_nothing_is_to_say_can_be_left_out():
    true = np.array([0, 0, NULL, NULL, 1, 1])
    predicted = np.array([0, 0, 2, 2, 1, 1])
    kept = segmental.without_null(predicted, true)
    assert kept.tolist() == true.tolist()
    assert [match(segments(true), segments(s), 0.5).tolist() for s in (predicted, kept)] == [[2, 1, 0], [2, 0, 0]]


@pytest.mark.parametrize("overlap", [0, 10])
def test_an_overlap_is_a_share(overlap):
    with pytest.raises(ValueError, match="expected a share above 0"):
        match(segments(np.array([0])), segments(np.array([0])), overlap)


def test_recordings_come_in_pairs():
    for metric in (lambda true, predicted: counts(true, predicted, 0.5), edit):
        with pytest.raises(ValueError):
            metric([segments(np.array([0]))], [])
    assert counts([], [], 0.5).shape == (0, 3) and edit([], []).shape == (0,)


@NEEDS_STEPS
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_matches_are_those_of_ms_tcns_loop_in_seconds_of_real_assemblies(overlap):
    steps = pd.read_csv(STEPS, keep_default_na=False)
    steps["name"] = np.where(steps.label == "NA", NULL, pd.factorize(steps.label)[0])
    draw, totals = np.random.default_rng(1), np.zeros(3, int)
    for _, rows in steps.groupby("seq"):
        rows = rows.sort_values("start")
        bounds = np.sort(np.append(rows.start, rows.end.iloc[-1]) + draw.normal(0, 1.5, len(rows) + 1))
        true, predicted = (
            [one for one in zip(starts.tolist(), ends.tolist(), rows.name.tolist(), strict=True) if one[2] != NULL]
            for starts, ends in ((rows.start, rows.end), (bounds[:-1], bounds[1:]))
        )
        found = match(*(Segments(*np.array(one).reshape(-1, 3).T) for one in (true, predicted)), overlap)
        assert found.tolist() == matched(true, predicted, overlap)
        totals += found
    assert (totals > 0).all()


@NEEDS_OPENPACK
def test_the_published_label_of_a_second_is_that_of_its_last_moment():
    rows = pd.read_csv(OPENPACK / "openpack-operations" / "S0500.csv")
    seconds = pd.read_csv(OPENPACK / "openpack-operations-1hz" / "S0500.csv")
    starts, ends = (pd.to_datetime(rows[name]).map(pd.Timestamp.timestamp).to_numpy() for name in ("start", "end"))
    truth = Segments(starts, ends, rows.id.to_numpy())
    assert all(one <= other for one, other in pairwise(truth.starts))
    first = int(seconds.unixtime.iloc[0] // 1000)
    moments = first + np.arange(len(seconds) * 1000) / 1000
    found = at(truth, moments[last_of_seconds(moments)])
    annotated = found != NULL  # a few seconds lie in the gaps between operations
    assert annotated.mean() > 0.98
    np.testing.assert_array_equal(found[annotated], seconds.id.to_numpy()[annotated])
