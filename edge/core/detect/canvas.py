"""Pieces of several frames side by side in one network input, and the exact way back. Pure.

As in MOSAIC (Gokarn et al., ACM MMSys 2023): what costs is the input, not the picture in it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.detect.letterbox import Letterbox
from edge.core.detect.region import Region

GAP_PX = 8  # grey between two pieces; the same that lies around a letterboxed frame
_GRID_PX = 8  # pieces begin on the network's finest grid, as a whole frame does
_CUT_PX = 2.0  # a box that ends so near to the edge of its piece goes on beyond it


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a frame as it lies on a canvas.

    source: left, top, right, bottom in frame pixels, all even. frame_size: width, height in pixels.
    x, y, width, height: where it lies, canvas pixels; width and height are even, for the chroma planes.
    """

    source: tuple[int, int, int, int]
    frame_size: tuple[int, int]
    x: int
    y: int
    width: int
    height: int

    def to_canvas(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in frame pixels -> canvas pixels."""
        scale, origin = self._scales()
        boxes: NDArray[np.float32] = ((xyxy - np.array(self.source[:2] * 2)) * scale + origin).astype(np.float32)
        return boxes

    def to_frame(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in canvas pixels -> frame pixels, cut off at the borders of the piece."""
        scale, origin = self._scales()
        left, top, right, bottom = self.source
        boxes: NDArray[np.float64] = (xyxy - origin) / scale + np.array([left, top, left, top])
        boxes = np.clip(boxes, [left, top, left, top], [right, bottom, right, bottom])
        return boxes.astype(np.float32)

    def is_cut(self, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n, 4) boxes in canvas pixels -> (n,) whether it ends at an edge of the piece that is none of the frame's."""
        inner = np.array(self.source) != np.array([0, 0, *self.frame_size])
        far = np.array([self.x + self.width, self.y + self.height])
        near_edge = np.concatenate([xyxy[:, :2] <= (self.x, self.y), xyxy[:, 2:] >= far], axis=1)
        near_edge |= np.abs(xyxy - np.array([self.x, self.y, *far])) <= _CUT_PX
        return np.asarray((near_edge & inner).any(axis=1), np.bool_)

    def holds(self, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n, 4) boxes in canvas pixels -> (n,) whether their middle lies on the piece."""
        middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2 - (self.x, self.y)
        return np.asarray(((middle >= 0) & (middle < (self.width, self.height))).all(axis=1), np.bool_)

    def _scales(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left, top, right, bottom = self.source
        scale = np.array([self.width / (right - left), self.height / (bottom - top)] * 2)
        return scale, np.array([self.x, self.y] * 2, np.float64)


@dataclass(slots=True)
class Canvas:
    """A network input of `width` x `height` pixels that fills up from the top, piece by piece.

    The skyline rule of Burke, Kendall and Whitwell ('A new placement heuristic for the orthogonal stock-cutting
    problem', 2004): a piece goes where its top is highest, then leftmost.
    """

    width: int
    height: int
    filled_px: int = 0
    _skyline: list[tuple[int, int, int]] = field(default_factory=list)  # x, y, width of each step, from the left

    def clear(self) -> None:
        """Takes all pieces away."""
        self.filled_px = 0
        self._skyline = []

    @property
    def fill(self) -> float:
        """Share of the canvas that shows picture, 0..1."""
        return self.filled_px / (self.width * self.height)

    def place(self, region: Region, frame_size: tuple[int, int]) -> Tile | None:
        """Where `region` of a frame of that size lies now; None where no room is left."""
        source, width, height = _measured(region, frame_size, (self.width, self.height))
        place = self._lay(width, height)
        if place is None:
            return None
        self.filled_px += width * height
        return Tile(source, frame_size, *place, width, height)

    def _lay(self, width: int, height: int) -> tuple[int, int] | None:
        apart_width, apart_height = (-(-(side + GAP_PX) // _GRID_PX) * _GRID_PX for side in (width, height))
        steps = self._skyline or [(0, 0, self.width + apart_width)]
        best: tuple[int, int] | None = None
        for index, (x, _, _) in enumerate(steps):
            if x + width > self.width:
                break
            y = _rest(steps, index, x + apart_width)
            if y + height <= self.height and (best is None or y < best[0]):
                best = (y, x)
        if best is None:
            return None
        y, x = best
        self._skyline = _raised(steps, x, x + apart_width, y + apart_height)
        return x, y


def _rest(steps: list[tuple[int, int, int]], first: int, right: int) -> int:
    """How low something lies that begins on step `first` and ends at `right`."""
    low = 0
    for x, y, _ in steps[first:]:
        if x >= right:
            break
        low = max(low, y)
    return low


def _raised(steps: list[tuple[int, int, int]], left: int, right: int, y: int) -> list[tuple[int, int, int]]:
    """The skyline with its part from `left` to `right` brought to `y`."""
    kept = [(x, low, min(width, left - x)) for x, low, width in steps if x < left]
    behind = [(max(x, right), low, x + width - max(x, right)) for x, low, width in steps if x + width > right]
    return [*kept, (left, y, right - left), *behind]


def _measured(
    region: Region, frame_size: tuple[int, int], canvas_size: tuple[int, int]
) -> tuple[tuple[int, int, int, int], int, int]:
    """Even source pixels of a region inside its frame, and the even width and height that it takes on the canvas."""
    source = even_source(region.xyxy, frame_size)
    size = (source[2] - source[0], source[3] - source[1])
    whole = Letterbox.fit(size, canvas_size)
    if region.scale >= whole.width / size[0]:
        return source, whole.width, whole.height
    width, height = (max(2, round(side * region.scale / 2) * 2) for side in size)
    return source, min(width, whole.width), min(height, whole.height)


def even_source(xyxy: tuple[float, float, float, float], frame_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The smallest piece with even edges around a box, inside a frame of even size; at least 2 x 2 pixels."""
    edges: list[int] = []
    for low, high, limit in zip(xyxy[:2], xyxy[2:], frame_size, strict=True):
        first = min(max(0, int(low // 2) * 2), limit - 2)
        edges += [first, max(first + 2, min(limit, int(-(-high // 2)) * 2))]
    return edges[0], edges[2], edges[1], edges[3]
