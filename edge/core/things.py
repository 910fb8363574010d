"""A post, a sign, a scarecrow: what a network takes for somebody, again and again, and what has never moved. Pure.

Whoever loiters has come, and was seen coming or has moved since: of the people of our real videos each showed a
movement, at five frames a second within half a second. A thing at a night gate that a network takes for a person at 0.6
showed none in 854 frames. So who has never moved is nobody yet; the seconds count from the first sight as soon as they
do. A post is no reason to miss a man: whoever the network is sure of, or could not be watched for the light, is
believed after a while.
"""

from collections.abc import Sequence, Set

import numpy as np

from edge.core.motion import Motion
from edge.core.track import Track

SURE, SURE_AFTER_S = 0.75, 30.0  # mean confidence of somebody who stands like a post; things had 0.5 to 0.6
UNJUDGED_S = 5.0  # seen so long in frames in which the light changed, of which no movement can be told


def who_moved(
    tracks: Sequence[Track], motion: Motion | None, frame_size: tuple[int, int], believed: Set[int] = frozenset()
) -> set[int]:
    """The track_ids of those in whose box something moved that lies in no believed person's: who passes moves no post.

    tracks: seen in this frame. motion: of this frame; None where nobody watches for it, and then all count as moving.
    frame_size: width, height in pixels. believed: track_ids of those who have moved before.
    """
    if motion is None or not tracks:
        return {track.track_id for track in tracks}
    rows, columns = motion.cells.shape
    scale = np.array([columns / frame_size[0], rows / frame_size[1]] * 2)
    boxes = np.array([track.xyxy for track in tracks], np.float64) * scale
    first, last = np.floor(boxes[:, :2]).astype(int).clip(0), np.ceil(boxes[:, 2:]).astype(int).clip(0)
    places = [(slice(y0, y1), slice(x0, x1)) for (x0, y0), (x1, y1) in zip(first, last, strict=True)]
    explained = np.zeros(motion.cells.shape, np.bool_)
    for track, place in zip(tracks, places, strict=True):
        explained[place] |= track.track_id in believed
    left = motion.cells & ~explained
    return {
        track.track_id
        for track, place in zip(tracks, places, strict=True)
        if (motion.cells if track.track_id in believed else left)[place].any()
    }
