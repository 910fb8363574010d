"""Any decoder's picture becomes I420 of even size and limited range."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from edge.adapters.decoded_picture import i420


def picture(width, height, pixel_format):
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 90)], axis=2).astype(np.uint8)
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize("size", [(160, 96), (161, 97), (162, 98), (50, 30), (640, 360), (2, 2)])
def test_planes_are_copied_without_padding_and_cut_to_even(size):
    made = picture(*size, "yuv420p")
    stacked = i420(made)
    width, height = size[0] & ~1, size[1] & ~1
    assert stacked.shape == (height * 3 // 2, width)
    assert stacked.dtype == np.uint8
    luma = np.frombuffer(memoryview(made.planes[0]), np.uint8).reshape(size[1], -1)
    assert (stacked[:height] == luma[:height, :width]).all()
    chroma = stacked[height:].reshape(2, height // 2, width // 2)
    for plane, kept in zip(made.planes[1:], chroma, strict=True):
        source = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        assert (kept == source[: height // 2, : width // 2]).all()


@pytest.mark.parametrize("pixel_format", ["nv12", "yuv422p", "yuv444p", "yuv420p10le", "gray"])
def test_other_pixel_formats_show_the_same_picture(pixel_format):
    wanted = i420(picture(160, 96, "yuv420p")).astype(int)
    found = i420(picture(160, 96, pixel_format)).astype(int)
    rows = 96 if pixel_format == "gray" else 144
    if pixel_format == "gray":
        assert abs(found[:96].mean() - wanted[:96].mean()) < 20
    else:
        assert np.abs(found[:rows] - wanted[:rows]).mean() < 2.0


def test_full_range_becomes_limited_range():
    made = av.VideoFrame(64, 32, "yuvj420p")
    for plane, value in zip(made.planes, (255, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    assert i420(made)[:32].mean() == pytest.approx(235, abs=1)
    marked = av.VideoFrame(64, 32, "yuv420p")
    for plane, value in zip(marked.planes, (0, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    marked.color_range = ColorRange.JPEG
    assert i420(marked)[:32].mean() == pytest.approx(16, abs=1)
