"""What a network takes for somebody, faintly and again and again: a tripod, a cone, a bush. It carries no track on.

Whoever walks behind a pole beside such a thing is not found for a moment, and the nearest faint box is the thing's. A
track that takes it stays there, and the person who comes out on the other side is somebody new: that cost the detector
whose threshold was lowest three of sixteen loiterers. A faint box that was there before they came is not they.
"""

import numpy as np
from numpy.typing import NDArray

from edge.core.tracking.association import Floats, buffered_overlap

SAME_OVERLAP = 0.5  # two boxes that share so much (intersection over union) are one thing
SETTLES_S = 0.9  # so long it must have come again at the same place ...
SETTLES_BOXES = 3  # ... and so often
FORGET_S = 10.0  # things flicker


class Clutter:
    """One camera's. Boxes are (n, 4) left, top, right, bottom in the frame's pixels; time is media seconds."""

    def __init__(self) -> None:
        self._boxes: Floats = np.zeros((0, 4))
        self._first_s: Floats = np.zeros(0)
        self._last_s: Floats = np.zeros(0)
        self._counts: NDArray[np.intp] = np.zeros(0, np.intp)

    def explains(self, boxes: Floats) -> NDArray[np.bool_]:
        """(n,) whether each box is one that was there before."""
        settled = (self._last_s - self._first_s >= SETTLES_S) & (self._counts >= SETTLES_BOXES)
        overlap = _overlap(boxes, self._boxes[settled])
        return np.asarray(overlap.max(axis=1, initial=0.0) >= SAME_OVERLAP, np.bool_)

    def note(self, strays: Floats, people: Floats, now_s: float) -> None:
        """Takes a frame in: its faint boxes that are nobody's, and its people, who were no thing where they stand."""
        standing = _overlap(self._boxes, people).max(axis=1, initial=0.0) >= SAME_OVERLAP
        self._keep(~standing & (now_s - self._last_s <= FORGET_S))
        overlap = _overlap(strays, self._boxes)
        for stray, row in zip(strays, overlap, strict=True):
            again = int(row.argmax()) if len(row) and row.max() >= SAME_OVERLAP else None
            if again is None:
                self._boxes = np.concatenate([self._boxes, stray[None]])
                self._first_s, self._last_s = np.append(self._first_s, now_s), np.append(self._last_s, now_s)
                self._counts = np.append(self._counts, 1)
            elif self._last_s[again] < now_s:
                self._boxes[again] += 0.3 * (stray - self._boxes[again])
                self._last_s[again] = now_s
                self._counts[again] += 1

    def _keep(self, rows: NDArray[np.bool_]) -> None:
        self._boxes, self._counts = self._boxes[rows], self._counts[rows]
        self._first_s, self._last_s = self._first_s[rows], self._last_s[rows]


def _overlap(first: Floats, second: Floats) -> Floats:
    return buffered_overlap(first, second, np.zeros(len(first)))
