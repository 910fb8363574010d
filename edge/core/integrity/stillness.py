"""Whether a camera sends one picture again and again, with time stamps that go on, also below a clock that still runs.

A place where nothing happens looks alike for hours too, and a thrifty coder sends nothing new of it between two key
frames. But each key frame shows its sensor's noise anew all over, while of one picture that is coded again and again
most soon comes out the same. So what counts is how often most of it is new, by how often there are key frames.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.core.integrity.picture import HEIGHT, WIDTH, Plane, SmallPicture

_BLOCK_PX = 10
_TEXTURE, _LEAST_BLOCKS = 1.5, 5  # levels, standard deviation: black sky and white walls show no noise
_NEW = 0.06  # levels on average; what a strong filter leaves of noise in a dull night: 0.1
_LEAST_SHARE = 0.4  # of the blocks may be as before in what is new
_COMPARED = 3  # looks: a coder that refines its key frame shows the same few pictures in turn
_GROUPS, _LEAST_S, _MOST_S = 8, 45.0, 300.0  # key frames, or seconds, to judge by
_STILL_SHARE = 0.25  # of the key frames may be new: a coder changes its mind about how fine it codes


class Stillness:
    """One camera's."""

    def __init__(self) -> None:
        self.window_s = 0.0  # that was looked back over last
        self.pause()

    def pause(self) -> None:
        """Pictures have not come for a while."""
        self._compared: deque[Plane] = deque(maxlen=_COMPARED)
        self._new_s: deque[float] = deque()
        self._since_s: float | None = None

    def update(self, picture: SmallPicture) -> bool | None:
        """Whether the picture stands still; None where that can't be said yet."""
        now_s, every_s = picture.media_s, picture.key_every_s
        if self._since_s is None:
            self._since_s = now_s
        if self._is_new(picture.luma):
            self._new_s.append(now_s)
        if every_s <= 0:
            return None
        window_s = self.window_s = min(max(_GROUPS * every_s, _LEAST_S), _MOST_S)
        while self._new_s and now_s - self._new_s[0] >= window_s:
            self._new_s.popleft()
        if len(self._new_s) > max(1.0, _STILL_SHARE * window_s / every_s):
            return False
        return True if now_s - self._since_s >= window_s else None

    def _is_new(self, luma: Plane) -> bool:
        differences = [_blocks(np.abs(luma - other)).mean(axis=(1, 3)) for other in self._compared]
        self._compared.append(luma)
        texture = _blocks(luma).std(axis=(1, 3)) > _TEXTURE
        if texture.sum() < _LEAST_BLOCKS:
            return True  # nothing to judge by
        return all(float(np.quantile(one[texture], _LEAST_SHARE)) > _NEW for one in differences)


def _blocks(plane: Plane) -> NDArray[np.float32]:
    """(9, 10, 16, 10): rows and columns of blocks, each with its own."""
    return plane.reshape(HEIGHT // _BLOCK_PX, _BLOCK_PX, WIDTH // _BLOCK_PX, _BLOCK_PX)
