"""Pictures: luma as it was decoded, colours when asked for, JPEG there and back."""

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.data.pictures import Picture, decode_jpeg, encode_jpeg
from tests.operations.data.filmed import scenes


def picture(frame):
    return Picture(0.0, 0.1, frame)


def smooth(height, width):
    """RGB that changes slowly, so that colour at half the size loses little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], -1).astype(np.uint8)


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "nv12", "yuv444p", "yuva420p", "gray"])
@pytest.mark.parametrize("size", [(48, 64), (47, 101)])
def test_luma_is_the_decoders_own_plane(form, size):
    if form in ("yuv420p", "yuvj420p", "nv12", "yuva420p") and size[0] % 2:
        size = (46, 102)  # these formats halve both sides
    y = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    frame = av.VideoFrame(size[1], size[0], form)
    stride = frame.planes[0].line_size
    rows = np.full((frame.planes[0].buffer_size // stride, stride), 7, np.uint8)
    rows[: size[0], : size[1]] = y
    frame.planes[0].update(rows.tobytes())
    np.testing.assert_array_equal(picture(frame).luma_HW, y)


@pytest.mark.parametrize(("form", "bits"), [("gray16le", 16), ("yuv420p10le", 10), ("yuv422p12le", 12)])
def test_luma_of_more_bits_is_its_8_highest(form, bits):
    values = np.random.default_rng(0).integers(0, 1 << bits, (48, 64), np.uint16)
    frame = av.VideoFrame(64, 48, form)
    rows = np.zeros(
        (frame.planes[0].buffer_size // frame.planes[0].line_size, frame.planes[0].line_size // 2), np.uint16
    )
    rows[:48, :64] = values
    frame.planes[0].update(rows.tobytes())
    np.testing.assert_array_equal(picture(frame).luma_HW, (values >> (bits - 8)).astype(np.uint8))


@pytest.mark.parametrize("form", ["rgb24", "bgr24", "gbrp", "yuyv422", "p010le", "yuv420p10be", "pal8"])
def test_a_format_without_a_luma_plane_is_converted_to_grey(form):
    source = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (255, 255, 255), np.uint8), "rgb24")
    frame = source if form == "rgb24" else source.reformat(format=form) if form != "pal8" else palette(255)
    luma = picture(frame).luma_HW
    assert luma.shape == (48, 64) and luma.dtype == np.uint8
    assert luma.min() >= 230  # white, in either range


def palette(level):
    frame = av.VideoFrame(64, 48, "pal8")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.planes[1].update(bytes([level] * 3 + [255]) * 256)
    return frame


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p", "nv12", "rgb24", "yuv420p10le"])
def test_colours_come_back(form):
    rgb = smooth(96, 128)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=form)
    assert np.abs(picture(frame).rgb().astype(int) - rgb).max() <= 8


@pytest.mark.parametrize("size", [(96, 128), (96, 130), (240, 426)])
def test_a_picture_is_squeezed_by_area(size):
    rgb = smooth(*size)
    rgb[:, : size[1] // 2 : 2] //= 2  # stripes that taking every other pixel would keep
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
    small = picture(frame).rgb(56)
    assert small.shape == (56, 56, 3)
    expected = cv2.resize(rgb, (56, 56), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(small - expected).mean() < 2
    assert abs((small - expected).mean()) < 0.3  # neither lighter nor darker
    np.testing.assert_array_equal(picture(frame).rgb(56), small)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(80, 100))
def test_jpeg_keeps_the_size_and_nearly_the_colours(height, width, quality):
    rgb = smooth(height, width)
    content = encode_jpeg(rgb, quality)
    assert content == encode_jpeg(rgb.copy(), quality)
    back = decode_jpeg(content)
    assert back.shape == rgb.shape and back.dtype == np.uint8
    assert min(height, width) < 16 or np.abs(back.astype(int) - rgb).mean() < 4  # colour is kept at half the size
    np.testing.assert_array_equal(decode_jpeg(content), back)


def test_red_stays_red():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 250
    assert decode_jpeg(encode_jpeg(red, 95))[8, 8].tolist()[0] > 240
    assert decode_jpeg(encode_jpeg(red, 95))[8, 8].tolist()[2] < 10


def test_a_jpeg_is_squeezed_by_area():
    rgb = scenes(1, 96, 128)[0]
    content = encode_jpeg(rgb, 95)
    small = decode_jpeg(content, 28)
    assert small.shape == (28, 28, 3)
    np.testing.assert_array_equal(small, cv2.resize(decode_jpeg(content), (28, 28), interpolation=cv2.INTER_AREA))


JPEG = encode_jpeg(smooth(32, 32), 90)
PNG = cv2.imencode(".png", smooth(32, 32))[1].tobytes()


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"hello", PNG, JPEG[:-40], JPEG[:20], b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\x00\xff\xd9"]
)
def test_what_is_no_whole_jpeg_is_refused(content):
    with pytest.raises(KinetraceError, match="expected a whole JPEG picture"):
        decode_jpeg(content)
