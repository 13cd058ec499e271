from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.orders import NULL, OPERATIONS
from kinetrace.twin.packing.workflow import SHORTEST, Habits, work

SUBJECTS, SESSIONS = 8, 3


@pytest.fixture(scope="module")
def worked():
    """Sessions of 20 minutes by subject."""
    habits = [Habits.drawn(draws(3, "habits", subject)) for subject in range(SUBJECTS)]
    return [[work(own, 1200, draws(3, s, k)) for k in range(SESSIONS)] for s, own in enumerate(habits)]


@pytest.fixture(scope="module")
def every(worked):
    return [step for sessions in worked for steps in sessions for step in steps]


def successive(sessions):
    """Each operation with the one after it, Null left out."""
    for steps in sessions:
        yield from pairwise(step for step in steps if step.label != NULL)


def test_steps_follow_each_other_without_a_gap(worked):
    for steps in worked[0]:
        assert 0 < steps[0].start <= 2.5 and 1150 < steps[-1].end <= 1200
        assert all(before.end == after.start for before, after in pairwise(steps))
        assert all(round(step.end, 3) == step.end for step in steps)


def test_every_operation_occurs_and_nothing_unknown(every):
    assert {step.label for step in every} == set(OPERATIONS)


def test_a_step_is_possible_where_it_is_done(every):
    assert all(step.label == NULL or step.label in step.state.possible() for step in every)


def test_durations_are_those_of_a_packing_table(every):
    seconds = defaultdict(list)
    for step in every:
        seconds[step.label].append(step.end - step.start)
    means = {label: np.mean(values) for label, values in seconds.items()}
    assert all(min(values) > SHORTEST - 1e-2 for values in seconds.values())
    assert all(4 < mean < 9 for label, mean in means.items() if label != NULL) and means[NULL] < 3
    assert max(means, key=means.get) == "Close Box"
    assert means["Attach Box Label"] < means["Assemble Box"] and means["Scan Label"] < means["Assemble Box"]


def test_pauses_are_short_and_rare(every):
    seconds = sum(step.end - step.start for step in every)
    assert 0.01 < sum(step.end - step.start for step in every if step.label == NULL) / seconds < 0.06


def test_people_differ_in_pace_and_preference(worked):
    boxes = [sum(step.label == "Put on Back Table" for steps in sessions for step in steps) for sessions in worked]
    assert max(boxes) > 1.15 * min(boxes)
    first = [np.mean([a.state.order.fed for a, _ in successive(sessions)]) for sessions in worked]
    assert max(first) - min(first) > 0.1


def test_what_comes_next_is_seen_on_the_table_and_not_told_by_what_is_done(worked):
    """The ceilings of ``next``: a bigram of the other subjects knows 0.65, a perfect reader of the scene 0.96."""
    bigram, reader, count = 0, 0, 0
    for subject, sessions in enumerate(worked):
        others = [session for other, taken in enumerate(worked) if other != subject for session in taken]
        seen = defaultdict(Counter)
        for now, then in successive(others):
            seen[now.label][then.label] += 1
        for now, then in successive(sessions):
            bigram += seen[now.label].most_common(1)[0][0] == then.label
            reader += now.state.after(now.label).expected() == then.label or _new_order(now, then)
            count += 1
    assert 0.6 < bigram / count < 0.72
    assert 0.94 < reader / count < 0.98


def _new_order(now, then):
    return now.label == "Put on Back Table" and then.state.expected() == then.label
