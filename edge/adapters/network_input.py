"""Stop 6 of the house, first half: pieces of frames, scaled and coloured, into the float input of a network."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame
from models.registry import ModelEntry

PAD = 114  # the grey around the picture, as all four families were trained with
Piece = tuple[int, int, int, int]
Pixels = NDArray[np.uint8]


class NetworkInput:
    """The input of a network and what is needed to fill it, all made once. For one thread."""

    def __init__(self, entry: ModelEntry, tensor: NDArray[np.float32]) -> None:
        """tensor: (1, 3, height, width) of the entry, which is filled from now on."""
        mean, std = (np.array(triple, np.float32)[:, None, None] for triple in (entry.mean, entry.std))
        self._scale = 1.0 / std
        self._offset = -mean / std if mean.any() else None
        self._colour = cv2.COLOR_YUV2RGB_I420 if entry.colour == "rgb" else cv2.COLOR_YUV2BGR_I420
        self._grey = (PAD - mean) / std
        size_px = entry.width * entry.height
        self._small, self._coloured, self._planes = (
            np.empty(count, np.uint8) for count in (size_px * 3 // 2, size_px * 3, size_px * 3)
        )
        self._filled: list[Piece] = []
        self._tensor = tensor
        tensor[0] = self._grey

    def clear(self, but: Piece | None = None) -> None:
        """Makes all that was laid in grey again. but: a place that is filled again at once."""
        for piece in self._filled:
            if piece != but:
                left, top, right, bottom = piece
                self._tensor[0, :, top:bottom, left:right] = self._grey
        self._filled.clear()

    def lay_in(self, frame: Frame, source: Piece, target: Piece) -> None:
        """Scales a piece of the frame's planes, then turns the small picture's colours: no full-size colour copy.

        source: left, top, right, bottom in frame pixels, all even. target: the same in pixels of the input, width and
        height even.
        """
        left, top, right, bottom = target
        width, height = right - left, bottom - top
        area = width * height
        small = self._small[: area * 3 // 2].reshape(height * 3 // 2, width)
        _scale_planes(frame, source, small)
        coloured = self._coloured[: area * 3].reshape(height, width, 3)
        planes = self._planes[: area * 3].reshape(3, height, width)
        cv2.split(cv2.cvtColor(small, self._colour, dst=coloured), list(planes))
        place = self._tensor[0, :, top:bottom, left:right]
        np.multiply(planes, self._scale, out=place)
        if self._offset is not None:
            np.add(place, self._offset, out=place)
        self._filled.append(target)


def _scale_planes(frame: Frame, source: Piece, small: Pixels) -> None:
    """The piece of the frame as I420 into `small`, (height * 3 // 2, width)."""
    width, height = small.shape[1], small.shape[0] * 2 // 3
    chroma = small[height:].reshape(2, height // 2, width // 2)
    left, top, right, bottom = source
    y, u, v = frame.planes()
    _scale(y[top:bottom, left:right], small[:height])
    half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    _scale(u[half], chroma[0])
    _scale(v[half], chroma[1])


def _scale(plane: Pixels, target: Pixels) -> None:
    """Halves as often as it goes, then interpolates: every pixel counts, or thin legs and far people would flicker.

    OpenCV averages areas only by halves quickly: 1280x720 to 416x234 in one go takes 20 times as long.
    """
    height, width = target.shape
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height:
        size = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)
    cv2.resize(plane, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
