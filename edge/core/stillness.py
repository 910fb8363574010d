"""A post, a sign, a scarecrow: what a network takes for somebody, again and again, and what has never moved. Pure.

Whoever loiters has come, and was seen coming or has moved since: of the people of all our real videos each showed a
movement within half a second. A thing at a night gate that a network takes for a person at 0.6 showed none in 854
frames. So who has never moved is nobody yet; the seconds count from the first sight as soon as they do.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.motion import Motion
from edge.core.track import Track


def who_moved(tracks: Sequence[Track], motion: Motion | None, frame_size: tuple[int, int]) -> set[int]:
    """The track_ids of those in whose box something moved that lies in nobody else's: who passes moves no post.

    tracks: seen in this frame. motion: of this frame; None where nobody watches for it, and then all count as moving.
    frame_size: width, height in pixels.
    """
    if motion is None or not tracks:
        return {track.track_id for track in tracks}
    rows, columns = motion.cells.shape
    scale = np.array([columns / frame_size[0], rows / frame_size[1]] * 2)
    boxes = np.array([track.xyxy for track in tracks], np.float64) * scale
    first, last = np.floor(boxes[:, :2]).astype(int).clip(0), np.ceil(boxes[:, 2:]).astype(int).clip(0)
    covers: NDArray[np.intp] = np.zeros(motion.cells.shape, np.intp)
    places = [(slice(y0, y1), slice(x0, x1)) for (x0, y0), (x1, y1) in zip(first, last, strict=True)]
    for place in places:
        covers[place] += 1
    alone = motion.cells & (covers == 1)
    return {track.track_id for track, place in zip(tracks, places, strict=True) if alone[place].any()}
