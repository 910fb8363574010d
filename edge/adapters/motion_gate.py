"""Stop 4 of the house: where something moves, from the luma plane alone. In the thread that decodes.

It only says where else to look: what it misses is seen at the next look at the whole frame, what it takes for a
movement costs processor time. A pixel has moved where it differs from both of two earlier frames: against one alone,
the place that somebody has just left would count as well. It works on what is left of the picture without its slow
shades, so clouds and exposure change little; what flickers all the time (leaves, a dark sensor's noise) raises its
own bar, and rain that of the whole picture.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.motion import Motion

Plane = NDArray[np.float32]

ROWS = 36  # of the grid
_PIXELS = 4  # of the small picture to a cell's side
_NEAR_S, _FAR_S = 0.3, 1.0  # how old the two frames are that a new one is compared with, at least
_TWICE_S = 0.7  # frames closer than this show who walks twice at one place
_PAUSE_S = 3.0  # after so long without a frame all is new
_SHADE_CELLS = 5  # shades wider than this are taken out
_LEAST_CHANGE, _MOST_BAR = 4.0, 28.0  # levels of 0..255: a change, and how high a flicker may raise the bar
_WEATHER_BAR, _BAR_OF_WEATHER = 7.0, 4.0  # what rain raises the bar to, at most
_HABIT_S = 20.0  # how long a flicker is remembered
_BAR_OF_HABIT = 3.0
_LEAST_PIXELS = 0.16  # share of a cell
_LIGHT_LEVELS = 14.0  # a step of the whole picture's middle brightness
_LIGHT_SHARE = 0.5  # of all cells at once


class MotionGate:
    """One camera's."""

    def __init__(self) -> None:
        self._size: tuple[int, int] = (0, 0)
        self._kept: deque[tuple[float, Plane]] = deque()
        self._habit: Plane = np.zeros((0, 0), np.float32)
        self._raw = np.zeros((0, 0), np.bool_)
        self._middle = 0.0
        self.vain: NDArray[np.bool_] | None = None  # (rows, columns) that are left out; set by any thread

    def update(self, luma: NDArray[np.uint8], media_s: float) -> Motion:
        """What moved in the frame at `media_s`. luma: its Y plane, (height, width)."""
        height, width = luma.shape
        columns = max(1, round(ROWS * width / height))
        small = _shrunk(luma, (columns * _PIXELS, ROWS * _PIXELS))
        coarse = cv2.resize(small, (columns, ROWS), interpolation=cv2.INTER_AREA)
        middle = float(np.median(coarse))
        shade = cv2.resize(cv2.blur(coarse, (_SHADE_CELLS, _SHADE_CELLS)), small.shape[::-1])
        detail = np.asarray(cv2.subtract(cv2.blur(small, (3, 3)), shade), np.float32)
        since_s = media_s - self._kept[-1][0] if self._kept else np.inf
        if self._size != (width, height) or not 0 <= since_s <= _PAUSE_S or abs(middle - self._middle) > _LIGHT_LEVELS:
            return self._anew((width, height), media_s, detail, middle)
        self._middle = middle
        far, near = self._references(media_s)
        change = cv2.min(cv2.absdiff(detail, far), cv2.absdiff(detail, near))
        some = change[::2, ::2].ravel()  # of which rain changes a tenth
        weather = _BAR_OF_WEATHER * float(np.partition(some, some.size * 9 // 10)[some.size * 9 // 10])
        least = min(max(_LEAST_CHANGE, weather), _WEATHER_BAR)
        bar = np.clip(_BAR_OF_HABIT * self._habit, least, _MOST_BAR)
        moved = cv2.compare(change, bar, cv2.CMP_GT)
        raw = cv2.resize(moved, (columns, ROWS), interpolation=cv2.INTER_AREA) > 255 * _LEAST_PIXELS
        if raw.mean() > _LIGHT_SHARE:
            return self._anew((width, height), media_s, detail, middle)
        cv2.accumulateWeighted(np.minimum(change, _MOST_BAR), self._habit, 1.0 - np.exp(-since_s / _HABIT_S))
        self._kept.append((media_s, detail))
        before, self._raw = self._raw, raw
        cells, vain = _twice(raw, before, since_s), self.vain
        return Motion(cells & ~vain if vain is not None and vain.shape == cells.shape else cells, light_changed=False)

    def _references(self, media_s: float) -> tuple[Plane, Plane]:
        """The newest frames that are old enough, or else the oldest there is."""
        while len(self._kept) > 1 and media_s - self._kept[1][0] >= _FAR_S:
            self._kept.popleft()
        near = [detail for kept_s, detail in self._kept if media_s - kept_s >= _NEAR_S]
        return self._kept[0][1], near[-1] if near else self._kept[0][1]

    def _anew(self, size: tuple[int, int], media_s: float, detail: Plane, middle: float) -> Motion:
        shape = (ROWS, detail.shape[1] // _PIXELS)
        if self._size != size:
            self._habit = np.zeros_like(detail)
        self._size, self._middle, self._raw = size, middle, np.zeros(shape, np.bool_)
        self._kept = deque([(media_s, detail)])
        return Motion(np.zeros(shape, np.bool_), light_changed=True)


def _twice(moved: NDArray[np.bool_], before: NDArray[np.bool_], since_s: float) -> NDArray[np.bool_]:
    """Sparks and drops are at a place once; who walks is there, or beside it, twice."""
    if since_s > _TWICE_S:
        return moved
    side = 3 if since_s <= _NEAR_S else 5
    return moved & (cv2.dilate(before.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _shrunk(luma: NDArray[np.uint8], size: tuple[int, int]) -> Plane:
    """By halves as far as it goes: averages over areas of any other shape cost many times more."""
    while luma.shape[1] >= 2 * size[0] and luma.shape[0] >= 2 * size[1]:
        half = (luma.shape[1] // 2, luma.shape[0] // 2)
        luma = np.asarray(cv2.resize(luma, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_LINEAR), np.float32)
