"""What a virtual camera is told to play: a video file, or a drawn scene as `drawn:STORY:LIGHT:SEED`,
with `:WIDTHxHEIGHT` behind it where it is not to be 640x360, and `@BEGIN-END/LENGTH`, seconds, where the story is told
once in each LENGTH and people only pass by in the rest. `FILE@SECONDS` begins so far into the file."""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.files import open_file
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.media import Loop, PictureSource
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.stories import STORIES

_DRAWN = re.compile(
    r"drawn:(\w+):(\w+):(\d{1,9})(?::(\d{1,4})x(\d{1,4}))?(?:@(\d{1,4})-(\d{1,4})/(\d{1,4}))?", re.ASCII
)
_BEGUN = re.compile(r"(.+)@(\d{1,6}(?:\.\d{1,3})?)", re.ASCII)


def split_ahead(text: str) -> tuple[str, float]:
    """What is played, and how far into it a camera is when it starts, seconds."""
    # os.path's, for Path.exists raises where a folder may not be entered
    words = None if text.startswith("drawn:") or os.path.exists(text) else _BEGUN.fullmatch(text)
    return (words[1], float(words[2])) if words else (text, 0.0)


def open_sources(texts: Sequence[str], duration_s: float = 60.0) -> list[Loop | PictureSource]:
    """What `texts` name: files as they are, scenes as pictures that are drawn while they play. Raises MediaError.

    duration_s: seconds after which a drawn scene begins again that does not say so itself.
    """
    # Painting an empty place takes a second, most of it outside Python's lock.
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda text: _opened(text, duration_s), texts))


def _opened(text: str, duration_s: float) -> Loop | PictureSource:
    if not text.startswith("drawn:"):
        return open_file(Path(text))
    words = _DRAWN.fullmatch(text)
    if words is None:
        raise MediaError(f"{text!r}: write it as drawn:STORY:LIGHT:SEED, for example drawn:loiterer:day:1")
    story, light, seed, width, height, begin, end, length = words.groups()
    if story not in STORIES or light not in LIGHTS:
        raise MediaError(f"{text!r}: stories are {', '.join(STORIES)}; lights are {', '.join(LIGHTS)}")
    size = (int(width), int(height)) if width else (640, 360)
    story_at_s = (float(begin), float(end)) if begin else None
    duration_s = float(length) if length else duration_s
    try:
        return DrawnScene(SceneSpec(int(seed), light, story, *size, duration_s=duration_s, story_at_s=story_at_s))
    except ValueError as error:
        raise MediaError(f"{text!r}: {error}") from error
