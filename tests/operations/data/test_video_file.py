"""Video files: every container and codec gives the same pictures from anywhere; damage is found at its frame."""

from itertools import accumulate

import av
import numpy as np
import pytest

from kinetrace.operations.data.pictures import Damaged
from kinetrace.operations.data.video import decode, probe
from kinetrace.operations.data.video_file import VideoFile
from tests.operations.data.filmed import SHARED, film, number_of, scenes

COUNT = 60
FRONT = {"movflags": "faststart"}
KINDS = {
    "b-frames.mp4": {"bframes": 3},
    "open-gop.mp4": {"x264-params": "open-gop=1:bframes=3:keyint=12:scenecut=0"},
    "open-gop.mkv": {"x264-params": "open-gop=1:bframes=3:keyint=12:scenecut=0"},
    "intra-refresh.mp4": {"x264-params": "intra-refresh=1:keyint=20"},
    "live.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"codec": "libx265", "x265-params": "log-level=none:open-gop=1:keyint=12"},
    "vp9.webm": {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b.avi": {"codec": "mpeg4", "bframes": 2},
    "h264-b.avi": {"bframes": 2},
    "mjpeg.avi": {"codec": "mjpeg", "form": "yuvj420p"},
    "mpeg2.mpg": {"codec": "mpeg2video", "bframes": 2, "fps": 25},
    "broadcast.ts": {},
    "flash.flv": {},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return {name: film(folder / name, scenes(COUNT), **options) for name, options in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_whole(videos, name):
    found = probe(videos[name])
    rate = KINDS[name].get("fps", 15)
    assert (found.frames, found.width, found.height, found.broken_at) == (COUNT, 64, 48, None), found
    assert found.fps == pytest.approx(rate, rel=0.002)
    assert found.duration == pytest.approx(COUNT / rate, abs=0.07)
    assert [number_of(picture.luma_HW) for picture in VideoFile(videos[name]).pictures()] == list(range(COUNT))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_seeking_gives_the_same_pictures_as_decoding_from_the_beginning(videos, name, threads):
    whole = {picture.time: picture for picture in VideoFile(videos[name]).pictures()}
    for start in (0.03, 0.79, 0.81, 1.53, 2.0, 2.26):
        part = decode(videos[name], start, start + 0.15, 20, threads)
        for time, picture in zip(part.times_T, part.shown, strict=True):
            shown = max((known for known in whole if known <= time + 0.0007), default=min(whole))
            assert picture.time == shown
            np.testing.assert_array_equal(picture.luma_HW, whole[shown].luma_HW)
            np.testing.assert_array_equal(picture.rgb(28), whole[shown].rgb(28))


@pytest.mark.parametrize("name", ["b-frames.mp4", "open-gop.mkv"])
def test_seeking_reads_little(videos, name):
    first = next(iter(VideoFile(videos[name]).pictures(3.0)))
    assert 1.0 < first.time <= 3.0


def lost(path, damaged):
    """The index of the first picture, in the order of showing, for whose packet ``damaged(start, end)`` is true."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        avi = container.format.name == "avi"
    due = [packet.dts if avi else packet.pts for packet in packets]
    hit = [time for packet, time in zip(packets, due, strict=True) if damaged(packet.pos, packet.pos + packet.size)]
    return sorted(due).index(min(hit)) if hit else None


CUT = {
    "front.mp4": {"container": FRONT, "bframes": 3},
    "matroska.mkv": {"bframes": 3},
    "webm.webm": {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8},
    "mpeg4.avi": {"codec": "mpeg4"},
    "h264.avi": {"bframes": 2},
    "mjpeg.avi": {"codec": "mjpeg", "form": "yuvj420p"},
    "live.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
}


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_was_cut_off_breaks_at_the_first_lost_frame(tmp_path, name):
    whole = film(tmp_path / name, scenes(COUNT), **CUT[name])
    content, part = whole.read_bytes(), tmp_path / f"cut-{name}"
    for share in (0.3, 0.45, 0.6, 0.77, 0.9):
        size = int(len(content) * share)
        part.write_bytes(content[:size])
        found = probe(part)
        assert found.broken_at == found.frames == lost(whole, lambda start, end, size=size: end > size), share
        assert found.reason


def test_a_file_whose_index_is_lost_has_no_frame(tmp_path):
    whole = film(tmp_path / "whole.mp4", scenes(COUNT))  # its index stands at the end
    for share in (0.01, 0.5, 0.95):
        part = tmp_path / "cut.mp4"
        part.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        assert (probe(part).broken_at, probe(part).frames) == (0, 0)
        assert probe(part).reason


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", ["front.mp4", "mpeg4.avi"])
def test_an_overwritten_sector_breaks_it_there(tmp_path, name, share, capfd):
    whole = film(tmp_path / name, scenes(COUNT, 96, 128), **CUT[name] | {"bframes": 0})
    content, part = bytearray(whole.read_bytes()), tmp_path / f"over-{name}"
    start = int(len(content) * share)
    content[start : start + 4096] = np.random.default_rng(0).bytes(4096)
    part.write_bytes(content)
    true = lost(whole, lambda begin, end: begin < start + 4096 and end > start)
    assert 0 <= probe(part).broken_at - true <= 1  # what a packet's last bytes hold may not matter
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["mpeg4.avi", "mjpeg.avi"])
def test_damage_within_one_frame_breaks_it_there(tmp_path, name, seed):
    whole = film(tmp_path / name, scenes(40, 240, 320), **CUT[name])
    with av.open(str(whole)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][25]
    content, middle = bytearray(whole.read_bytes()), packet.pos + packet.size // 3
    content[middle : middle + 200] = np.random.default_rng(seed).bytes(200)
    whole.write_bytes(content)
    assert probe(whole).broken_at == 25


def test_frames_before_the_damage_are_all_read(tmp_path):
    whole = film(tmp_path / "whole.mp4", scenes(COUNT), container=FRONT, bframes=3)
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    good = [picture.luma_HW for picture in VideoFile(whole).pictures()]
    read = []
    with pytest.raises(Damaged) as raised:
        read.extend(picture.luma_HW for picture in VideoFile(tmp_path / "cut.mp4").pictures())
    pictures = VideoFile(tmp_path / "cut.mp4").pictures()
    for number in range(probe(tmp_path / "cut.mp4").frames):
        np.testing.assert_array_equal(next(pictures).luma_HW, good[number])
    assert raised.value.time == pytest.approx(probe(tmp_path / "cut.mp4").frames / 15, abs=0.3)


def sound_only(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def playlist(path):
    film(path.with_name("target.ts"), scenes(5))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ntarget.ts\n#EXT-X-ENDLIST\n")
    return path


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        (
            "text.mp4",
            lambda path: path.write_text("a shopping list, much too long to be a video\n" * 50),
            "expected an",
        ),
        ("empty.mp4", lambda path: path.write_bytes(b""), "expected an mp4"),
        ("noise.mkv", lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "expected an mp4"),
        ("sound.mp4", sound_only, "no video stream"),
        ("list.m3u8", playlist, "expected an mp4"),
        ("list.mp4", playlist, "expected an mp4"),
    ],
)
def test_what_is_no_video_is_broken_from_the_start_in_silence(tmp_path, name, make, reason, capfd):
    make(tmp_path / name)
    found = probe(tmp_path / name)
    assert (found.broken_at, found.frames, found.duration) == (0, 0, 0.0)
    assert reason in found.reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no {SHARED}")
def test_a_real_damaged_file_and_a_real_whole_one(capfd):
    broken = probe(SHARED / "videos" / "corrupted.mp4")
    assert (broken.broken_at, broken.fps, broken.reason) == (29, 10.0, "a picture is damaged")
    whole = probe(SHARED / "videos" / "flipping_a_pancake.mkv")
    assert (whole.frames, whole.fps, whole.duration, whole.broken_at) == (310, 30.0, 10.333, None)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no {SHARED}")
def test_a_phones_video_says_when_it_began():
    assert probe(SHARED / "sign_videos" / "yo_001.mp4").started == 1764797524.0


def test_the_creation_time_is_when_it_began(tmp_path):
    said = {"creation_time": "2022-03-29T05:25:11.030000Z"}
    path = film(tmp_path / "dated.mp4", scenes(3), metadata=said)
    assert probe(path).started == pytest.approx(1648531511, abs=1)  # mp4 keeps whole seconds
    assert probe(film(tmp_path / "dated.mkv", scenes(3), metadata=said)).started == 1648531511.03
    assert probe(film(tmp_path / "undated.mp4", scenes(3))).started is None
    unset = film(tmp_path / "unset.mkv", scenes(3), metadata={"creation_time": "1904-01-01T00:00:00.000000Z"})
    assert probe(unset).started is None


def test_one_frame_is_a_video(tmp_path):
    found = probe(film(tmp_path / "one.mp4", scenes(1)))
    assert (found.frames, found.broken_at) == (1, None)
    assert found.duration == pytest.approx(1 / 15, abs=0.001)
    assert found.fps == pytest.approx(15, rel=0.01)
    assert decode(tmp_path / "one.mp4", 0.0, 0.3, 10).luma_THW.shape == (3, 48, 64)


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    times = list(accumulate([0.033, 0.1, 0.25, 0.033, 0.5, 0.067], initial=0.0))
    for name in ("variable.mp4", "variable.mkv"):
        path = film(tmp_path / name, scenes(7), times)
        found = list(VideoFile(path).pictures())
        np.testing.assert_allclose([picture.time for picture in found], times, atol=0.0011)
        assert probe(path).broken_at is None
        assert probe(path).fps == pytest.approx(6 / times[-1], rel=0.01)


def test_a_video_of_16_bits_without_colour(tmp_path):
    deep = [np.full((50, 70), level, np.uint16) for level in (0, 0x8000, 0xFFFF)]
    path = film(tmp_path / "deep.mkv", deep, codec="ffv1", form="gray16le")
    found = decode(path, 0.0, 0.2, 15)
    assert found.luma_THW[:, 25, 35].tolist() == [0, 128, 255]
    assert found.picture(1, 28).shape == (28, 28, 3)


def test_odd_sizes_are_read_to_the_last_column(tmp_path):
    pictures = [np.full((53, 71, 3), 20, np.uint8) for _ in range(3)]
    for picture in pictures:
        picture[-1], picture[:, -1] = 240, 240
    path = film(tmp_path / "odd.mp4", pictures, form="yuv444p", crf=0)
    luma = decode(path, 0.0, 0.2, 10).luma_THW
    assert luma.shape == (2, 53, 71)
    assert luma[:, -1].min() > 200 and luma[:, :, -1].min() > 200 and luma[:, :-1, :-1].max() < 60


def test_rotation_in_the_metadata_is_ignored(tmp_path):
    path = film(tmp_path / "turned.mp4", scenes(3))
    content = path.read_bytes()
    track = content.index(b"tkhd")
    straight = b"".join(value.to_bytes(4, "big") for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    turned = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    )
    place = content.index(straight, track)
    path.write_bytes(content[:place] + turned + content[place + len(turned) :])
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation in (90, -90)
    assert (probe(path).width, probe(path).height) == (64, 48)
    assert number_of(decode(path, 0.0, 0.2, 15).luma_THW[2]) == 2


def test_video_that_begins_after_the_sound_keeps_its_place(tmp_path):
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as out:
        sound, sight = out.add_stream("aac", rate=16000), out.add_stream("libx264", rate=10)
        sight.width, sight.height, sight.pix_fmt = 64, 48, "yuv420p"
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 32000), np.float32), "fltp", "mono")
        quiet.sample_rate, quiet.pts = 16000, 0
        out.mux(sound.encode(quiet))
        for number, picture in enumerate(scenes(5)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number + 10
            out.mux(sight.encode(frame))
        for stream in (sight, sound):
            out.mux(stream.encode())
    assert [number_of(luma) for luma in decode(path, 0.8, 1.3, 10).luma_THW] == [0, 0, 0, 1, 2]
    assert probe(path).duration == pytest.approx(1.5, abs=0.03)
