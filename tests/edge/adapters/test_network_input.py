"""Pieces of frames in the input of a network: where they lie, what they look like, and that they can be taken out."""

import cv2
import numpy as np
import pytest

from edge.adapters.network_input import NetworkInput
from edge.core.frame import Frame
from models.registry import Registry

WIDTH, HEIGHT = 640, 480
GREY = 114


@pytest.fixture
def entry(tmp_path):
    return Registry(tmp_path).find("default")[0]


@pytest.fixture
def frame() -> Frame:
    """Smooth and of one tint, so that ways to scale differ little, and half-size chroma does not count."""
    noise = np.random.default_rng(3).integers(60, 180, (12, 16), np.uint8)
    smooth = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    rgb = np.stack([smooth + 30, smooth, smooth - 20], axis=2)
    return Frame("a", 0, 0.0, 0.0, np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8))


def plain(entry, frame: Frame, source, size) -> np.ndarray:
    """The same the long way round: the whole frame in colour, cut, averaged, in floating point."""
    code = cv2.COLOR_YUV2RGB_I420 if entry.colour == "rgb" else cv2.COLOR_YUV2BGR_I420
    left, top, right, bottom = source
    picture = cv2.cvtColor(frame.i420, code)[top:bottom, left:right].astype(np.float32)
    how = cv2.INTER_AREA if right - left >= size[0] else cv2.INTER_LINEAR
    scaled = cv2.resize(picture, size, interpolation=how)
    return ((scaled - np.array(entry.mean)) / np.array(entry.std)).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((0, 0, 640, 480), (0, 0, 160, 120)),  # by halves alone
        ((0, 0, 640, 480), (8, 16, 206, 164)),  # a half and the rest
        ((100, 60, 314, 274), (40, 8, 92, 60)),  # halves that are odd
        ((200, 100, 320, 220), (0, 0, 120, 120)),  # as it is
        ((200, 100, 264, 164), (0, 0, 128, 128)),  # enlarged
    ],
)
@pytest.mark.parametrize(("mean", "std"), [((0.0,) * 3, (255.0,) * 3), ((103.5, 116.3, 123.7), (57.4, 57.1, 58.4))])
def test_a_piece_looks_as_it_would_the_long_way_round(entry, frame, source, target, mean, std):
    entry = entry.model_copy(update={"mean": mean, "std": std})
    tensor = np.empty((1, 3, entry.height, entry.width), np.float32)
    NetworkInput(entry, tensor).lay_in(frame, source, target)
    left, top, right, bottom = target
    found = tensor[0, :, top:bottom, left:right]
    off = np.abs(found - plain(entry, frame, source, (right - left, bottom - top))) * np.array(entry.std)[:, None, None]
    assert off.mean() < 0.7  # of 255; half a pixel to the side it would be more than 1
    assert off.max() < 6


def test_around_a_piece_and_where_it_was_the_input_is_grey(entry, frame):
    tensor = np.empty((1, 3, entry.height, entry.width), np.float32)
    grey = ((GREY - np.array(entry.mean)) / np.array(entry.std)).astype(np.float32)[:, None, None]
    laid = NetworkInput(entry, tensor)
    assert (tensor[0] == grey).all()
    laid.lay_in(frame, (0, 0, 640, 480), (16, 24, 176, 144))
    laid.lay_in(frame, (0, 0, 64, 64), (200, 24, 232, 56))
    outside = np.ones(tensor.shape[2:], bool)
    outside[24:144, 16:176] = outside[24:56, 200:232] = False
    assert (tensor[0][:, outside] == grey[..., 0]).all()
    assert not (tensor[0][:, ~outside] == grey[..., 0]).all()
    laid.clear()
    assert (tensor[0] == grey).all()
