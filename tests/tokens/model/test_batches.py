import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.data.chunks import cut
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.model.batches import Plan, windows
from tests.tokens.clips import LENGTHS, corpus, several, wander

NOTHING = np.zeros(0, int)


def plan(clips, starts) -> Plan:
    return Plan(np.array(clips, int), np.array(starts, int), np.ones(len(clips)))


def by_loop(length: int, size: int, stride: int) -> list[int]:
    """Where windows start until every frame is in one."""
    starts = [0]
    while starts[-1] + size < length:
        starts.append(starts[-1] + stride)
    return starts


@pytest.fixture
def some(tmp_path):
    return several(tmp_path)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(2, 12), st.data())
@settings(deadline=None, max_examples=25)
def test_windows_are_those_of_a_plain_loop(tmp_path_factory, lengths, size, data):
    stride = data.draw(st.integers(1, size))
    made = several(tmp_path_factory.mktemp("plan"), lengths, model__length=size, model__stride=stride)
    found = made.plan()
    expected = [(clip, start) for clip, n in enumerate(lengths) for start in by_loop(n, size, stride)]
    assert list(zip(found.clips.tolist(), found.starts.tolist(), strict=True)) == expected
    frames, mask = made.frames(found)
    for row, (clip, start) in enumerate(expected):
        own = wander(lengths[clip], clip, 0.2)
        index = np.arange(start, start + size)
        assert np.array_equal(frames[row], own[np.minimum(index, len(own) - 1)])
        assert np.array_equal(mask[row], index < len(own))


def test_chunks_are_those_of_whole_clips(some):
    chunks, first = some.chunks(some.plan()), 0
    for clip, length in enumerate(LENGTHS):
        whole = cut(wander(length, clip, 0.2), some.params)
        rows = slice(first, first + len(whole))
        for part in some.params.parts:
            assert np.array_equal(chunks.values[part][rows], whole.values[part])
            assert np.array_equal(chunks.present[part][rows], whole.present[part])
            assert np.array_equal(chunks.known[part][rows], whole.known[part])
        first += len(whole)
    assert first == len(chunks)


def test_phases_leave_out_the_first_frames_unless_the_clip_is_too_short(some):
    phases = np.array([3, 3, 4, 1, 4])
    found = some.plan(phases)
    first = [int(found.starts[found.clips == clip][0]) for clip in range(len(LENGTHS))]
    assert first == [3, 0, 4, 0, 4]  # 4 frames, and 10 less 1, do not fill a window of 10
    last = [int(found.starts[found.clips == clip][-1]) + 10 for clip in range(len(LENGTHS))]
    assert all(end >= length for end, length in zip(last, LENGTHS, strict=True))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(2, 12), st.data())
@settings(deadline=None, max_examples=25)
def test_everywhere_is_where_any_phase_starts_each_phase_once(tmp_path_factory, lengths, size, data):
    """A clip too short for a phase is cut from its start once more: it counts as often as training sees it."""
    stride = data.draw(st.integers(1, size))
    made = several(tmp_path_factory.mktemp("plan"), lengths, model__length=size, model__stride=stride)
    found = made.everywhere()
    expected = []
    for phase in range(stride):
        for clip, length in enumerate(lengths):
            first = phase if length - phase >= size else 0
            expected += [(clip, first + start) for start in by_loop(length - first, size, stride)]
    assert list(zip(found.clips.tolist(), found.starts.tolist(), strict=True)) == expected
    assert (found.speeds == 1).all() and len(found.speeds) == len(found)
    long = [clip for clip, length in enumerate(lengths) if length >= size + stride - 1]
    own = [pair for pair in expected if pair[0] in long]
    assert len(set(own)) == len(own)


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.3, 1.8])
def test_a_speed_reads_between_the_frames(some, speed):
    found = some.plan(speeds=np.full(len(LENGTHS), speed))
    frames, mask = some.frames(found)
    points = frames.reshape(*frames.shape[:2], POINTS, 3)
    for row, (clip, start) in enumerate(zip(found.clips, found.starts, strict=True)):
        own = wander(LENGTHS[clip], clip, 0.2).reshape(-1, POINTS, 3).astype(np.float64)
        places = [(start + step) * speed for step in range(10)]
        places = [place for place in places if place <= LENGTHS[clip] - 1]
        assert mask[row].sum() == len(places)
        for step in range(10):
            place = places[min(step, len(places) - 1)]
            low, high = math.floor(place), min(math.floor(place) + 1, LENGTHS[clip] - 1)
            expected = own[low] + (place - low) * (own[high] - own[low])
            expected[:, 2] = np.minimum(own[low, :, 2], own[high, :, 2]) if place > low else own[low, :, 2]
            np.testing.assert_allclose(points[row, step], expected, atol=1e-3)


def test_every_frame_of_a_slow_clip_is_in_a_window(some):
    for speed in (0.5, 2.0):
        found = some.plan(speeds=np.full(len(LENGTHS), speed))
        for clip, length in enumerate(LENGTHS):
            starts = found.starts[found.clips == clip]
            assert starts.tolist() == by_loop(math.floor((length - 1) / speed) + 1, 10, 5)


def test_a_point_between_a_seen_and_a_hidden_frame_counts_as_hidden(tmp_path):
    frames = wander(12).reshape(12, POINTS, 3)
    frames[:, 100, 2] = 0.9
    frames[4, 100] = 0, 0, 0.1
    made = corpus(tmp_path, {"clip": frames.reshape(12, -1)})
    points = made.frames(made.plan(speeds=np.array([0.5])))[0][0].reshape(10, POINTS, 3)
    assert points[6:, 100, 2].tolist() == pytest.approx([0.9, 0.1, 0.1, 0.1])  # at 3, 3.5, 4 and 4.5


@given(st.floats(0.2, 1.8), st.integers(1, 400))
@settings(max_examples=200)
def test_no_window_of_any_speed_is_without_a_frame(speed, length):
    played = math.floor((length - 1) / speed) + 1
    for start in by_loop(played, 10, 10):
        assert start < played


def test_windows_at_a_speed_that_does_not_divide_never_leave_the_clip(tmp_path):
    speeds = np.array([1 / 3, 0.1 + 0.2, 1.1, 1 / 7, 0.7])
    made = several(tmp_path, (31, 34, 34, 8, 71), model__stride=10)
    frames, mask = made.frames(made.plan(speeds=speeds))
    assert mask[:, 0].all() and np.isfinite(frames).all()


def test_present_windows_are_all_there_in_any_size_of_batch(some):
    whole, chunks = windows(some.chunks(some.plan())), some.chunks(some.plan())
    for size in (1, 3, 1000):
        found = list(some.each(some.plan(), size))
        assert all(len(chunk["face"]) <= size for chunk in found)
        for part in some.params.parts:
            values = torch.cat([chunk[part].values_BLK5 for chunk in found])
            assert torch.equal(values, whole[part].values_BLK5)
            assert np.array_equal(values.numpy(), chunks.values[part][chunks.present[part]])
    joined = some.present(some.plan())
    for part in some.params.parts:
        for name in ("values_BLK5", "known_BK", "mask_BL"):
            assert torch.equal(getattr(joined[part], name), getattr(whole[part], name))


def test_an_absent_part_has_no_windows_but_its_shapes(tmp_path):
    frames = wander(12).reshape(12, POINTS, 3)
    frames[:, 91:112, 2] = 0
    found = (made := corpus(tmp_path, {"clip": frames.reshape(12, -1)})).present(made.plan())
    assert found["left_hand"].values_BLK5.shape == (0, 10, 21, 5) and len(found["left_hand"]) == 0
    assert len(found["body"]) == 2


@given(st.integers(0, 40), st.integers(1, 9))
def test_batches_are_few_of_about_the_same_size_in_order(count, size):
    made = plan(range(count), [0] * count)
    found = made.batches(size)
    assert [clip for part in found for clip in part.clips.tolist()] == list(range(count))
    sizes = [len(part) for part in found]
    assert len(sizes) == math.ceil(count / size)
    assert not sizes or (max(sizes) <= size and max(sizes) - min(sizes) <= 1)


@given(st.lists(st.integers(1, 4), max_size=12), st.integers(1, 6))
def test_a_split_leaves_runs_whole(runs, count):
    clips = [clip for clip, run in enumerate(runs) for _ in range(run)]
    made = plan(clips, [5 * place for run in runs for place in range(run)])
    found = made.split(count, together=5)
    assert len(found) == count
    assert [clip for part in found for clip in part.clips.tolist()] == clips
    parts_of = {clip: {place for place, part in enumerate(found) if clip in part.clips} for clip in clips}
    assert all(len(places) == 1 for places in parts_of.values())
    assert all(abs(len(part) - len(clips) / count) < 4 for part in found)


def test_only_the_next_window_of_the_same_clip_follows():
    made = plan([0, 0, 0, 1, 1, 0], [0, 5, 15, 20, 25, 30])
    assert made.follows(5).tolist() == [True, False, False, True, False]
    assert plan([], []).split(2, 5)[1].clips.tolist() == []


def test_a_corpus_without_clips_has_no_windows(tmp_path, some):
    empty = type(some).of(some.shards.subset("val"), some.params)
    assert len(empty) == len(empty.plan()) == len(empty.everywhere()) == 0
    assert list(empty.each(empty.plan())) == []
