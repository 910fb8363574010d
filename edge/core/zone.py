"""A zone: a polygon in the picture, and whose feet stand in it."""

from dataclasses import dataclass

import numpy as np

from edge.core.geometry import Floats, Polygon, depth

_ON_EDGE_PX = 1e-6


@dataclass(frozen=True, slots=True)
class Zone:
    """An area that rules watch.

    name: unique within the camera.
    polygon: corners as fractions of the picture's width and height, origin top left.
    grace_s: exits up to this many seconds do not end a stay.
    """

    name: str
    polygon: Polygon
    grace_s: float = 2.0

    def depth_px(self, feet: Floats, frame_size: tuple[int, int]) -> Floats:
        """How deep inside the zone each footpoint lies: pixels, negative outside.

        feet: (n, 2) pixels. Feet below or beside the picture count as on its border, because a person cut off by the
        border still stands there. frame_size: width, height in pixels.
        """
        size = np.asarray(frame_size, np.float64)
        depths = depth(np.asarray(self.polygon, np.float64) * size, np.clip(feet, 0.0, size))
        # On the edge, where who is cut off by the border stands all the time, rounding must not say outside.
        depths[np.abs(depths) < _ON_EDGE_PX] = 0.0
        return depths


@dataclass(frozen=True, slots=True)
class Containment:
    """Whether one person is inside a zone, with hysteresis.

    The state changes only when the feet are `margin` body heights past the edge, so that a box that trembles on the
    edge does not toggle it; the change is dated back to the moment at which the feet crossed the edge.

    inside: the state.
    since_s: media seconds at which the state began.
    crossed_s: media seconds at which the feet crossed the edge without yet being past the margin, else None.
    seen_s, depth: of the last observation; depth in body heights, positive inside.
    """

    inside: bool
    since_s: float
    crossed_s: float | None
    seen_s: float
    depth: float

    @classmethod
    def first(cls, depth_heights: float, now_s: float) -> "Containment":
        """The state at the first sight of a person: the plain side of the edge."""
        return cls(depth_heights >= 0, now_s, None, now_s, depth_heights)

    def seen(self, depth_heights: float, now_s: float, margin: float) -> "Containment":
        """The state after one more observation at `now_s`."""
        across = (depth_heights < 0) if self.inside else (depth_heights >= 0)
        if not across:
            return Containment(self.inside, self.since_s, None, now_s, depth_heights)
        crossed_s = self.crossed_s if self.crossed_s is not None else self._crossing_s(depth_heights, now_s)
        if abs(depth_heights) < margin:
            return Containment(self.inside, self.since_s, crossed_s, now_s, depth_heights)
        return Containment(not self.inside, crossed_s, None, now_s, depth_heights)

    def _crossing_s(self, depth_heights: float, now_s: float) -> float:
        # Between two observations the feet are taken to move evenly: at 2 frames a second this halves the error.
        span = abs(self.depth) + abs(depth_heights)
        share = abs(self.depth) / span if span > 0 else 1.0
        return self.seen_s + share * (now_s - self.seen_s)
