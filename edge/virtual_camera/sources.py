"""What a virtual camera is told to play: a video file, or a drawn scene as `drawn:STORY:LIGHT:SEED`."""

from pathlib import Path

from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.media import Clip, Codec, MediaError, encode, load_file
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.stories import STORIES


def load(text: str, codec: Codec = "h264", duration_s: float = 60.0) -> Clip:
    """The loop that `text` names; drawn ones take some seconds. Raises MediaError."""
    if not text.startswith("drawn:"):
        return load_file(Path(text))
    parts = text.split(":")
    if len(parts) != 4 or not parts[3].isdecimal():
        raise MediaError(f"{text!r}: write it as drawn:STORY:LIGHT:SEED, for example drawn:loiterer:day:1")
    _, story, light, seed = parts
    if story not in STORIES or light not in LIGHTS:
        raise MediaError(f"{text!r}: stories are {', '.join(STORIES)}; lights are {', '.join(LIGHTS)}")
    return encode(DrawnScene(SceneSpec(int(seed), light, story, duration_s=duration_s)), codec)
