"""What a virtual camera is told to play: a video file, or a drawn scene as `drawn:STORY:LIGHT:SEED`."""

from pathlib import Path

from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.media import Clip, Codec, MediaError, PictureSource, encode, load_file
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.stories import STORIES


def open_source(text: str, duration_s: float = 60.0) -> Clip | PictureSource:
    """What `text` names: a file as a coded loop, a scene as pictures that are drawn while they play. Raises MediaError.

    duration_s: seconds after which a drawn scene begins again.
    """
    if not text.startswith("drawn:"):
        return load_file(Path(text))
    parts = text.split(":")
    if len(parts) != 4 or not parts[3].isdecimal():
        raise MediaError(f"{text!r}: write it as drawn:STORY:LIGHT:SEED, for example drawn:loiterer:day:1")
    _, story, light, seed = parts
    if story not in STORIES or light not in LIGHTS:
        raise MediaError(f"{text!r}: stories are {', '.join(STORIES)}; lights are {', '.join(LIGHTS)}")
    return DrawnScene(SceneSpec(int(seed), light, story, duration_s=duration_s))


def load(text: str, codec: Codec = "h264", duration_s: float = 60.0) -> Clip:
    """The same, drawn and coded beforehand, which takes some seconds but costs less while it plays."""
    source = open_source(text, duration_s)
    return source if isinstance(source, Clip) else encode(source, codec)
