"""Whether a camera sends one picture again and again, with time stamps that go on.

A place where nothing happens looks alike for hours too, but its sensor's noise is new in each picture, while of a
picture that is coded again a coder changes nothing, key frames apart. So the pictures between key frames decide.
"""

from collections import deque
from statistics import median

import numpy as np

from edge.core.integrity.picture import Plane, SmallPicture

_ALIKE_MEAN, _ALIKE_MOST = 0.8, 8.0  # levels; what a key frame changes in the same picture is 0.4 and 2
_NOTHING = 0.05  # levels from one second to the next; noise left by a good coder in a dull night: 0.14
_NEXT_S = 1.5  # pictures further apart may be key frames
_LOOKS_S = 10.0
_LEAST, _MOST = 8, 20  # differences to judge by
_TRUSTED_S = 600.0


class Stillness:
    """One camera's."""

    def __init__(self) -> None:
        self._kept: SmallPicture | None = None
        self._last: SmallPicture | None = None
        self._changes: deque[float] = deque(maxlen=_MOST)
        self._trusted_until_s = float("-inf")
        self.doubtful = False  # every picture is wanted to decide, not only key frames

    def pause(self) -> None:
        """Pictures have not come for a while."""
        self._kept = self._last = None
        self._changes.clear()
        self.doubtful = False

    def update(self, picture: SmallPicture) -> bool | None:
        """Whether the picture stands still; None where that can't be said yet."""
        last, self._last = self._last, picture
        kept = self._kept
        if kept is None or last is None or not _alike(picture.luma, kept.luma):
            self._kept = picture
            self._changes.clear()
            self.doubtful = False
            return False
        if picture.media_s - last.media_s <= _NEXT_S:
            self._changes.append(float(np.abs(picture.luma - last.luma).mean()))
        else:
            self._changes.clear()
        long = picture.media_s - kept.media_s >= _LOOKS_S
        self.doubtful = long and picture.media_s >= self._trusted_until_s
        if not long or len(self._changes) < _LEAST:
            return None
        still = median(self._changes) < _NOTHING
        if not still:
            self._trusted_until_s = picture.media_s + _TRUSTED_S
        return still


def _alike(one: Plane, other: Plane) -> bool:
    change = np.abs(one - other)
    return float(change.mean()) < _ALIKE_MEAN and float(change.max()) < _ALIKE_MOST
