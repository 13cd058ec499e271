from pathlib import Path

import pytest

from kinetrace.operations.data import openpack
from kinetrace.operations.data.recordings import NULL, Segment
from tests.operations.data.packed import HEADER, SPANS, annotate, dataset, frames, line, record

REAL = Path(__file__).parents[4] / "shared" / "data" / "openpack_u0209"


def problems(folder: Path) -> dict[str, str]:
    """User and session to problem, or to what is absent."""
    return {f"{item.user}/{item.session}": item.problem or item.absent for item in openpack.recordings(folder)}


def test_times_of_day_become_seconds_of_the_video(tmp_path):
    annotate(tmp_path / "U0101", "S0100")
    record(tmp_path / "U0101", "S0100", began=0.5)
    (found,) = openpack.recordings(tmp_path)
    assert found.recording is not None and not found.problem
    assert found.recording.segments == (
        Segment(0.5, 4.0, "Picking"), Segment(4.0, 8.5, "Assemble Box"), Segment(10.5, 14.75, NULL),
        Segment(14.75, 19.5, "Fill out Order"),
    )  # fmt: skip
    assert found.recording.source == "U0101/kinect/color/S0100.mp4"


def test_one_person_under_two_ids_is_one_subject(tmp_path):
    found = [item.recording for item in openpack.recordings(dataset(tmp_path))]
    assert [(each.user, each.subject) for each in found if each] == [
        ("U0101", "U0101"), ("U0108", "U0108"), ("U0203", "U0108"),
    ]  # fmt: skip


def test_one_users_folder_is_a_data_set_too(tmp_path):
    home = tmp_path / "download"
    annotate(home, "S0100", user="U0209")
    annotate(home, "S0200", user="U0209")
    record(home, "S0100")
    (first, second) = openpack.recordings(home)
    assert (first.user, first.source) == ("U0209", "kinect/color/S0100.mp4") and first.recording
    assert second.absent == "no video: expected kinect/color/S0200.mp4"


def test_another_users_session_inside_is_named(tmp_path):
    annotate(tmp_path / "U0101", "S0100", user="U0102")
    record(tmp_path / "U0101", "S0100")
    home = tmp_path / "alone"
    for session, user in (("S0100", "U0209"), ("S0200", "U0102")):
        annotate(home, session, user=user)
        record(home, session)
    assert "line 2: user is 'U0102', expected 'U0101', whose folder this is" in problems(tmp_path)["U0101/S0100"]
    assert "user is 'U0102', expected 'U0209'" in problems(home)["U0209/S0200"]


def test_openpacks_sample_is_found_with_its_193_operations():
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    (found,) = openpack.recordings(REAL)
    assert found.recording is not None
    assert (found.user, found.session) == ("U0209", "S0500")
    assert found.source == "kinect/color-masked/frames/S0500"
    assert len(found.recording.segments) == 193
    assert found.recording.segments[0] == Segment(11.113, 19.274, "Picking")  # the frames are of the second before
    assert (REAL / found.source).is_dir()


def test_plain_rgb_goes_before_masked_and_a_video_before_frames(tmp_path):
    home = tmp_path / "U0101"
    annotate(home, "S0100")
    frames(home, "S0100", [0.0, 1.0], colour="color-masked")
    assert openpack.recordings(tmp_path)[0].source == "U0101/kinect/color-masked/frames/S0100"
    frames(home, "S0100", [0.0, 1.0])
    assert openpack.recordings(tmp_path)[0].source == "U0101/kinect/color/frames/S0100"
    record(home, "S0100", suffix=".MKV")
    assert openpack.recordings(tmp_path)[0].source == "U0101/kinect/color/S0100.MKV"


def test_operations_before_the_video_are_left_out_and_others_keep_their_times(tmp_path):
    annotate(tmp_path / "U0101", "S0100")
    record(tmp_path / "U0101", "S0100", began=8.0)
    (found,) = openpack.recordings(tmp_path)
    assert found.recording is not None
    assert found.recording.segments[0] == Segment(-3.5, 1.0, "Assemble Box")
    record(tmp_path / "U0101", "S0100", began=20.0)
    said = "no operation after the video began, 2022-03-29 14:25:20.000+09:00: the last one ended 2022-03-29 14:25:20"
    assert said in problems(tmp_path)["U0101/S0100"]


def test_nothing_is_lost_silently(tmp_path):
    home = tmp_path / "U0101"
    spans = {
        "overlap": [(0.0, 5.0, 100), (3.0, 6.0, 200)],
        "reversed": [(0.0, 5.0, 100), (9.0, 6.0, 200)],
        "backwards": SPANS[::-1],  # only the order of rows
        "unknown": [(0.0, 5.0, 101)],
        "empty": [],
        "sound": SPANS,
    }
    for session, rows in spans.items():
        annotate(home, session, spans=rows)
        record(home, session)
    annotate(home, "unseen")
    record(home, "untold")
    annotate(home, "timeless")
    record(home, "timeless", began=None)
    annotate(home, "text").write_bytes(b"\xff\xfe\x00")
    record(home, "text")
    annotate(home, "b d")
    record(home, "b d")
    path = "U0101/annotation/openpack-operations"
    assert problems(tmp_path) == {
        "U0101/overlap": f"{path}/overlap.csv, line 3: 'Relocate Item Label' 3.000–6.000 s overlaps 'Picking' "
        f"0.000–5.000 s of {path}/overlap.csv, line 2",
        "U0101/reversed": f"{path}/reversed.csv, line 3: 'Relocate Item Label' 9.000–6.000 s ends before it starts "
        "or when it starts",
        "U0101/backwards": "",
        "U0101/unknown": f"{path}/unknown.csv, line 2: id is '101', expected an operation of OpenPack, "
        "100 to 1000 in hundreds, or 8100",
        "U0101/empty": f"{path}/empty.csv has no rows: expected one an operation",
        "U0101/sound": "",
        "U0101/unseen": "no video: expected kinect/color/unseen.mp4",
        "U0101/untold": "no annotation: expected annotation/openpack-operations/untold.csv",
        "U0101/timeless": "U0101/kinect/color/timeless.mp4 is broken at frame 0: no video that can be opened: "
        "expected an mp4, mkv, webm or avi file, not cut off",
        "U0101/text": f"{path}/text.csv is UTF-16, not UTF-8; save it as CSV in UTF-8",
        "U0101/b d": "'b d' is no plain name: use letters, digits, _ and -",
    }


def test_nothing_outside_the_folder_is_read(tmp_path):
    data, away = tmp_path / "data", tmp_path / "away" / "U0102"
    annotate(away, "S0100")
    record(away, "S0100")
    (data / "U0101" / "kinect").mkdir(parents=True)
    (data / "U0102").symlink_to(away)  # a user, a folder of colours, a video, an annotation
    annotate(data / "U0101", "S0100")
    (data / "U0101" / "kinect" / "color").symlink_to(away / "kinect" / "color")
    for user in ("U0103", "U0104"):
        annotate(data / user, "S0100")
        record(data / user, "S0100")
    annotation = data / "U0104" / "annotation" / "openpack-operations" / "S0100.csv"
    for path, target in ((data / "U0103/kinect/color/S0100.mp4", away / "kinect/color/S0100.mp4"), (annotation, away)):
        path.unlink()
        path.symlink_to(target)
    found = problems(data)
    assert set(found) == {f"U010{number}/S0100" for number in range(1, 5)}
    assert all("leads outside the data folder" in said for said in found.values())


def test_a_name_in_the_rows_cannot_lead_away(tmp_path):
    home = tmp_path / "alone"
    annotate(home, "S0100", user="../../etc")
    record(home, "S0100")
    assert problems(home) == {"../../etc/S0100": "'../../etc' is no plain name: use letters, digits, _ and -"}


def test_columns_in_another_order_and_hidden_files_do_no_harm(tmp_path):
    path = annotate(tmp_path / "U0101", "S0100")
    record(tmp_path / "U0101", "S0100")
    rows = [HEADER, *(line("U0101", "S0100", span) for span in SPANS)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(",".join(row.split(",")[::-1]) for row in rows).encode())
    for name in (path.with_name("._S0100.csv"), tmp_path / "U0101" / "kinect" / "color" / "._S0100.mp4"):
        name.write_bytes(b"\0\5\x16\7")  # what macOS leaves
    (tmp_path / ".cache" / "annotation" / "openpack-operations").mkdir(parents=True)
    assert problems(tmp_path) == {"U0101/S0100": ""}
