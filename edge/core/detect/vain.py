"""Where something moves again and again and nobody is ever there: the clock in the picture, a flag, a screen. Pure.

Such places are no reason to look any more, for minutes at a time; who comes there is seen with the whole frame, and
then the place counts again.
"""

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.bool_]

VAIN_LOOKS = 12.0  # in a row, and a place is left alone
REST_S = 120.0  # for so long


class VainMotion:
    """One camera's."""

    def __init__(self) -> None:
        self._looks: NDArray[np.float64] = np.zeros((0, 0))  # in vain, of each cell
        self._rests_until_s: NDArray[np.float64] = np.zeros((0, 0))
        self._tried: Cells = np.zeros((0, 0), np.bool_)
        self._now_s = 0.0

    @property
    def cells(self) -> Cells:
        """(rows, columns), true where movement is no reason to look now."""
        return self._rests_until_s > self._now_s

    def worth(self, moved: Cells, media_s: float) -> Cells:
        """What moved, less what is left alone."""
        if self._looks.shape != moved.shape or media_s < self._now_s:
            self._looks, self._rests_until_s = np.zeros(moved.shape), np.full(moved.shape, -np.inf)
        self._now_s, self._tried = media_s, np.zeros(moved.shape, np.bool_)
        return moved & ~self.cells

    def tried(self, cells: Cells) -> None:
        """For their movement alone these cells are looked at now."""
        self._tried = cells

    def learn(self, people: NDArray[np.float32], frame_size: tuple[int, int]) -> None:
        """What came of it: (n, 4) xyxy of all who were found, whole or in part, in frame pixels."""
        rows, columns = self._looks.shape
        if not rows:
            return
        self._looks[self._tried] += 1.0
        scale = np.array([columns / frame_size[0], rows / frame_size[1]] * 2)
        for left, top, right, bottom in (people * scale).tolist():
            there = slice(max(0, int(top)), max(0, int(bottom) + 1)), slice(max(0, int(left)), max(0, int(right) + 1))
            self._looks[there], self._rests_until_s[there] = 0.0, -np.inf
        vain = self._tried & (self._looks >= VAIN_LOOKS)
        self._rests_until_s[vain] = self._now_s + REST_S
