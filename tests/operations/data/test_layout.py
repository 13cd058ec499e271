from pathlib import Path

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations.data import layout
from tests.operations.data.packed import dataset, record
from tests.operations.data.test_table import place, write


def test_openpacks_layout_is_known_by_its_users(tmp_path):
    assert [item.user for item in layout.find(dataset(tmp_path))] == ["U0101", "U0108", "U0203"]


def test_videos_of_users_without_any_annotation_are_told(tmp_path):
    record(tmp_path / "U0101", "S0100")
    assert [item.absent for item in layout.find(tmp_path)] == [
        "no annotation: expected annotation/openpack-operations/S0100.csv"
    ]


def test_a_folder_of_videos_is_known_by_its_table(tmp_path):
    place(tmp_path, "a.mp4")
    with pytest.raises(KinetraceError, match="holds no recordings"):
        layout.find(tmp_path)
    write(tmp_path, "start,end,label", "0,5,cut", name="a.csv")
    assert layout.find(tmp_path)[0].recording is not None
    write(tmp_path, "start,end,label", "0,6,cut")
    (found,) = layout.find(tmp_path)
    assert found.recording is not None and found.recording.segments[0].end == 6


def test_both_at_once_are_refused(tmp_path):
    write(dataset(tmp_path), "start,end,label", "0,6,cut")
    with pytest.raises(KinetraceError, match=r"holds operations\.csv and U0101, a user of OpenPack: keep one"):
        layout.find(tmp_path)


def test_another_folder_is_told_what_was_looked_for(tmp_path):
    with pytest.raises(KinetraceError) as error:
        layout.find(tmp_path)
    for expected in ("openpack-operations/<session>.csv", "kinect/color/<session>.mp4", "operations.csv"):
        assert expected in str(error.value)
    with pytest.raises(KinetraceError, match="there is no folder nowhere"):
        layout.find(Path("nowhere"))
