"""Whether one zone or line of a camera can be seen: too dark for its rules, or something stands before it."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.core.geometry import Polygon, contains, segment_distance
from edge.core.integrity.latch import Latch
from edge.core.integrity.picture import HEIGHT, WIDTH, Outlines, Plane
from edge.core.integrity.reference import View

PlaceFault = Literal["zone_too_dark", "zone_hidden"]
_BESIDE_LINE_PX = 6.0  # of the small picture: where people are who cross it
_STAYS_S = 20.0  # what moves about in front leaves no outline behind
_DARK_LEVEL, _LIT_LEVEL = 34.0, 42.0  # of the brightest tenth there; black is 16
_GONE, _BACK = 0.15, 0.4  # share of the steady outlines


def mask_of(points: Polygon) -> NDArray[np.bool_]:
    """(90, 160): the pixels of the small picture in a zone or, of two points, beside a line. points: fractions."""
    corners = np.asarray(points, np.float64) * (WIDTH, HEIGHT)
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    pixels = np.stack([across.ravel(), down.ravel()], axis=1)
    if len(corners) == 2:
        inside = segment_distance(corners[:1], corners[1:], pixels)[:, 0] < _BESIDE_LINE_PX
    else:
        inside = contains(corners, pixels)
    return np.asarray(inside.reshape(HEIGHT, WIDTH))


class PlaceSight:
    """One zone's or line's."""

    def __init__(self, points: Polygon) -> None:
        """points: corners as fractions; two are a line."""
        self._mask = mask_of(points)
        self._dark, self._hidden = Latch(), Latch()

    @property
    def fault(self) -> PlaceFault | None:
        """What keeps its rules from seeing."""
        return "zone_too_dark" if self._dark.told else "zone_hidden" if self._hidden.told else None

    @property
    def began_s(self) -> float:
        """Media seconds since which that fault is there."""
        return self._dark.began_s if self._dark.told else self._hidden.began_s

    @property
    def maybe_hidden(self) -> bool:
        """Whether something may stand before it: not to be learnt."""
        return self._hidden.charge > 0

    def update(self, luma: Plane, staying: Outlines, views: tuple[View, ...], media_s: float) -> None:
        """luma, staying: of the small picture and the outlines that stay in it. views: as it should look."""
        if not self._mask.any():
            return
        level = float(np.percentile(luma[self._mask], 90))
        self._dark.update(1 / 60 if level < _DARK_LEVEL else -1 / 8 if level > _LIT_LEVEL else 0.0, media_s)
        self._hidden.update(self._push_hidden(staying, views), media_s)

    def _push_hidden(self, staying: Outlines, views: tuple[View, ...]) -> float:
        present = max((view.present(staying, self._mask) for view in views), default=1.0)
        usual = min((float(np.abs(view.outlines[self._mask]).mean()) for view in views), default=1.0)
        stands = float(np.abs(staying[self._mask]).mean()) > 0.5 * usual  # bare ground after a shadow has gone is free
        return 1 / 60 if present < _GONE and stands else -1 / 8 if present > _BACK or not stands else 0.0


class Staying:
    """The outlines of what stays where it is."""

    def __init__(self) -> None:
        self.outlines: Outlines = np.zeros((HEIGHT, WIDTH), np.complex64)
        self._begun = False

    def update(self, seen: Outlines, step_s: float) -> Outlines:
        """Takes in a picture's outlines, `step_s` after the one before."""
        share = np.float32(1.0 - np.exp(-step_s / _STAYS_S)) if self._begun else np.float32(1.0)
        self._begun = True
        self.outlines = np.asarray(self.outlines + share * (seen - self.outlines), np.complex64)
        return self.outlines
