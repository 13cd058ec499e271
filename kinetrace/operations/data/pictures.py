"""One recorded picture: its luma as the decoder has it, its colours when they are asked for; and pictures as JPEG."""

from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.reformatter import Interpolation

from kinetrace.errors import KinetraceError

START, END = b"\xff\xd8\xff", b"\xff\xd9"  # of a JPEG
AREA = Interpolation.AREA | Interpolation.FULL_CHR_H_INT  # half the columns of colour would darken the picture
EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT  # the same bytes on every processor


class Damaged(Exception):
    """The next picture cannot be decoded; ``time`` is when it was to be shown, None where that is unknown."""

    def __init__(self, reason: str, time: float | None = None) -> None:
        super().__init__(reason)
        self.time = time


@dataclass(frozen=True)
class Picture:
    """A decoded picture, shown from ``time`` for ``duration`` (0 where unknown), in seconds of its video."""

    time: float
    duration: float
    frame: av.VideoFrame

    @property
    def end(self) -> float:
        """When the next one is due."""
        return self.time + self.duration

    @property
    def luma_HW(self) -> np.ndarray:
        """uint8: the decoder's own Y plane, cut to its 8 highest bits; grey by conversion where there is none.

        A view of the decoder's memory where it can be, so not to be written to.
        """
        frame, bits = self.frame, self.frame.format.components[0].bits
        if not _has_luma_plane(frame.format):
            grey: np.ndarray = frame.reformat(format="gray", threads=1).to_ndarray()
            return grey
        rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(-1, frame.planes[0].line_size)
        if bits == 8:
            return rows[: frame.height, : frame.width]
        return (rows.view(np.uint16)[: frame.height, : frame.width] >> (bits - 8)).astype(np.uint8)

    def rgb(self, size: int | None = None) -> np.ndarray:
        """uint8 ``[H, W, 3]``, or squeezed to ``[size, size, 3]`` by area interpolation."""
        made = self.frame.reformat(size, size, "rgb24", interpolation=AREA | EXACT, threads=1)
        picture: np.ndarray = made.to_ndarray()
        return picture


def _has_luma_plane(form: VideoFormat) -> bool:
    """Whether plane 0 is luma alone, in the low bits of little-endian values (so not of p010 and its like)."""
    first, *others = form.components
    own = first.is_luma and all(other.plane for other in others)
    return own and first.bits >= 8 and not form.is_big_endian and not form.name.startswith("p")


def encode_jpeg(rgb: np.ndarray, quality: int) -> bytes:
    """A JPEG of uint8 ``[H, W, 3]``; ``quality`` from 0 to 100. The same picture gives the same bytes."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return content.tobytes()


def decode_jpeg(content: bytes, size: int | None = None) -> np.ndarray:
    """uint8 ``[H, W, 3]``, or squeezed to ``[size, size, 3]`` by area interpolation; EXIF orientation is ignored.

    Raises:
        KinetraceError: ``content`` is no JPEG, or is cut off.
    """
    whole = content.startswith(START) and content.rstrip(b"\0").endswith(END)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    rgb = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if whole else None
    if rgb is None:
        raise KinetraceError(f"{len(content)} bytes that begin with {content[:4]!r}: expected a whole JPEG picture")
    return rgb if size is None else cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
