import csv

from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.data import table, writer
from kinetrace.operations.data.recordings import Segment


def test_native_columns_come_first_and_others_are_kept(tmp_path):
    rows = [
        {"label": "cut", "end": "5", "start": "0", "video_file": "videos/a.mp4", "shift": "late"},
        {"label": "dry, then wait", "end": "6", "start": "5", "video_file": "videos/a.mp4"},
    ]
    writer.write(tmp_path, rows)
    lines = (tmp_path / "operations.csv").read_text().splitlines()
    assert lines[0] == "video_file,subject,session,start,end,label,shift"
    assert lines[1] == "videos/a.mp4,,,0,5,cut,late"
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"video")
    (found,) = table.recordings(tmp_path)
    assert found.recording is not None
    assert found.recording.segments == (Segment(0, 5, "cut"), Segment(5, 6, "dry, then wait"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("any")
    rows = [dict.fromkeys(writer.COLUMNS, label) for label in labels]
    writer.write(folder, rows)
    with (folder / "operations.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == rows
