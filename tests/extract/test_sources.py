"""Which videos become clips: a folder and a CSV, judged before any work."""

from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.extract import sources


def place(folder: Path, *names: str, csv: str | None = None) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"video")
    if csv is not None:
        (folder / "sentences.csv").write_text(csv)
    return folder


def test_a_row_gives_its_video_a_sentence_and_further_columns(tmp_path):
    place(tmp_path, "day/a.mp4", csv="video_file,sentence,gloss,subject\nday/a.mp4,Hello you,HELLO,anna\n")
    [found] = sources.find(tmp_path).videos
    assert (found.name, found.video) == ("day/a", tmp_path / "day/a.mp4")
    assert found.columns == {"sentence": "Hello you", "gloss": "HELLO", "subject": "anna"}


def test_the_column_may_be_called_file_and_the_csv_may_lie_elsewhere(tmp_path):
    place(tmp_path / "videos", "a.mp4")
    (tmp_path / "said.csv").write_text("file,sentence\na.mp4,hello\n")
    assert [source.name for source in sources.find(tmp_path / "videos", tmp_path / "said.csv").videos] == ["a"]


def test_a_subject_is_filled_in_only_where_the_csv_has_none(tmp_path):
    place(tmp_path, "a.mp4", "b.mp4", csv="file,sentence,subject\na.mp4,x,anna\nb.mp4,y,\n")
    assert [source.columns["subject"] for source in sources.find(tmp_path, subject="ben").videos] == ["anna", "ben"]


def test_missing_videos_and_videos_without_a_row_are_told(tmp_path):
    place(tmp_path, "a.mp4", "b.MOV", "notes.txt", ".hidden.mp4", csv="file,sentence\na.mp4,x\ngone.mp4,y\n")
    found = sources.find(tmp_path)
    assert (found.missing, found.unlisted) == (["gone.mp4"], ["b.MOV"])


def test_without_sentences_each_video_gets_its_own_name_when_asked(tmp_path):
    place(tmp_path, "day/a.mp4", "b.webm")
    assert [source.columns["sentence"] for source in sources.find(tmp_path, unlabelled=True).videos] == ["b", "a"]
    with pytest.raises(KinetraceError, match=r"sentences.csv is missing.*--sentences.*--unlabelled"):
        sources.find(tmp_path)


@pytest.mark.parametrize(
    ("csv", "words"),
    [
        ("file,sentence\n../out.mp4,x\n", r"line 2: '../out.mp4' leads outside"),
        ("file,sentence\n/etc/passwd,x\n", "line 2: '/etc/passwd' leads outside"),
        ("file,sentence\nlink/out.mp4,x\n", "line 2: 'link/out.mp4' leads outside"),
        ("file,sentence\na.mp4,x\n./a.mp4,y\n", "line 3: 'a.mp4' is on line 2 too"),
        ("file,sentence\na.mp4,x\n,y\n", "line 3: the video's name is empty"),
        (f"file,sentence\n{'x' * 5000},x\n", "line 2: .*too long"),
        ("file,sentence\na\0b.mp4,x\n", "line 2"),
        ("file,sentence\na.mp4,…\n", "line 2: the sentence has no letter or digit"),
        ("file,sentence,sentence_id\na.mp4,x,one\n", "line 2: the sentence_id is no whole number"),
        ("file,sentence,sentence_id\na.mp4,x,1\nb.mp4,y,1\n", "sentence_id 1 has several sentences"),
        ("name,sentence\na.mp4,x\n", "the column video_file is missing; found name, sentence"),
        ("file,text\na.mp4,x\n", "the column sentence is missing"),
        ("file,sentence\na.mp4,x\na.mov,y\n", "a.mp4 and a.mov would both be the clip 'a'"),
        ("file,sentence\ngone.mp4,x\n", "holds no video to extract: the CSV names files that are not there: 1"),
    ],
    ids=range(14),
)
def test_a_csv_that_cannot_be_meant_is_refused_with_its_line(tmp_path, csv, words):
    place(tmp_path, "out.mp4")
    folder = place(tmp_path / "videos", "a.mp4", "b.mp4", "a.mov", csv=csv)
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(KinetraceError, match=words):
        sources.find(folder)


def test_a_folder_without_videos_and_no_folder_are_refused(tmp_path):
    with pytest.raises(KinetraceError, match="there is no folder"):
        sources.find(tmp_path / "nowhere")
    with pytest.raises(KinetraceError, match=r"no file ends in .mp4"):
        sources.find(place(tmp_path, "a.txt"), unlabelled=True)
