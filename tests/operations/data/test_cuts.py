import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.data.cuts import Cut, boundaries, cuts, target
from kinetrace.operations.data.recordings import NULL, Recording, Segment
from kinetrace.operations.params import CutParams

PARAMS = CutParams(
    seed=7, seconds=5.0, context=1.0, per_boundary=3, window=0.5, wide_window=1.0, wide=["Tape"], stride=5.0
)


def recording(*segments):
    return Recording("U0101", "U0101", "S0100", "a.mp4", tuple(Segment(*segment) for segment in segments))


ORDER = recording(
    (1.0, 8.0, "Pick"), (8.0, 20.0, "Tape"), (20.0, 22.0, NULL), (22.0, 31.0, "Pick"), (31.0, 34.0, "Label")
)


def of(kind, found):
    return [cut for cut in found if cut.kind == kind]


def test_three_clips_see_each_boundary_at_a_quarter_a_half_and_three_quarters_give_or_take_the_window():
    times = [time for time, _ in boundaries(ORDER.segments)]
    assert times == [8.0, 20.0, 22.0, 31.0]
    found = of("boundary", cuts(ORDER, 60.0, PARAMS))
    assert len(found) == 12
    for number, (time, ended) in enumerate(boundaries(ORDER.segments)):
        for share, cut in zip((1.25, 2.5, 3.75), found[3 * number : 3 * number + 3], strict=True):
            reach = 1.0 if ended == "Tape" else 0.5
            assert abs(time - cut.start - share) <= reach + 1e-3
    assert len({round(time - cut.start, 3) for cut in found}) == 12, "jittered"


def test_the_jitter_follows_from_the_seed_and_the_boundary_alone():
    longer = recording(*((s.start, s.end, s.label) for s in ORDER.segments), (40.0, 50.0, "Tape"))
    few, many = of("boundary", cuts(ORDER, 60.0, PARAMS)), of("boundary", cuts(longer, 60.0, PARAMS))
    assert many[: len(few)] == few
    other = of("boundary", cuts(ORDER, 60.0, PARAMS.model_copy(update={"seed": 8})))
    assert [cut.start for cut in other] != [cut.start for cut in few]


def test_one_clip_lies_in_the_middle_of_each_operation():
    found = cuts(ORDER, 60.0, PARAMS)
    assert [cut.start for cut in of("middle", found)] == [2.0, 11.5, 24.0, 30.0]
    assert 30.0 in [cut.start for cut in of("window", found)], "a window may begin where it does"


@given(st.floats(5.0, 500.0), st.floats(0.5, 5.0))
def test_windows_cover_the_recording_to_its_end(duration, stride):
    params = PARAMS.model_copy(update={"stride": stride, "per_boundary": 0})
    starts = sorted(cut.start for cut in of("window", cuts(recording(), duration, params)))
    assert starts[0] == 0 and starts[-1] == pytest.approx(duration - 5, abs=1e-3)
    assert np.all(np.diff(starts) <= stride + 2e-3)


def test_a_clip_has_the_context_that_there_is():
    found = {cut.start: cut.context for cut in cuts(ORDER, 60.0, PARAMS)}
    assert found[0.0] == 0 and found[5.0] == 1.0
    assert all(context == min(start, 1.0) for start, context in found.items())


def test_no_two_clips_begin_at_once_and_their_names_differ():
    found = cuts(recording((0.0, 5.0, "Pick"), (5.0, 10.0, "Tape")), 10.0, PARAMS)
    starts = {(cut.kind == "window", cut.start) for cut in found}
    assert len(starts) == len({cut.name for cut in found}) == len(found)
    assert all(0 <= cut.start <= 5 for cut in found)


def test_a_recording_shorter_than_a_clip_gives_none():
    assert cuts(ORDER, 4.9, PARAMS) == []


def test_the_target_is_the_operation_with_most_time_in_the_clip():
    found = target(ORDER, Cut("", "boundary", 5.0, 1.0), 5.0)
    assert (found.label, found.start, found.end, found.next) == ("Pick", 0.0, 3.0, "Tape")
    assert found.segments == (Segment(-1.0, 3.0, "Pick"), Segment(3.0, 5.0, "Tape"))
    assert target(ORDER, Cut("", "boundary", 6.0, 1.0), 5.0).label == "Tape"


def test_a_break_is_no_operation_and_the_next_one_is_beyond_it():
    found = target(ORDER, Cut("", "window", 17.0, 1.0), 5.0)
    assert (found.label, found.end, found.next) == ("Tape", 3.0, "Pick")
    assert found.segments[-1] == Segment(3.0, 5.0, NULL)


def test_nothing_but_a_break_is_null_and_the_last_operation_has_no_next():
    assert target(ORDER, Cut("", "window", 40.0, 1.0), 5.0).label == NULL
    assert target(ORDER, Cut("", "window", 30.0, 1.0), 5.0).next == ""


@given(
    st.lists(st.tuples(st.floats(0.2, 20), st.sampled_from(["a", "b", NULL])), min_size=1, max_size=12),
    st.floats(0, 50),
)
def test_segments_of_a_clip_lie_inside_it_in_order(parts, start):
    time, segments = 0.0, []
    for length, label in parts:
        segments.append((time, time + length, label))
        time += length
    found = target(recording(*segments), Cut("", "window", start, min(start, 1.0)), 5.0)
    assert 0 <= found.start < found.end <= 5
    edges = [edge for segment in found.segments for edge in (segment.start, segment.end)]
    assert edges == sorted(edges) and all(-1 <= edge <= 5 for edge in edges)


@given(st.floats(5.0, 500.0))
def test_no_clip_ends_after_its_video(duration):
    assert all(round(cut.start + 5, 3) <= duration for cut in cuts(ORDER, duration, PARAMS))
