import csv
from datetime import datetime, timedelta
from itertools import pairwise

import av
import pytest

from kinetrace import parallel
from kinetrace.operations.params import OperationsTwinParams
from kinetrace.twin import operations
from kinetrace.twin.packing.orders import OPERATIONS

SMALL = OperationsTwinParams(seed=7, subjects=3, sessions=1, minutes=0.25, fps=15, occlusions=2, broken=0.4)
COLUMNS = ["uuid", "user", "session", "box", "id", "operation", "start", "end", "actions"]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(folder, jobs=1, **changes):
    folder.mkdir()
    operations.write(folder, SMALL.model_copy(update=changes), jobs)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return written(tmp_path_factory.mktemp("twin") / "operations")


@pytest.fixture(scope="module")
def truth(small):
    return table(small / "truth.csv")


def annotations(folder):
    return {path.parts[-4:][0] + path.stem: path for path in sorted(folder.glob("*/annotation/*/*.csv"))}


def test_the_layout_is_openpacks(small):
    names = [name for name in files(small) if name != "truth.csv"]
    assert names == [
        *(f"U0101/annotation/openpack-operations/{session}.csv" for session in ("S0100", "S0150")),
        *(f"U0101/kinect/color/{session}.mp4" for session in ("S0100", "S0150")),
        "U0102/annotation/openpack-operations/S0100.csv",
        "U0102/kinect/color/S0100.mp4",
        "U0103/annotation/openpack-operations/S0100.csv",
        "U0103/kinect/color/S0100.mp4",
    ]


def test_counts_in_words(tmp_path):
    said = operations.write(tmp_path, SMALL.model_copy(update={"subjects": 1, "broken": 0.0, "minutes": 0.1}), 1)
    assert said == f"1 sessions, {len(table(tmp_path / 'truth.csv'))} operations, 1 subjects"


def test_annotations_are_as_published(small):
    for path in annotations(small).values():
        rows = table(path)
        assert list(rows[0]) == COLUMNS
        for row in rows:
            assert int(row["id"]) == OPERATIONS[row["operation"]]
            assert row["start"].startswith("2022-") and row["start"].endswith("000+09:00")
            assert row["uuid"].startswith("op:") and row["actions"].startswith("act:")
        assert all(before["end"] == after["start"] for before, after in pairwise(rows))
        assert rows[0]["box"] == "1"
    uuids = [row["uuid"] for path in annotations(small).values() for row in table(path)]
    assert len(uuids) == len(set(uuids))


def test_a_video_starts_when_its_container_says_and_covers_every_operation(small, truth):
    for user in ("U0101", "U0102", "U0103"):
        with av.open(str(small / user / "kinect/color/S0100.mp4")) as container:
            start = datetime.fromisoformat(container.metadata["creation_time"])
            seconds = container.duration / av.time_base
        known = [row for row in truth if (row["user"], row["session"]) == (user, "S0100")]
        for row, told in zip(table(small / user / operations.ANNOTATIONS / "S0100.csv"), known, strict=True):
            for end in ("start", "end"):
                since = datetime.fromisoformat(row[end]) - start
                assert abs(since - timedelta(seconds=float(told[end]))) < timedelta(milliseconds=1)
            assert row["operation"] == told["label"] and 0 < float(told["start"]) < float(told["end"]) < seconds


def test_a_broken_video_cannot_be_opened_and_belongs_to_a_session_of_its_own(small, truth):
    assert {(row["user"], row["session"]) for row in truth if row["defect"] == "truncated"} == {("U0101", "S0150")}
    with pytest.raises(av.error.InvalidDataError):
        av.open(str(small / "U0101/kinect/color/S0150.mp4"))
    sound = {(row["user"], row["session"]) for row in truth if not row["defect"]}
    assert sound == {(user, "S0100") for user in ("U0101", "U0102", "U0103")}


def test_nothing_is_broken_unless_asked():
    assert all(not take.defect for take in operations.takes(SMALL.model_copy(update={"broken": 0.0})))
    tiny = operations.takes(SMALL.model_copy(update={"broken": 0.01}))
    assert [take.defect for take in tiny] == ["", "", "", "truncated"]


def test_two_workers_and_one_write_the_same_bytes(small, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "TRIAL", 0)
    monkeypatch.setattr(parallel, "WORTH", 0)
    assert files(written(tmp_path / "again", jobs=2)) == files(small)


def test_more_sessions_leave_the_others_as_they_are(small, tmp_path):
    larger = files(written(tmp_path / "more", subjects=1, sessions=2))
    before = {name: content for name, content in files(small).items() if name.startswith("U0101/")}
    assert before.items() < larger.items()


def test_another_seed_gives_other_films(small, tmp_path):
    other = files(written(tmp_path / "other", seed=8, subjects=1, broken=0.0))
    assert not {name for name, content in other.items() if files(small).get(name) == content}
