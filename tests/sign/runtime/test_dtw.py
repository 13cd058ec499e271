"""Exact banded alignment against a plain dynamic programme written out, against ``fastdtw``, and by its properties."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.runtime.dtw import align, frame_costs

ROOT = Path(__file__).resolve().parents[3]
WIDE = 1000
metrics = pytest.mark.parametrize("metric", ["cosine", "sqeuclidean"])
backends = pytest.mark.parametrize("backend", ["exact", "fastdtw"])
lengths = st.integers(1, 14)
seeds = st.integers(0, 2**32 - 1)


def clip(frames, seed, width=3):
    """A random walk, so that neighbours are alike as in a movement."""
    generator = np.random.default_rng([seed, frames])
    return np.cumsum(generator.normal(size=(frames, width)), axis=0)


def ends(*clips):
    return np.cumsum([0, *map(len, clips)])


def one(query, other, radius=WIDE, **how):
    found = align(query, other, ends(other), radius, **how)
    return found.costs[0], found.steps[0]


def in_band(i, j, rows, columns, radius):
    """The definition, word by word, in fractions of the corners' diagonal."""
    if rows < columns:
        i, j, rows, columns = j, i, columns, rows
    slope = (columns - 1) / max(rows - 1, 1)
    return abs(j - i * slope) <= max(radius, 0.5) + 1e-9


def plain(costs, radius):
    """Least (cost, steps) over all cells of the band: Sakoe & Chiba's recursion without any shortcut."""
    rows, columns = costs.shape
    best = {(-1, -1): (0.0, 0)}
    nowhere = (np.inf, 0)
    for i in range(rows):
        for j in range(columns):
            if in_band(i, j, rows, columns, radius):
                cost, steps = min(best.get(cell, nowhere) for cell in ((i - 1, j - 1), (i - 1, j), (i, j - 1)))
                best[i, j] = cost + costs[i, j], steps + 1
    return best[rows - 1, columns - 1]


@metrics
@settings(max_examples=60, deadline=None)
@given(lengths, lengths, st.integers(0, 15), seeds)
def test_exact_is_the_plain_programme_in_the_band(metric, rows, columns, radius, seed):
    query, other = clip(rows, seed), clip(columns, seed + 1)
    cost, steps = one(query, other, radius, metric=metric)
    expected, expected_steps = plain(frame_costs(query, other, metric), radius)
    assert cost == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert steps == expected_steps


@settings(max_examples=60, deadline=None)
@given(lengths, lengths, st.integers(0, 15), seeds)
def test_of_paths_that_cost_the_same_the_shortest_counts(rows, columns, radius, seed):
    generator = np.random.default_rng(seed)
    query, other = (generator.integers(0, 2, (length, 1)).astype(float) for length in (rows, columns))
    assert one(query, other, radius, metric="sqeuclidean") == plain(frame_costs(query, other, "sqeuclidean"), radius)


@metrics
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 6), seeds)
def test_a_band_as_wide_as_the_clip_never_costs_more_than_fastdtw(metric, rows, columns, radius, seed):
    query, other = clip(rows, seed), clip(columns, seed + 1)
    exact, _ = one(query, other, max(rows, columns), metric=metric)
    approximate, _ = one(query, other, radius, metric=metric, backend="fastdtw")
    assert exact <= approximate * (1 + 1e-9) + 1e-9


@metrics
@settings(max_examples=30, deadline=None)
@given(lengths, lengths, seeds)
def test_both_backends_agree_where_fastdtw_looks_everywhere(metric, rows, columns, seed):
    query, other = clip(rows, seed), clip(columns, seed + 1)
    exact, approximate = (one(query, other, 20, metric=metric, backend=backend)[0] for backend in ("exact", "fastdtw"))
    assert exact == pytest.approx(approximate, rel=1e-9, abs=1e-9)


def test_fastdtw_misses_some_paths_that_exact_finds():
    """Else the backends would be one and the comparison above idle."""
    pairs = [(clip(60, seed), clip(72, seed + 1)) for seed in range(20)]
    exact, approximate = (
        np.array([one(*pair, radius, backend=name)[0] for pair in pairs])
        for name, radius in (("exact", 72), ("fastdtw", 1))
    )
    assert np.mean(approximate > exact + 1e-9) > 0.1


@metrics
@settings(max_examples=40, deadline=None)
@given(lengths, lengths, st.integers(0, 15), seeds)
def test_either_clip_may_be_the_query(metric, rows, columns, radius, seed):
    query, other = clip(rows, seed), clip(columns, seed + 1)
    cost, steps = one(query, other, radius, metric=metric)
    turned, steps_turned = one(other, query, radius, metric=metric)
    assert (turned, steps_turned) == (pytest.approx(cost, rel=1e-9, abs=1e-12), steps)


@metrics
@backends
def test_a_clip_is_at_no_distance_from_itself_and_as_long_as_itself(metric, backend):
    found = clip(30, 1)
    assert one(found, found, 6, metric=metric, backend=backend) == (pytest.approx(0, abs=1e-9), 30)


@metrics
def test_in_single_precision_a_clip_is_at_no_distance_from_itself_to_rounding(metric):
    found = (clip(30, 1, 64) / 50).astype(np.float32)
    cost, steps = one(found, found, 6, metric=metric)
    assert 0 <= cost / steps < 1e-5


def test_a_wider_band_never_costs_more():
    query, other = clip(41, 1), clip(29, 2)
    costs = [one(query, other, radius)[0] for radius in range(30)]
    assert costs == sorted(costs, reverse=True) and costs[0] > costs[-1]


def test_a_clip_at_half_the_speed_is_the_same_path():
    """What the band's slope is for: at radius 0 the stretched diagonal is in it."""
    slow = np.repeat(clip(20, 3), 2, axis=0)
    cost, steps = one(slow, clip(20, 3), 1, metric="sqeuclidean")
    assert cost == pytest.approx(0, abs=1e-9) and steps == 40


def test_a_golden_alignment():
    """x = 1 2 3 4 5, y = 2 3 4 is fastdtw's own example: 2 by differences, as by their squares."""
    query, other = np.arange(1.0, 6.0)[:, None], np.arange(2.0, 5.0)[:, None]
    assert one(query, other, metric="sqeuclidean") == (2.0, 5)
    assert one(query, other, metric="sqeuclidean", backend="fastdtw") == (2.0, 5)


@backends
def test_many_clips_at_once_are_each_clip_alone(backend):
    query, clips = clip(17, 0), [clip(length, length) for length in (9, 30, 1, 17)]
    found = align(query, np.concatenate(clips), ends(*clips), 4, backend=backend)
    alone = [one(query, other, 4, backend=backend) for other in clips]
    np.testing.assert_allclose(found.costs, [cost for cost, _ in alone])
    assert found.steps.tolist() == [steps for _, steps in alone]
    np.testing.assert_allclose(found.distances, found.costs / found.steps)


@backends
def test_no_clip_gives_no_distance(backend):
    assert len(align(clip(5, 0), np.zeros((0, 3)), np.array([0]), 3, backend=backend).distances) == 0


@metrics
def test_costs_are_those_of_the_formula(metric):
    query, other = clip(4, 0), clip(6, 1)
    pairs = [(a, b) for a in query for b in other]
    formula = {
        "cosine": lambda a, b: 1 - a @ b / np.sqrt((a @ a) * (b @ b)),
        "sqeuclidean": lambda a, b: ((a - b) ** 2).sum(),
    }
    expected = np.reshape([formula[metric](a, b) for a, b in pairs], (4, 6))
    np.testing.assert_allclose(frame_costs(query, other, metric), expected, atol=1e-12)


@backends
def test_a_frame_without_values_is_at_right_angles_to_all(backend):
    query, other = np.zeros((3, 2)), np.ones((3, 2))
    assert one(query, other, backend=backend) == (3.0, 3)


@backends
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["query", "clip"])
def test_values_that_are_no_numbers_are_refused(backend, value, where):
    pair = {"query": clip(4, 0), "clip": clip(5, 0)}
    pair[where][2, 1] = value
    with pytest.raises(ValueError, match="not finite"):
        align(pair["query"], pair["clip"], np.array([0, 5]), 3, backend=backend)


@pytest.mark.parametrize(
    ("query", "frames", "offsets", "radius", "words"),
    [
        ((0, 3), (5, 3), [0, 5], 3, "0 and 5 frames"),
        ((4, 3), (5, 3), [0, 2, 2, 5], 3, "clip 1 has no frame"),
        ((4, 3), (5, 3), [0, 4, 2, 5], 3, "clip 1 has no frame"),
        ((4, 3), (5, 3), [0, 4], 3, "expected 0, ..., M"),
        ((4, 3), (5, 3), [], 3, "expected 0, ..., M"),
        ((4, 3), (5, 2), [0, 5], 3, r"expected \[N, W\] and \[M, W\]"),
        ((4,), (5, 3), [0, 5], 3, r"expected \[N, W\] and \[M, W\]"),
        ((4, 3), (5, 3), [0, 5], -1, "radius -1"),
    ],
)
def test_what_does_not_fit_is_refused(query, frames, offsets, radius, words):
    with pytest.raises(ValueError, match=words):
        align(np.ones(query), np.ones(frames), np.array(offsets, np.int64), radius)


def test_a_radius_beyond_any_clip_is_as_good_as_the_clip():
    query, other = clip(9, 0), clip(12, 1)
    assert one(query, other, 2**62) == one(query, other, 12)


def test_threads_get_the_same_answers():
    query, clips = clip(40, 0), [clip(length, length) for length in range(20, 40)]
    expected = align(query, np.concatenate(clips), ends(*clips), 6).costs
    found = {}

    def work(number):
        found[number] = [align(query, np.concatenate(clips), ends(*clips), 6).costs for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 4
    np.testing.assert_array_equal(np.concatenate(list(found.values())), np.tile(expected, (80, 1)))


SCRIPT = """
import sys
from kinetrace.sign.runtime import dtw
assert not {"numba", "fastdtw", "torch"} & set(sys.modules), "heavy at import"
import numpy as np
frames = np.eye(4)
assert dtw.align(frames, frames, np.array([0, 4]), 2).costs[0] == 0
assert "torch" not in sys.modules
print(dtw._compiled().stats.cache_path)
"""


def run(folder, **environment):
    """The script in a process of its own: the folder that its machine code is kept in, or None."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_machine_code_is_kept_where_the_environment_says(tmp_path):
    assert run(ROOT, NUMBA_CACHE_DIR=str(tmp_path)).startswith(str(tmp_path))
    assert list(tmp_path.rglob("*.nbi"))


def test_where_nothing_may_be_written_each_process_compiles(tmp_path):
    """An installation and a home whose folders are read-only (here: are no folders at all)."""
    module = Path("kinetrace/sign/runtime/dtw.py")
    (tmp_path / module).parent.mkdir(parents=True)
    for folder in list(module.parents)[:3]:
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / module).write_bytes((ROOT / module).read_bytes())
    (tmp_path / module.parent / "__pycache__").touch()
    nowhere = {"NUMBA_CACHE_DIR": "", "HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
    assert run(tmp_path, PYTHONPATH=str(tmp_path), **nowhere) == "None"
