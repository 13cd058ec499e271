from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.data import table
from kinetrace.operations.data.recordings import NULL, Segment


def place(folder: Path, *names: str) -> Path:
    """Files that stand for videos."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"video")
    return folder


def write(folder: Path, *lines: str, name: str = "operations.csv") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_video_of_the_table_is_a_recording(tmp_path):
    place(tmp_path, "videos/a.mp4", "deep/b.MKV")
    write(
        tmp_path, "video_file,subject,session,start,end,label", "a.mp4,anna,1,5,9.5,weld", "a.mp4,anna,1,0,5,cut",
        "deep\\b.MKV,ben k.,2,1e1,12,null",
    )  # fmt: skip
    first, second = (item.recording for item in table.recordings(tmp_path))
    assert first is not None and second is not None
    assert (first.user, first.subject, first.session, first.source) == ("anna", "anna", "1", "videos/a.mp4")
    assert first.segments == (Segment(0, 5, "cut"), Segment(5, 9.5, "weld"))
    assert (second.user, second.subject, second.source) == ("ben_k_", "ben k.", "deep/b.MKV")
    assert second.segments == (Segment(10, 12, NULL),)


def test_one_video_needs_no_name_and_nobody_needs_one(tmp_path):
    write(place(tmp_path, "line 3/monday.mp4"), "start,end,label", "0,5,cut")
    (found,) = table.recordings(tmp_path)
    assert found.recording is not None
    assert (found.recording.subject, found.recording.session) == ("unknown", "line_3_monday")


def test_a_table_may_lie_beside_each_video(tmp_path):
    place(tmp_path, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    write(tmp_path, "start,end,label,subject", "0,5,cut,anna", name="a.csv")
    write(tmp_path, "start,end,label", "5,1,cut", name="b.csv")
    (tmp_path / "d.csv").write_bytes(b"start,end,label\n0,5,Stra\xdfe\n")
    found = {item.source: item for item in table.recordings(tmp_path)}
    assert found["a.mp4"].recording is not None and found["a.mp4"].recording.session == "a"
    assert "b.csv, line 2: 'cut' 5.000–1.000 s ends before it starts" in found["b.mp4"].problem
    assert found["c.mp4"].absent == "no row of a table names this video"
    assert found["d.mp4"].problem.startswith("d.csv, byte 24 (line 2): 0xdf is not UTF-8")


def test_a_table_elsewhere_names_videos_of_the_folder(tmp_path):
    place(tmp_path / "films", "a.mp4")
    write(tmp_path, "video_file,start,end,label", "a.mp4,0,5,cut", name="mine.csv")
    (found,) = table.recordings(tmp_path / "films", tmp_path / "mine.csv")
    assert found.recording is not None


@pytest.mark.parametrize(
    "name",
    ["../secret.mp4", "/etc/passwd", "{outside}", "link.mp4", "nul\0byte.mp4", "loop.mp4", "gone.mp4", "videos/../.."],
)
def test_a_video_elsewhere_is_never_taken(tmp_path, name):
    data = place(tmp_path / "data", "b.mp4", "c.mp4")
    place(tmp_path, "secret.mp4")
    (data / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (data / "loop.mp4").symlink_to("loop.mp4")
    name = name.replace("{outside}", str(tmp_path / "secret.mp4"))
    write(data, "video_file,start,end,label", f'"{name}",0,5,cut', "b.mp4,0,5,cut")
    found = {item.source: item for item in table.recordings(data)}
    (refused,) = (item for item in found.values() if item.problem)
    assert refused.recording is None
    assert "leads outside the data folder" in refused.problem or "is missing" in refused.problem
    assert found["b.mp4"].recording is not None
    assert found["c.mp4"].absent == "no row of a table names this video"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("b.mp4,anna,x,5,cut", "operations.csv, line 3: start is 'x', expected seconds of the video such as 12.5"),
        ('b.mp4,anna,0,"5,5",cut', "line 3: end is '5,5'"),
        ("b.mp4,anna,-1,5,cut", "line 3: start is '-1'"),
        ("b.mp4,anna,nan,5,cut", "line 3: start is 'nan'"),
        ("b.mp4,anna,0,1e999,cut", "line 3: end is '1e999'"),
        ("b.mp4,anna,0,1_0,cut", "line 3: end is '1_0'"),
        ("b.mp4,anna,00:01,00:05,cut", "line 3: start is '00:01'"),
        ("b.mp4,anna,5,0,cut", "line 3: 'cut' 5.000–0.000 s ends before it starts"),
        ("b.mp4,anna,0,5, ", "line 3: label is '', expected the operation's name"),
        ("b.mp4,anna,0,5,a\x1b[2J", "line 3: label is 'a\\x1b[2J'"),
        ("b.mp4,anna,0,5,cut\nb.mp4,ben,5,6,cut", "line 4: subject is 'ben', expected 'anna' as in the video's first"),
        ("b.mp4,anna,0,5,cut\nb.mp4,anna,4,6,dry", "line 4: 'dry' 4.000–6.000 s overlaps 'cut' 0.000–5.000 s of"),
        (",anna,0,5,cut", "video_file is empty, and there are several videos"),
    ],
)
def test_a_wrong_row_costs_its_recording_and_no_other(tmp_path, row, said):
    place(tmp_path, "a.mp4", "b.mp4")
    write(tmp_path, "video_file,subject,start,end,label", "a.mp4,anna,0,5,cut", row)
    found = [item for item in table.recordings(tmp_path) if not item.absent]
    assert [bool(item.recording) for item in found] == [True, False]
    assert said in found[1].problem


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["start,end,label"], "has no rows"),
        (["start,end", "0,5"], "the column label is missing"),
        (["start,end,label", "0,5,cut"], "no column video_file, and .* holds 2 videos"),
        (["start;end;label", "0;5;cut"], "separated by ';'"),
        (["start,end,label", "0,5"], "line 2: 2 fields, expected 3"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, lines, said):
    place(tmp_path, "a.mp4", "b.mp4")
    with pytest.raises(KinetraceError, match=said):
        table.recordings(write(tmp_path, *lines))


def test_one_video_named_in_two_ways_is_one_recording(tmp_path):
    place(tmp_path, "videos/a.mp4", "b.mp4")
    write(tmp_path, "video_file,start,end,label", "a.mp4,0,5,cut", "videos/a.mp4,5,6,dry", "./videos/a.mp4,6,7,dry")
    found = {item.source: item.recording for item in table.recordings(tmp_path)}
    assert found["videos/a.mp4"] is not None and len(found["videos/a.mp4"].segments) == 3
    assert set(found) == {"videos/a.mp4", "b.mp4"}


def test_two_videos_of_one_session_need_names_of_their_own(tmp_path):
    place(tmp_path, "a.mp4", "b.mp4")
    write(tmp_path, "video_file,session,start,end,label", "a.mp4,1,0,5,cut", "b.mp4,1,0,5,cut")
    found = table.recordings(tmp_path)
    assert found[0].recording is not None
    assert "user unknown and session 1 are those of 'a.mp4': give each its own" in found[1].problem


def test_hidden_files_and_folders_are_no_videos(tmp_path):
    place(tmp_path, "a.mp4", "._a.mp4", ".trash/b.mp4")
    (tmp_path / "c.mp4").mkdir()
    assert table.videos(tmp_path) == ["a.mp4"]
    write(tmp_path, "start,end,label", "0,5,cut")
    assert len(table.recordings(tmp_path)) == 1


def test_a_hundred_thousand_rows_of_fifty_videos_are_read(tmp_path):
    names = [f"{number}.mp4" for number in range(50)]
    place(tmp_path, *names)
    rows = (f"{name},{second},{second + 1},cut" for name in names for second in range(2000))
    found = table.recordings(write(tmp_path, "video_file,start,end,label", *rows))
    assert sum(len(item.recording.segments) for item in found if item.recording) == 100_000


@given(st.text(max_size=40), st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_recording_or_a_problem(tmp_path_factory, name, start, label):
    folder = place(tmp_path_factory.mktemp("any"), "a.mp4", "b.mp4")
    fields = ['"' + text.replace('"', '""') + '"' for text in (name, start, "5", label)]
    (folder / "operations.csv").write_text(
        f"video_file,start,end,label\n{','.join(fields)}\n", encoding="utf-8", errors="replace", newline=""
    )
    try:
        found = table.recordings(folder)
    except KinetraceError:
        return
    assert all(bool(item.recording) + bool(item.problem) + bool(item.absent) == 1 for item in found)
    assert {"a.mp4", "b.mp4"} <= {item.source for item in found}
