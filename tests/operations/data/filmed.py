"""Small real recordings for tests: video files by PyAV, and folders of frames."""

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from kinetrace.operations.data.pictures import encode_jpeg

SHARED = Path(__file__).parents[4] / "shared" / "data"
CLOCK = Fraction(1, 1000)


def scenes(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """RGB pictures that tell their number: a bar per bit below a box that moves; the bottom quarter is grey noise."""
    pictures = []
    for number in range(count):
        picture = np.full((height, width, 3), (30, 60, 90), np.uint8)
        for bit in range(8):
            if number >> bit & 1:
                picture[: height // 4, bit * width // 8 : (bit + 1) * width // 8] = 235
        left = number * 3 % (width - 8)
        picture[height // 3 : height // 2, left : left + 8] = (200, 40, 40)
        rough = np.random.default_rng(number).integers(60, 200, (height // 4, width, 1), np.uint8)
        picture[-(height // 4) :] = rough
        pictures.append(picture)
    return pictures


def number_of(luma_HW: np.ndarray) -> int:
    """Which of the ``scenes`` a picture shows."""
    height, width = luma_HW.shape
    bars = luma_HW[: height // 4].reshape(height // 4, 8, width // 8).mean((0, 2))
    return sum(1 << bit for bit in range(8) if bars[bit] > 140)


def film(path: Path, pictures, times=None, fps=15, codec="libx264", form="yuv420p", container=None, **options):
    """Write ``pictures`` at ``times`` (multiples of a millisecond; else evenly at ``fps``); ``options`` of the codec.

    ``gop`` and ``bframes`` are the encoder's, ``metadata`` the container's.
    """
    gop, bframes, metadata = (options.pop(name, None) for name in ("gop", "bframes", "metadata"))
    with av.open(str(path), "w", options=container or {}) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=fps, options={name: str(value) for name, value in options.items()})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = form
        stream.gop_size = gop or 12
        if bframes is not None:
            stream.max_b_frames = bframes
        if times is not None:
            stream.time_base = stream.codec_context.time_base = CLOCK
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24" if picture.ndim == 3 else "gray16le")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] / CLOCK), CLOCK
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def frame_files(folder: Path, pictures, times, began="2022-03-29T14:25:11.030"):
    """Write ``pictures`` as OpenPack names them, in folders by the minute; the files' paths."""
    paths = []
    for picture, time in zip(pictures, times, strict=True):
        moment = datetime.fromisoformat(began) + timedelta(seconds=float(time))
        path = (
            folder / moment.strftime("%Y/%m/%d/%H/%M") / f"{moment:%Y%m%d_%H%M%S}_{moment.microsecond // 1000:03}.jpg"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(picture, 90))
        paths.append(path)
    return paths
