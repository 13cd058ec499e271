"""Folders of frames: order and times by name, damage by file."""

import shutil
from datetime import datetime

import numpy as np
import pytest

from kinetrace.operations.data.frame_folder import FrameFolder
from kinetrace.operations.data.pictures import Damaged
from kinetrace.operations.data.video import decode, probe
from tests.operations.data.filmed import SHARED, frame_files, number_of, scenes

OPENPACK = SHARED / "openpack_u0209" / "kinect" / "color-masked" / "frames" / "S0500"
TIMES = [0.0, 0.066, 0.133, 0.2, 0.4, 0.467]  # two frames were not recorded after the fourth


@pytest.fixture
def folder(tmp_path):
    frame_files(tmp_path, scenes(6), TIMES)
    return tmp_path


def test_frames_come_in_the_order_of_their_times_and_last_until_the_next(folder):
    found = list(FrameFolder(folder).pictures())
    assert [picture.time for picture in found] == TIMES
    assert [number_of(picture.luma_HW) for picture in found] == [0, 1, 2, 3, 4, 5]
    assert [round(picture.duration, 3) for picture in found] == [0.066, 0.067, 0.067, 0.2, 0.067, 0.067]


def test_folders_within_folders_are_one_recording_over_midnight(tmp_path):
    frame_files(tmp_path, scenes(3), [0.0, 0.5, 1.0], began="2022-12-31T23:59:59.500")
    assert [number_of(picture.luma_HW) for picture in FrameFolder(tmp_path).pictures()] == [0, 1, 2]
    assert len({path.parent for _, path in FrameFolder(tmp_path).files}) == 2


def test_names_are_japanese_local_time(folder):
    assert FrameFolder(folder).started == datetime.fromisoformat("2022-03-29T14:25:11.030+09:00").timestamp()


def test_reading_begins_at_the_frame_that_is_shown_and_opens_no_other(folder):
    first = FrameFolder(folder).files[0][1]
    first.write_bytes(b"")
    assert [picture.time for picture in FrameFolder(folder).pictures(0.25)] == TIMES[3:]


def test_decoding_holds_a_frame_until_the_next_one(folder):
    frames = decode(folder, 0.1, 0.5, 10)
    assert [number_of(luma) for luma in frames.luma_THW] == [1, 3, 3, 4]


def test_a_probe_tells_rate_size_and_start(folder):
    found = probe(folder)
    assert (found.frames, found.width, found.height) == (6, 64, 48)
    assert found.fps == pytest.approx(5 / 0.467)
    assert found.duration == pytest.approx(0.534)
    assert (found.broken_at, found.reason) == (None, "")


def cut(content):
    return content[: len(content) // 2]


def overwritten(content):
    middle = len(content) // 2
    return content[:middle] + b"\xff\x00\xff\xda" * 20 + content[middle + 80 :]


@pytest.mark.parametrize("damage", [cut, overwritten, lambda content: b"", lambda content: b"no picture"])
@pytest.mark.parametrize("place", [0, 3, 5])
def test_a_damaged_file_breaks_the_recording_there(folder, damage, place):
    path = FrameFolder(folder).files[place][1]
    path.write_bytes(damage(path.read_bytes()))
    found = probe(folder)
    assert (found.broken_at, found.frames) == (place, place)
    assert path.name in found.reason


def test_a_frame_of_another_size_breaks_the_recording(folder):
    frame_files(folder, scenes(1, 96, 128), [0.6])
    assert probe(folder).reason == "the size changes from 64 × 48 to 128 × 96"
    assert probe(folder).broken_at == 6


def test_a_single_frame_has_neither_rate_nor_duration(tmp_path):
    frame_files(tmp_path, scenes(1), [0.0])
    found = probe(tmp_path)
    assert (found.frames, found.fps, found.duration, found.broken_at) == (1, 0.0, 0.0, None)


@pytest.mark.parametrize("name", ["frame_0001.jpg", "20221332_250000_000.jpg", "20220329_142511.jpg"])
def test_a_name_that_is_no_time_is_refused(folder, name):
    shutil.copy(FrameFolder(folder).files[0][1], folder / name)
    with pytest.raises(Damaged, match=name):
        _ = FrameFolder(folder).files
    assert (probe(folder).broken_at, probe(folder).frames) == (0, 0)


def test_a_folder_without_frames_is_broken_from_the_start(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    found = probe(tmp_path)
    assert (found.broken_at, found.reason) == (0, "no .jpg file in the folder or below")


@pytest.mark.skipif(not OPENPACK.is_dir(), reason=f"no {OPENPACK}")
def test_openpacks_own_frames():
    found = probe(OPENPACK)
    assert (found.frames, found.width, found.height, found.broken_at) == (15, 1280, 720, None)
    assert found.fps == pytest.approx(15, abs=0.1)
    assert found.started == datetime.fromisoformat("2022-03-29T14:25:11.030+09:00").timestamp()
    frames = decode(OPENPACK, 0.0, 0.9, 10)
    assert frames.luma_THW.shape == (9, 720, 1280)
    assert frames.picture(3, 224).shape == (224, 224, 3)
    assert np.abs(np.diff([picture.time for picture in frames.shown]) - 0.1).max() < 0.04
