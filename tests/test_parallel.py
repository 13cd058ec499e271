import os
import time

import pytest

from kinetrace import parallel
from kinetrace.errors import KinetraceError
from kinetrace.parallel import clip_map


def square(number: int) -> int:
    return number * number


def where(_: int) -> int:
    return os.getpid()


def slow(number: int) -> int:
    time.sleep(0.002 * (number % 3))
    return number


def refuse(number: int) -> int:
    if number == 7:
        raise KinetraceError(f"clip {number} is broken")
    return number


@pytest.fixture
def eager(monkeypatch):
    """Workers from the second item on, however little work there is."""
    monkeypatch.setattr(parallel, "TRIAL", 0.0)
    monkeypatch.setattr(parallel, "WORTH", 0.0)


@pytest.mark.parametrize("jobs", [1, 2, -1])
def test_results_come_in_the_order_of_the_items(eager, jobs):
    assert list(clip_map(slow, range(40), jobs)) == list(range(40))


def test_little_work_stays_in_this_process():
    assert set(clip_map(where, range(500), 2)) == {os.getpid()}


def test_much_work_goes_to_workers(eager):
    assert set(clip_map(where, range(50), 2)) - {os.getpid()}


def test_one_job_never_starts_workers(eager):
    assert set(clip_map(where, range(50), 1)) == {os.getpid()}


def test_nothing_to_do():
    assert list(clip_map(square, [], 2)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_users_mistake_in_a_worker_arrives_as_it_is(eager, jobs):
    with pytest.raises(KinetraceError, match="clip 7 is broken"):
        list(clip_map(refuse, range(20), jobs))


def test_results_come_as_they_are_made():
    results = clip_map(refuse, range(20), 1)
    assert [next(results) for _ in range(7)] == list(range(7))


def test_no_progress_bar_where_nobody_looks(capfd):
    list(clip_map(square, range(3)))
    assert capfd.readouterr() == ("", "")
