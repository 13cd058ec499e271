"""Videos and a table from anywhere, as a data set of operations."""

from pathlib import Path

import pytest

from kinetrace import cli
from kinetrace.errors import KinetraceError
from kinetrace.importers import videos
from kinetrace.operations.data import layout
from kinetrace.operations.data.recordings import Segment
from tests.operations.data.test_table import place, write


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_videos_and_rows_become_the_native_layout(tmp_path):
    given = place(tmp_path / "in", "line 1/monday.MP4", "line 1/notes.txt", "b.mkv")
    write(
        tmp_path, "label,end,start,video_file,shift,subject", "cut,5,0,line 1/monday.MP4,late,anna",
        "dry,6,5,line 1/monday.MP4,late,anna", "cut,5,0,b.mkv,early,ben", name="mine.csv",
    )  # fmt: skip
    delivered = videos.convert(given, tmp_path / "out", tmp_path / "mine.csv")
    assert str(delivered) == "2 recordings, 2 subjects, 2 labels"
    assert set(content(tmp_path / "out")) == {"operations.csv", "videos/line_1_monday.mp4", "videos/b.mkv"}
    lines = (tmp_path / "out" / "operations.csv").read_text().splitlines()
    assert lines[:2] == [
        "video_file,subject,session,start,end,label,shift", "videos/line_1_monday.mp4,anna,,0,5,cut,late",
    ]  # fmt: skip
    first, second = (item.recording for item in layout.find(tmp_path / "out"))
    assert first is not None and second is not None
    assert (first.session, first.segments[1]) == ("line_1_monday", Segment(5, 6, "dry"))


def test_tables_beside_videos_become_one_and_a_bad_one_is_named(tmp_path):
    given = place(tmp_path / "in", "a.mp4", "b.mp4")
    write(given, "start,end,label", "0,5,cut", name="a.csv")
    write(given, "start;end;label", name="b.csv")
    delivered = videos.convert(given, tmp_path / "out")
    assert delivered.clips == 1 and "b.csv: the header is separated by ';'" in delivered.skipped[0]
    assert set(content(tmp_path / "out")) == {"operations.csv", "videos/a.mp4"}


def test_nothing_outside_the_folder_is_copied_and_no_row_is_dropped(tmp_path):
    given = place(tmp_path / "in", "a.mp4")
    place(tmp_path, "secret.mp4")
    (given / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    names = ("../secret.mp4", str(tmp_path / "secret.mp4"), "link.mp4", "gone.mp4")
    write(given, "video_file,start,end,label", "a.mp4,0,5,cut", *(f"{name},0,5,cut" for name in names))
    delivered = videos.convert(given, tmp_path / "out")
    assert set(content(tmp_path / "out")) == {"operations.csv", "videos/a.mp4"}
    assert len(delivered.skipped) == 4 and "unusable, left to validate: 4 (" in str(delivered)
    found = {item.source: item.recording for item in layout.find(tmp_path / "out")}
    assert set(found) == {"videos/a.mp4", *names} and found["videos/a.mp4"] is not None


def test_no_video_comes_to_lie_where_a_lost_row_points(tmp_path):
    given = place(tmp_path / "in", "deep/a.mp4", "b.mp4")
    write(given, "video_file,start,end,label", "deep/a.mp4,0,5,cut", "videos/deep_a.mp4,0,5,weld", "deep_a.mp4,0,5,dry")
    videos.convert(given, tmp_path / "out")
    found = layout.find(tmp_path / "out")
    told = [[segment.label for segment in item.recording.segments] for item in found if item.recording]
    assert told == [["cut"]]
    assert sorted(item.source for item in found if item.problem) == ["deep_a.mp4", "videos/deep_a.mp4"]


def test_without_a_table_or_a_video_there_is_nothing_to_import(tmp_path):
    for folder in (place(tmp_path / "in", "a.mp4"), tmp_path / "nowhere"):
        with pytest.raises(KinetraceError, match=r"holds no table: expected .* or give --table TABLE\.csv"):
            videos.convert(folder, tmp_path / "out")
    write(tmp_path / "in", "video_file,start,end,label", "b.mp4,0,5,cut")
    (tmp_path / "in" / "a.mp4").unlink()
    with pytest.raises(KinetraceError, match=r"nothing to import: skipped 1 \('b\.mp4' is missing\)"):
        videos.convert(tmp_path / "in", tmp_path / "out")


def test_the_command_replaces_its_own_folder_and_no_other(tmp_path, capsys):
    given, target = place(tmp_path / "in", "a.mp4"), tmp_path / "out"
    table = write(tmp_path, "start,end,label", "0,5,cut") / "operations.csv"
    for said in ("1 recording, 1 subject, 1 label", "; replaces "):
        cli.app(["import", "videos", str(given), "--table", str(table), "--to", str(target)], standalone_mode=False)
        assert said in capsys.readouterr().out
    (target / "thesis.tex").write_text("years")
    with pytest.raises(KinetraceError, match=r"holds thesis\.tex"):
        cli.app(["import", "videos", str(given), "--table", str(table), "--to", str(target)], standalone_mode=False)
