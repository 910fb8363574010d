"""Drawn films for the console's pages: clip, pictures and boxes, in which nobody real can be seen."""

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.virtual_camera.light import LightName
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.truth import SceneTruth

FPS = 10
Box = tuple[float, float, float, float]
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Setting:
    """What a camera sees, and from which second on its film is cut."""

    seed: int
    light: LightName
    story: str
    from_s: float
    varied: bool = False


SETTINGS = {
    "gate": Setting(7, "night_ir", "loiterer", 12.0),
    "street": Setting(4, "rain", "gathering", 16.0),
    "fence": Setting(21, "night_ir", "pacing", 5.0, varied=True),
    "yard": Setting(9, "dusk", "meet", 10.0, varied=True),
}


class Film:
    """Some seconds of a drawn scene. The moment is `before_s` after its beginning."""

    def __init__(self, setting: Setting, seconds: float, before_s: float, width: int = 960, height: int = 540) -> None:
        spec = SceneSpec(setting.seed, setting.light, setting.story, width, height, FPS, 40.0, setting.varied)
        self._scene = DrawnScene(spec)
        self._first, self._frames = round(setting.from_s * FPS), round(seconds * FPS)
        self._moment = self._first + round(before_s * FPS)
        self._width, self._height = width, height
        self._clip = b""

    @functools.cached_property
    def _truth(self) -> SceneTruth:
        return self._scene.truth()

    @property
    def zone(self) -> Polygon:
        """The zone before the gate, in fractions."""
        return self._truth.zone

    @functools.cached_property
    def subject(self) -> str:
        """Who is seen best at the moment."""
        there = self._truth.at(self._moment)
        return max(there, key=lambda one: (one.in_zone, one.visible, one.box[3] - one.box[1])).person

    @property
    def box(self) -> Box:
        """The subject at the moment."""
        return next(one.box for one in self._truth.at(self._moment) if one.person == self.subject)

    def path(self) -> list[tuple[float, float, float]]:
        """Where the subject's feet were up to the moment: seconds before it, x, y."""
        mine = [one for one in self._truth.presences if one.person == self.subject and one.frame <= self._moment]
        steps = [((self._moment - one.frame) / FPS, *map(float, one.footpoint)) for one in mine if one.frame % 4 == 0]
        return [step for step in steps if 0 <= step[1] <= 1 and 0 <= step[2] <= 1][-60:]

    def tracks(self) -> list[dict[str, object]]:
        """Boxes beside the clip, five samples a second; a person must show to be seen."""
        samples: dict[str, list[list[float]]] = {}
        for one in self._truth.presences:
            number = one.frame - self._first
            if 0 <= number < self._frames and number % 2 == 0 and one.visible > 0.3:
                samples.setdefault(one.person, []).append([number / FPS, *one.box])
        order = enumerate(samples.items(), 1)
        return [{"track_id": i, "subject": person == self.subject, "samples": mine} for i, (person, mine) in order]

    def still(self, *, marked: bool = False, empty: bool = False) -> bytes:
        """JPEG of the moment; marked: with zone and boxes on it, as a node does; empty: without people."""
        rgb = self._scene.empty() if empty else self._scene.picture(self._moment)
        picture = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        if marked:
            corners = np.array([(round(x * self._width), round(y * self._height)) for x, y in self.zone], np.int32)
            cv2.polylines(picture, [corners], True, (0, 200, 255), 2, cv2.LINE_AA)
            left, top, right, bottom = (
                round(value * size) for value, size in zip(self.box, (self._width, self._height) * 2, strict=True)
            )
            cv2.rectangle(picture, (left, top), (right, bottom), (40, 40, 255), 2, cv2.LINE_AA)
        return bytes(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes())

    def clip(self, path: Path, codec: str = "libx264") -> bytes:
        """An MP4 of the film, written to `path` once; returns its bytes."""
        if self._clip:
            return self._clip
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream(codec, rate=FPS, options={"preset": "veryfast", "crf": "30", "g": "20"})
            stream.width, stream.height, stream.pix_fmt = self._width, self._height, "yuv420p"
            stream.time_base = Fraction(1, FPS)
            for number in range(self._frames):
                frame = av.VideoFrame.from_ndarray(self._scene.picture(self._first + number), "rgb24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        self._clip = path.read_bytes()
        return self._clip
