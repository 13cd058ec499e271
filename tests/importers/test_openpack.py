"""OpenPack, taken as it is: annotations and RGB."""

from pathlib import Path

import pytest

from kinetrace import cli
from kinetrace.errors import KinetraceError
from kinetrace.importers import openpack
from kinetrace.operations.data import layout
from tests.operations.data.packed import BEGAN, annotate, dataset, frames, record

REAL = Path(__file__).parents[3] / "shared" / "data" / "openpack_u0209"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_annotations_videos_and_their_clocks_are_kept_byte_for_byte(tmp_path):
    given = dataset(tmp_path / "in")
    kept = files(given)
    for name in (
        "atr/atr01/S0100.csv",
        "kinect/depth/S0100/0.png",
        "kinect/2d-kpt/S0100.json",
        "annotation/x/S0100.csv",
    ):
        path = given / "U0101" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"left behind")
    delivered = openpack.convert(given, tmp_path / "out")
    assert files(tmp_path / "out") == kept
    assert str(delivered) == "3 recordings, 2 subjects, 3 labels"  # U0203 is U0108; Null is no operation


def test_one_users_folder_comes_below_the_users_name(tmp_path):
    home = tmp_path / "download"
    annotate(home, "S0100", user="U0209")
    frames(home, "S0100", [0.0, 0.1, 61.0])
    delivered = openpack.convert(home, tmp_path / "out")
    (found,) = layout.find(tmp_path / "out")
    assert found.recording is not None and found.source == "U0209/kinect/color/frames/S0100"
    assert len(files(tmp_path / "out")) == 4 and delivered.clips == 1


def test_openpacks_sample_is_imported_whole(tmp_path):
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    delivered = openpack.convert(REAL, tmp_path)
    assert str(delivered) == "1 recording, 1 subject, 10 labels"  # and no second that disagrees
    assert len(files(tmp_path)) == 5 + 15
    (found,) = layout.find(tmp_path)
    assert found.recording is not None and len(found.recording.segments) == 193


def test_seconds_that_disagree_with_the_operations_are_told(tmp_path):
    home = tmp_path / "in" / "U0101"
    annotate(home, "S0100", spans=[(0.0, 4.0, 100)])
    record(home, "S0100")
    path = home / "annotation" / "openpack-operations-1hz" / "S0100.csv"
    path.parent.mkdir()
    first = round(BEGAN.timestamp() * 1000)
    path.write_text("unixtime,user,session,box,id\n" + f"{first},U0101,S0100,1,100\n{first + 1000},U0101,S0100,1,200\n")
    said = str(openpack.convert(tmp_path / "in", tmp_path / "out"))
    assert "U0101 S0100: 1 of 2 seconds differ in openpack-operations-1hz" in said


def test_what_validate_will_refuse_is_kept_and_told(tmp_path):
    home = tmp_path / "in" / "U0101"
    annotate(home, "S0100", spans=[(0.0, 4.0, 100), (1.0, 5.0, 200)])
    record(home, "S0100")
    annotate(home, "S0200")
    delivered = openpack.convert(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "U0101" / "kinect" / "color" / "S0100.mp4").is_file()
    assert "unusable, left to validate: 1 (" in str(delivered) and "line 3: 'Relocate Item Label'" in str(delivered)
    assert "incomplete: 1 (" in str(delivered) and "expected kinect/color/S0200.mp4" in str(delivered)


def test_links_outside_are_left_behind_and_named(tmp_path):
    given, away = dataset(tmp_path / "in"), tmp_path / "away"
    frames(away, "S0300", [0.0])
    (away / "secret.mp4").write_bytes(b"secret")
    annotate(given / "U0101", "S0200")
    (given / "U0101" / "kinect" / "color" / "S0200.mp4").symlink_to(away / "secret.mp4")
    (given / "U0101" / "kinect" / "color" / "frames").symlink_to(away / "kinect" / "color" / "frames")
    delivered = openpack.convert(given, tmp_path / "out")
    assert b"secret" not in files(tmp_path / "out").values()
    assert sorted(each.split()[0] for each in delivered.skipped) == [
        "'U0101/kinect/color/S0200.mp4'", "'U0101/kinect/color/frames/S0300'",
    ]  # fmt: skip


def test_a_user_whose_name_leads_away_is_left_behind(tmp_path):
    home = tmp_path / "in"
    annotate(home, "S0100", user="../../evil")
    record(home, "S0100")
    with pytest.raises(KinetraceError, match=r"nothing to import: skipped 1 \('../../evil' \(no plain name"):
        openpack.convert(home, tmp_path / "out")


def test_another_folder_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(KinetraceError, match=r"holds no user of OpenPack: expected .*<session>\.csv"):
            openpack.convert(folder, tmp_path / "out")


def test_the_command_replaces_its_own_folder_and_no_other(tmp_path, capsys):
    given, target = dataset(tmp_path / "in"), tmp_path / "out"
    for said in ("3 recordings, ", "; replaces "):
        cli.app(["import", "openpack", str(given), "--to", str(target)], standalone_mode=False)
        assert said in capsys.readouterr().out
    (target / "notes.txt").write_text("mine")
    with pytest.raises(KinetraceError, match=r"holds notes\.txt"):
        cli.app(["import", "openpack", str(given), "--to", str(target)], standalone_mode=False)


def test_landmarks_are_no_operations(tmp_path):
    (tmp_path / "words.parquet").write_bytes(b"")
    with pytest.raises(
        KinetraceError, match="operations are seen in video, not in landmarks: use `kinetrace import op"
    ):
        cli.app(
            ["import", "landmarks", str(tmp_path / "words.parquet"), "--workload", "operations"], standalone_mode=False
        )
