from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.clock import local, sidecars, started
from tests.operations.data.packed import BEGAN, frames, record

REAL = Path(__file__).parents[4] / "shared" / "data" / "openpack_u0209"


def film(path: Path, created: str | None) -> Path:
    """A real video of three pictures; ``created`` goes into its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        if created:
            container.metadata["creation_time"] = created
        stream = container.add_stream("libx264", rate=Fraction(15))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_table_beside_the_video_goes_first(tmp_path):
    video = record(tmp_path / "U0101", "S0100", began=12.5)
    assert sidecars(video) == [video.with_suffix(".csv")]
    assert started(tmp_path, video) == BEGAN.timestamp() + 12.5


def test_the_containers_creation_time_goes_next(tmp_path):
    video = film(tmp_path / "S0100.mp4", "2022-03-29T05:25:11.000000Z")
    assert started(tmp_path, video) == BEGAN.timestamp() + 11
    assert local(started(tmp_path, video)) == "2022-03-29 14:25:11.000+09:00"


@pytest.mark.parametrize("created", [None, "1970-01-01T00:00:00Z"])
def test_a_video_that_does_not_say_when_it_began_says_what_to_give(tmp_path, created):
    with pytest.raises(KinetraceError, match=r"nothing says when it began: give .*S0100\.csv with the column unixtime"):
        started(tmp_path, film(tmp_path / "S0100.mp4", created))


def test_frames_are_named_by_local_time(tmp_path):
    assert started(tmp_path, frames(tmp_path, "S0100", [61.5, 2.25, 3.0])) == BEGAN.timestamp() + 2.25
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    assert started(REAL, REAL / "kinect/color-masked/frames/S0500") == 1648531511.030


def test_a_table_beside_the_folder_of_frames_goes_first(tmp_path):
    root = frames(tmp_path, "S0100", [2.0])
    first = round(BEGAN.timestamp() * 1000) + 500
    root.parent.with_name("S0100.csv").write_text(f"unixtime\n{first}\n")
    assert started(tmp_path, root) == BEGAN.timestamp() + 0.5
    (root.parent / "S0100.csv").write_text(f"frame,unixtime\n0,{first + 1000}\n")
    assert started(tmp_path, root) == BEGAN.timestamp() + 1.5


def test_frames_without_a_time_for_a_name_are_named(tmp_path):
    root = tmp_path / "frames" / "S0100"
    root.mkdir(parents=True)
    with pytest.raises(KinetraceError, match=r"broken at frame 0: no \.jpg file"):
        started(tmp_path, root)
    (root / "000001.jpg").write_bytes(b"")
    with pytest.raises(KinetraceError, match=r"broken at frame 0: 000001\.jpg has no time for a name"):
        started(tmp_path, root)


def test_what_is_no_video_is_broken_at_its_first_frame(tmp_path):
    with pytest.raises(KinetraceError, match=r"S0100\.mp4 is broken at frame 0: no video that can be opened"):
        started(tmp_path, record(tmp_path, "S0100", began=None))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("unixtime\n1648531511\n", "line 2: unixtime is '1648531511', expected milliseconds since 1970"),
        ("unixtime\n1648531511030.5\n", "line 2: unixtime is '1648531511030.5'"),
        ("unixtime\nnow\n", "line 2: unixtime is 'now'"),
        ("unixtime\n" + "9" * 4000 + "\n", "line 2: unixtime is '9"),
        ("unixtime\n", "has no rows"),
        ("time\n1\n", "the column unixtime is missing"),
    ],
)
def test_a_wrong_table_is_named_and_not_passed_over(tmp_path, content, said):
    video = record(tmp_path, "S0100")
    video.with_suffix(".csv").write_text(content)
    with pytest.raises(KinetraceError, match=said):
        started(tmp_path, video)


def test_a_table_outside_the_data_is_not_read(tmp_path):
    data = tmp_path / "data"
    video = record(data, "S0100")
    beside = video.with_suffix(".csv")
    beside.rename(tmp_path / "secret.csv")
    beside.symlink_to(tmp_path / "secret.csv")
    with pytest.raises(KinetraceError, match="leads outside the data folder"):
        started(data, video)
