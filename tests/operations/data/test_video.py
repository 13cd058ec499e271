"""Any part of a recording at any rate: which picture is shown when, and what is refused."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.pictures import Picture, decode_jpeg, encode_jpeg
from kinetrace.operations.data.video import Probe, decode, decode_at, pictures_at, probe
from tests.operations.data.filmed import film, frame_files, number_of, scenes

COUNT, FPS = 60, 15


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return film(tmp_path_factory.mktemp("video") / "recording.mp4", scenes(COUNT), bframes=3)


def numbers(frames):
    return [number_of(luma) for luma in frames.luma_THW]


def test_every_frame_comes_once_at_the_recorded_rate(recording, tmp_path):
    assert numbers(decode(recording, 0, COUNT / FPS, FPS)) == list(range(COUNT))
    rounded = film(tmp_path / "milliseconds.mkv", scenes(COUNT), bframes=3)  # its times are 0.067, 0.133, …
    assert numbers(decode(rounded, 0, COUNT / FPS, FPS)) == list(range(COUNT))


@settings(max_examples=80, deadline=None)
@given(start=st.floats(0, 3.4), seconds=st.floats(0.05, 0.6), fps=st.floats(2, 70))
def test_frame_i_is_the_last_one_shown_by_start_plus_i_over_fps(recording, start, seconds, fps):
    frames = decode(recording, start, start + seconds, fps)
    assert len(frames.times_T) == len(frames.shown) == round((start + seconds - start) * fps)
    np.testing.assert_allclose(frames.times_T, [start + i / fps for i in range(len(frames.shown))])
    for time, picture in zip(frames.times_T, frames.shown, strict=True):
        sharp, late = (int((time + slack) * FPS + 1e-6) for slack in (0.0, 0.0007))
        assert number_of(picture.luma_HW) in (sharp, late)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(1, 40), st.integers(0, 500))
def test_uneven_frames_are_held_until_the_next(tmp_path_factory, steps, fps, start):
    """In whole milliseconds, as the names of frames have them."""
    moments = np.cumsum([0, *steps])
    folder = tmp_path_factory.mktemp("uneven")
    frame_files(folder, scenes(len(moments)), moments / 1000)
    start = min(start, int(moments[-1]))
    frames = decode(folder, start / 1000, moments[-1] / 1000 + 0.1, fps)
    expected = [int(np.searchsorted(moments, time * 1000 + 0.7, side="right")) - 1 for time in frames.times_T]
    assert [round(picture.time * 1000) for picture in frames.shown] == [moments[i] for i in expected]


def test_times_may_be_given_one_by_one(recording):
    assert numbers(decode_at(recording, np.array([0.0, 0.0, 0.5, 2.05]))) == [0, 0, 7, 30]
    assert decode_at(recording, np.array([])).shown == ()


def test_before_the_first_frame_the_first_is_shown(recording):
    assert numbers(decode(recording, -0.3, 0.2, 10)) == [0, 0, 0, 0, 1]


def test_pictures_are_converted_and_squeezed_when_asked_for(recording):
    frames = decode(recording, 1.0, 2.0, 10)
    assert frames.luma_THW.shape == (10, 48, 64) and frames.luma_THW.dtype == np.uint8
    small = frames.picture(3, 28)
    assert small.shape == (28, 28, 3) and small.dtype == np.uint8
    red = frames.picture(0, 64)[20:24]  # the box is 8 of 64 columns wide
    assert ((red[..., 0] > 150) & (red[..., 1] < 90)).any()
    assert decode_jpeg(encode_jpeg(small, 90)).shape == small.shape


def test_a_long_recording_is_never_held_whole(recording):
    most = 0
    for number, _ in enumerate(pictures_at(recording, np.arange(COUNT) / FPS)):
        if number % 20 == 10:
            most = max(most, sum(type(thing) is Picture for thing in gc.get_objects()))
    assert most <= 8


def test_a_little_after_the_end_the_last_frame_is_held_and_later_is_refused(recording):
    assert numbers(decode(recording, 3.8, 4.4, 10)) == [57, 58, 59, 59, 59, 59]
    with pytest.raises(KinetraceError, match=r"recording\.mp4: ends at 4\.00 s, but a picture at 4\.60 s is asked for"):
        decode(recording, 3.8, 5.0, 10)
    with pytest.raises(KinetraceError, match="ends at"):
        decode(recording, 90.0, 95.0, 10)


def test_what_is_missing_is_a_mistake_of_the_user(tmp_path):
    for read in (probe, lambda path: decode(path, 0, 1, 10)):
        with pytest.raises(KinetraceError, match=r"none\.mp4 is missing: expected a video file, or a folder"):
            read(tmp_path / "none.mp4")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    whole = film(
        tmp_path_factory.mktemp("broken") / "whole.mp4", scenes(COUNT), bframes=0, container={"movflags": "faststart"}
    )
    cut = whole.with_name("cut.mp4")
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    return cut


def test_a_part_before_the_damage_is_read_and_one_after_it_is_refused(broken):
    good = probe(broken).broken_at
    assert 20 < good < 50
    last = (good - 1) / FPS
    assert numbers(decode(broken, last - 0.5, last + 1 / FPS, FPS))[-1] == good - 1
    for start in (last - 0.5, last + 0.2):
        with pytest.raises(KinetraceError, match=r"cut\.mp4 at \d\.\d+ s: .*; record it anew, or leave it out"):
            decode(broken, start, start + 1.0, FPS)


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(KinetraceError, match=r"text\.mp4: no video that can be opened: expected an mp4"):
        decode(tmp_path / "text.mp4", 0, 1, 10)
    (tmp_path / "folder").mkdir()
    with pytest.raises(KinetraceError, match=r"folder: no \.jpg file"):
        decode(tmp_path / "folder", 0, 1, 10)


def test_a_probe_of_a_whole_recording(recording):
    assert probe(recording) == Probe(4.0, 15.0, COUNT, 64, 48, None, None, "")
