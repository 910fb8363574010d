"""A single picture out of the recording, where the frame itself is gone: after a restart."""

from pathlib import Path

import av

from edge.adapters.clip_writer import NoRecording
from edge.adapters.decoded_picture import i420
from edge.adapters.segments import Segment, find_segments, open_segment
from edge.core.frame import Frame

REACH_S = 5.0  # how much older than wanted a picture may be: a kill costs the end of a recording
_ROUNDING_S = 0.02  # of capture times and of segments' names


def recorded_picture(directory: Path, camera: str, at_s: float) -> Frame:
    """The last picture recorded in `directory` at or before `at_s` (UTC seconds), at most `REACH_S` older.

    Its media_s is its distance from `at_s`, 0 or less: it belongs to no live time line. Raises NoRecording.
    """
    for segment in reversed(find_segments(directory, at_s - REACH_S, at_s)):
        found = _last_picture(segment, at_s + _ROUNDING_S)
        if found is not None and found[1] >= at_s - REACH_S:
            picture, captured_at_s = found
            return Frame(camera, 0, min(0.0, captured_at_s - at_s), captured_at_s, i420(picture))
    raise NoRecording(f"nothing was recorded in the {REACH_S:.0f} s before the wanted moment")


def _last_picture(segment: Segment, until_s: float) -> tuple[av.VideoFrame, float] | None:
    """The last picture of the segment captured up to `until_s`, and when that was."""
    last = None
    try:
        with open_segment(segment) as container:
            for picture in container.decode(container.streams.video[0]):
                if picture.pts is None or picture.time_base is None:
                    continue
                captured_at_s = segment.begins_at_s + float(picture.pts * picture.time_base)
                if captured_at_s > until_s:
                    break
                last = picture, captured_at_s
    except (FileNotFoundError, av.FFmpegError, IndexError):
        return last  # overwritten meanwhile, or damaged from here on
    return last
