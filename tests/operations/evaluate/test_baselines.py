import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.metrics.spans import reached, tiou
from kinetrace.metrics.temporal import NULL, UNKNOWN, named
from kinetrace.operations.evaluate.baselines import Trivial, operations, true_spans, whole_clip

SESSION = (
    Path(__file__).parents[3] / ".." / "shared" / "data" / "openpack_u0209" / "annotation" / "openpack-operations"
    / "S0500.csv"
)  # fmt: skip
WORDS = ("pick", "fold", "tape")
ROWS = st.lists(
    st.tuples(st.sampled_from([*WORDS, "Null"]), st.sampled_from([*WORDS, ""]), st.sampled_from(["window", "middle"])),
    min_size=1, max_size=12,
)  # fmt: skip


def clips(rows, listed=None):
    """Clips of 5 s: label, next label, kind, and the span of the operation where another than 1 to 4 s."""
    rows = [(*row, 1.0, 4.0) if len(row) == 3 else row for row in rows]
    table = pd.DataFrame(rows, columns=["label", "next_label", "kind", "op_start", "op_end"])
    table = table.astype(dict.fromkeys(("label", "next_label", "kind"), "string"))
    start = 5.0 * np.arange(len(table))
    return table.assign(start=start, end=start + 5, segments=[json.dumps(one) for one in listed or [[]] * len(table)])


def session(seconds=5.0):
    """A real session cut into a clip around the middle of each operation."""
    rows = pd.read_csv(SESSION)
    start, end = (pd.to_datetime(rows[name]).map(pd.Timestamp.timestamp).to_numpy() for name in ("start", "end"))
    first = (start + end - seconds) / 2
    table = pd.DataFrame({"label": rows.operation, "next_label": rows.operation.shift(-1, fill_value="")})
    table = table.assign(kind="middle", start=first, end=first + seconds, segments="[]")
    return table.assign(op_start=np.maximum(start - first, 0), op_end=np.minimum(end - first, seconds))


def test_labels_as_metrics_take_them():
    found = operations(pd.Series(["tape", "Null", "", "glue"], dtype="string"), WORDS)
    assert found.tolist() == [2, NULL, NULL, UNKNOWN]


def test_whole_clips_and_true_spans_are_in_seconds_from_the_clips_start():
    table = clips([("pick", "", "window", 2.0, 5.0), ("Null", "pick", "window", 0.0, 0.0)])
    assert whole_clip(table).tolist() == [[0, 5], [0, 5]]
    np.testing.assert_array_equal(true_spans(table), [[2, 5], [np.nan, np.nan]])
    np.testing.assert_allclose(tiou(true_spans(table), whole_clip(table)), [0.6, np.nan])


def test_of_equally_common_answers_the_first_is_given():
    found = Trivial.of(clips([("fold", "tape", "window"), ("pick", "pick", "window")]), WORDS)
    assert named(found.majority_operation(2), np.array([0, 1])).tolist() == [1, 0]
    assert named(found.majority_next(2), np.array([0, 2])).tolist() == [1, 0]


def test_the_majority_is_counted_over_clips_and_names_them_all_alike():
    table = clips([("fold", "tape", "window")] * 3 + [("pick", "fold", "middle"), ("Null", "tape", "window")])
    found = Trivial.of(table, WORDS)
    assert found.operation_K.tolist() == [0.25, 0.75, 0]
    assert found.next_K.tolist() == [0, 0.2, 0.8]
    np.testing.assert_allclose(found.majority_operation(2), [[0.25, 0.75, 0]] * 2, atol=1e-6)
    assert named(found.majority_operation(5), operations(table.label, WORDS)).tolist()[:4] == [1, 1, 1, 0]
    assert named(found.majority_next(5), operations(table.next_label, WORDS)).tolist() == [1, 1, 1, 0, 1]


def test_the_bigram_names_what_most_often_follows():
    rows = [("pick", "fold", "window")] * 2 + [("pick", "tape", "window"), ("fold", "tape", "window")]
    found = Trivial.of(clips([*rows, ("tape", "", "window")]), WORDS)
    answer = found.bigram(np.array([0, 1]))
    assert answer.argmax(axis=1).tolist() == [1, 2]
    np.testing.assert_allclose(answer[0], [0, (2 + 0.5) / 4, (1 + 0.5) / 4])


def test_after_what_was_never_seen_comes_what_mostly_comes():
    rows = [("pick", "fold", "window")] * 2 + [("fold", "tape", "window")]
    found = Trivial.of(clips(rows), WORDS)
    for current in (2, NULL, UNKNOWN):
        np.testing.assert_allclose(found.bigram(np.array([current]))[0], found.next_K)


def test_equals_after_an_operation_are_told_apart_by_what_mostly_comes():
    rows = [("pick", "fold", "window"), ("pick", "tape", "window"), ("fold", "tape", "window")]
    assert Trivial.of(clips(rows), WORDS).bigram(np.array([0])).argmax() == 2


def test_a_wrong_operation_makes_a_wrong_guess_of_the_next():
    rows = [("pick", "fold", "window"), ("fold", "tape", "window"), ("tape", "pick", "window")]
    table = clips(rows)
    found, true = Trivial.of(table, WORDS), operations(table.next_label, WORDS)
    current = operations(table.label, WORDS)
    assert named(found.bigram(current), true).mean() == 1
    assert named(found.bigram(np.roll(current, 1)), true).mean() == 0


def test_position_is_the_mean_of_its_kind_or_of_all():
    rows = [
        ("pick", "", "boundary", 0.0, 2.0), ("fold", "", "boundary", 1.0, 5.0), ("fold", "", "middle", 2.0, 3.0),
        ("Null", "", "middle", 0.0, 5.0),
    ]  # fmt: skip
    found = Trivial.of(clips(rows), WORDS)
    asked = clips([("tape", "", kind) for kind in ("middle", "boundary", "window")])
    np.testing.assert_allclose(found.position(asked), [[2, 3], [0.5, 3.5], [1, 10 / 3]])


def test_time_is_counted_in_windows_without_their_context():
    listed = [
        [[-4.0, 1.0, "pick"], [1.0, 3.5, "fold"], [3.5, 5.0, "Null"]],
        [[0.0, 9.0, "tape"], [-3.0, -1.0, "fold"]],
        [[0.0, 5.0, "pick"]],
    ]
    table = clips([("fold", "", "window"), ("tape", "", "window"), ("pick", "", "boundary")], listed)
    found = Trivial.of(table, WORDS)
    np.testing.assert_allclose(found.moment_K, np.array([1, 2.5, 5]) / 8.5)
    assert found.majority_moments(4).tolist() == [2, 2, 2, 2]


def test_without_windows_and_without_a_next_operation():
    found = Trivial.of(clips([("fold", "", "middle")]), WORDS)
    assert found.moment_K.tolist() == found.next_K.tolist() == [0, 0, 0]
    assert not found.bigram_KK.any()
    assert found.position(clips([("fold", "", "window")])).tolist() == [[1, 4]]


@given(ROWS)
def test_all_are_shares_of_the_training_clips(rows):
    found = Trivial.of(clips(rows), WORDS)
    for share, names in ((found.operation_K, [row[0] for row in rows]), (found.next_K, [row[1] for row in rows])):
        known = [name for name in names if name in WORDS]
        assert share.tolist() == [known.count(word) / max(len(known), 1) for word in WORDS]
    follows = [row for row in rows if row[1]]
    assert found.bigram_KK.sum(axis=1).tolist() == pytest.approx([1.0 if follows else 0.0] * 3)
    for place, word in enumerate(WORDS):
        after = [row[1] for row in rows if row[0] == word and row[1]]
        if after:
            assert after.count(WORDS[found.bigram_KK[place].argmax()]) == max(map(after.count, WORDS))


@given(ROWS)
def test_no_test_clip_is_looked_at(rows):
    """What is fitted depends on training clips alone: the truth of the asked ones may be anything."""
    found = Trivial.of(clips([("pick", "fold", "window"), ("fold", "tape", "middle")]), WORDS)
    asked = clips(rows)
    blind = asked.assign(label="", next_label="", op_start=np.nan, op_end=np.nan, segments="")
    np.testing.assert_array_equal(found.position(asked), found.position(blind))
    np.testing.assert_array_equal(whole_clip(asked), whole_clip(blind))


@pytest.mark.skipif(not SESSION.exists(), reason=f"{SESSION} is absent")
def test_baselines_are_strong_on_real_clips():
    """Why every figure stands beside them: on a real session, fitted on its first half and asked on the second."""
    table = session()
    half = len(table) // 2
    train, test = table[:half], table[half:]
    found = Trivial.of(train, sorted(set(train.label)))
    current, following = (operations(test[name], sorted(set(train.label))) for name in ("label", "next_label"))
    assert reached(tiou(true_spans(test), whole_clip(test)), 0.5).mean() == pytest.approx(0.959, abs=1e-3)
    assert np.nanmean(named(found.bigram(current), following)) == pytest.approx(0.969, abs=1e-3)
    assert np.nanmean(named(found.majority_next(len(test)), following)) < 0.2
