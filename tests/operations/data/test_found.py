import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.found import OVERLAP, Found, judged, ordered, outside, unique, within
from kinetrace.operations.data.recordings import NULL, Recording, Segment


def told(*spans):
    """Segments of the label a, each with its line."""
    return [(Segment(start, end, "a"), f"line {line}") for line, (start, end) in enumerate(spans, 2)]


def recording(*segments, user="u", session="s"):
    return Recording(user, user, session, "x.mp4", tuple(Segment(*segment) for segment in segments))


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 60))))
def test_segments_that_do_not_overlap_are_kept_and_come_in_order(spans):
    free, end = [], 0
    for start, length in sorted(spans):
        if start >= end:
            free.append((start, start + length))
            end = start + length
    found = ordered(told(*free[::-1]))
    assert [(segment.start, segment.end) for segment in found] == free


def test_an_overlap_of_less_than_a_frame_is_taken_from_the_first():
    found = ordered(told((0, 2 + OVERLAP / 2), (2, 4)))
    assert [(segment.start, segment.end) for segment in found] == [(0, 2), (2, 4)]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 1), (3, 2)], "line 3: 'a' 3.000–2.000 s ends before it starts"),
        ([(1, 1)], "line 2: 'a' 1.000–1.000 s ends before it starts or when it starts"),
        ([(0, float("nan"))], "line 2: .* ends before"),
        ([(5, 9), (0, 6)], "line 2: 'a' 5.000–9.000 s overlaps 'a' 0.000–6.000 s of line 3"),
        ([(0, 0.04), (0, 3)], "line 3: .* overlaps .* of line 2"),
    ],
)
def test_segments_that_cannot_be_true_are_named_by_line(spans, said):
    with pytest.raises(KinetraceError, match=said):
        ordered(told(*spans))


def test_a_path_is_followed_only_inside_the_folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "secret").write_text("s")
    (data / "kept").write_text("k")
    (data / "link").symlink_to("kept")
    (data / "out").symlink_to(tmp_path / "secret")
    (data / "loop").symlink_to("loop")
    (data / "gone").symlink_to("nothing")
    assert within(data, "link") == data.resolve() / "kept"
    for name in ("../secret", "out", str(tmp_path / "secret"), "/etc/passwd", "a/../../secret"):
        with pytest.raises(KinetraceError, match="leads outside the data folder"):
            within(data, name)
    for name in ("loop", "gone", "nowhere", "nul\0byte", "x" * 5000):
        with pytest.raises(KinetraceError, match="is missing"):
            within(data, name)


def test_a_problem_is_told_without_the_path_of_the_machine(tmp_path):
    def build():
        raise KinetraceError(f"{tmp_path / 'a.csv'}, line 3: start is 'x'")

    assert judged(tmp_path, Found("u", "s", "x.mp4"), build).problem == "a.csv, line 3: start is 'x'"

    def denied():
        raise PermissionError(13, "Permission denied", str(tmp_path / "a.csv"))

    assert "Permission denied: 'a.csv'" in judged(tmp_path, Found("u", "s", "x.mp4"), denied).problem


def test_the_second_recording_whose_clips_would_be_named_alike_is_refused():
    first, second, third = (
        Found("a-b", "c", "1.mp4", recording()),
        Found("A", "B-c", "2.mp4", recording()),
        Found("a-b", "c", "3.mp4", absent="no video"),
    )
    found = unique([third, first, second])
    assert found[:2] == [third, first]
    assert found[2].recording is None and "those of '1.mp4'" in found[2].problem


def test_a_video_of_another_time_is_told():
    assert outside(recording((3, 6, "a")), 5.0) == ""
    assert outside(recording((-1, 3, "a")), 5.0) == ""
    assert "from 10.0 to 20.0 s, most of it outside its video of 5.0 s" in outside(recording((10, 20, "a")), 5.0)
    assert "are they in seconds?" in outside(recording((0, 4000, "a"), (4000, 9000, "b")), 10.3)
    assert outside(recording((0, 20, NULL)), 5.0) == "no operation is annotated"
