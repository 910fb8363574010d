"""A drawn school gate as a source of pictures: any frame by its number, the same bytes for the same spec.

READ `DrawnScene.picture` FIRST: people are painted from far to near over the empty place, hidden by what stands before
them, then the camera's sensor adds what cheap cameras add.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from math import atan2, hypot, log, pi

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.backdrop import paint_backdrop
from edge.virtual_camera.behaviour import Actor, Motion, perform
from edge.virtual_camera.body import Surface
from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.figures import dress
from edge.virtual_camera.gait import Activity, pose_of, swing_for
from edge.virtual_camera.light import LIGHTS, LightName, light_for
from edge.virtual_camera.parked import parked_bikes, with_parked
from edge.virtual_camera.place import Place, random_place, standard_place
from edge.virtual_camera.sensor import Sensor
from edge.virtual_camera.sprite import Sprite, View, paint
from edge.virtual_camera.stories import STORIES, Stage, passers_by
from edge.virtual_camera.things import things
from edge.virtual_camera.truth import Presence, SceneTruth, inside, stays_of
from edge.virtual_camera.wardrobe import Figure

ZONE_NAME = "gate"
_PHASES, _SLOW_PHASES, _HEADINGS = 12, 8, 16
_DISTANCE_STEP = log(1.10)
_CACHE_BYTES, _DRESSED = 24_000_000, 100  # of painted figures; of postures, a hundred kilobytes each


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """Everything a scene follows from.

    story: a name in `stories.STORIES`. varied: another camera, lens and place for each seed instead of the demo's own.
    story_at_s: when the story begins and ends, seconds; before and after it people only pass by. None: it lasts as long
    as the scene.
    things: whether cars, dogs, washing and other things stand about that are no people.
    """

    seed: int
    light: LightName = "day"
    story: str = "loiterer"
    width: int = 640
    height: int = 360
    fps: float = 10.0
    duration_s: float = 60.0
    varied: bool = False
    story_at_s: tuple[float, float] | None = None
    things: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.story not in STORIES:
            problems.append(f"there is no story {self.story!r}; take one of {', '.join(STORIES)}")
        if self.light not in LIGHTS:
            problems.append(f"there is no light {self.light!r}; take one of {', '.join(LIGHTS)}")
        if self.width % 2 or self.height % 2 or not (160 <= self.width <= 3840 and 90 <= self.height <= 2160):
            problems.append(f"{self.width}x{self.height} must be even, from 160x90 to 3840x2160")
        if not (0.5 <= self.fps <= 60 and 1 <= self.duration_s <= 3600):
            problems.append("fps must lie in 0.5..60 and duration_s in 1..3600")
        if self.story_at_s and not 0 <= self.story_at_s[0] < self.story_at_s[1] <= self.duration_s:
            problems.append(f"story_at_s must be a begin and an end within {self.duration_s:g} s")
        if problems:
            raise ValueError("; ".join(problems))

    @classmethod
    def random(cls, seed: int, width: int = 640, height: int = 360, duration_s: float = 20.0) -> "SceneSpec":
        """A scene of its own for each seed: light, story, place, camera and people all vary."""
        rng = np.random.default_rng([seed, 7])
        light = LIGHTS[int(rng.choice(4, p=[0.40, 0.20, 0.20, 0.20]))]
        story = str(rng.choice(["random_mix", "school_day_mix", "gathering", "loiterer"], p=[0.7, 0.15, 0.1, 0.05]))
        return cls(seed, light, story, width, height, 10.0, duration_s, varied=True)


@dataclass(frozen=True, slots=True)
class _Appearance:
    """One figure as it shows in one frame: which sprite, how large, and where its foot stands, pixels."""

    person: str
    sprite: Sprite
    scale: float
    foot_px: tuple[float, float]
    z_m: float
    depth_m: float


class DrawnScene:
    """Pictures and truth of one spec. Keeps painted figures in a bounded cache; not for use by several threads."""

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        self.width, self.height, self.fps = spec.width, spec.height, spec.fps
        self.picture_count = max(1, round(spec.duration_s * spec.fps))
        rng = np.random.default_rng([spec.seed, 11])
        self.place = (random_place if spec.varied else standard_place)(spec.width, spec.height, rng)
        # A camera at night sets its gain by what it sees: the further the gate, the more.
        self._light = replace(light_for(spec.light, rng), lamp_reach_m=max(8.0, 0.9 * self.place.fence_z))
        self._sensor = Sensor(spec.width, spec.height, self._light, spec.seed + 5)
        self._vignette = self._sensor.vignette()
        parked = parked_bikes(self.place)
        if spec.things:
            parked += things(self.place, np.random.default_rng([spec.seed, 17]))
        backdrop = with_parked(paint_backdrop(self.place, self._light), parked, self.place.camera, self._light)
        soft = cv2.GaussianBlur(backdrop.picture, (0, 0), 0.55 * spec.height / 360)
        self._empty = np.rint(soft * self._vignette[..., None]).clip(0, 255).astype(np.uint8)
        self._occluders = backdrop.occluders
        actors = _cast(spec, self.place)
        self._cast = [actor.figure for actor in actors]
        self._motions = [perform(actor, self.picture_count, spec.fps) for actor in actors]
        self._dressed: OrderedDict[tuple[object, ...], list[Surface]] = OrderedDict()
        self._sprites: OrderedDict[tuple[object, ...], Sprite] = OrderedDict()
        self._sprite_bytes = 0
        self._truth: SceneTruth | None = None

    def picture(self, number: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB of frame `number`; numbers past the end begin again."""
        frame = number % self.picture_count
        return self._sensor.expose(self.composed(frame), frame, self.fps)

    def composed(self, frame: int, shadows: bool = True) -> NDArray[np.uint8]:
        """The same picture before the sensor's noise, rain and time stamp."""
        picture = self._empty.copy()
        for one in self._appearances(frame):
            if shadows:
                self._lay_shadow(picture, one)
            self._lay(picture, one)
        return picture

    def empty(self) -> NDArray[np.uint8]:
        """The place without people, before the sensor."""
        return self._empty.copy()

    def truth(self) -> SceneTruth:
        """Who is where in every frame, and the true stays in the zone before the gate."""
        if self._truth is None:
            zone = self.place.zone()
            presences = tuple(p for frame in range(self.picture_count) for p in self._presences(frame, zone))
            names = tuple(figure.name for figure in self._cast)
            stays = stays_of(presences, self.fps, ZONE_NAME)
            self._truth = SceneTruth(self.width, self.height, self.fps, self.picture_count, ZONE_NAME, zone, names,
                                     presences, stays)  # fmt: skip
        return self._truth

    def _appearances(self, frame: int) -> list[_Appearance]:
        """Everyone in that frame, far to near."""
        shown = [
            self._appearance(figure, motion, frame)
            for figure, motion in zip(self._cast, self._motions, strict=True)
            if motion.present[frame]
        ]
        return sorted((one for one in shown if one is not None), key=lambda one: -one.depth_m)

    def _appearance(self, figure: Figure, motion: Motion, frame: int) -> _Appearance | None:
        x, z = float(motion.x[frame]), float(motion.z[frame])
        foot = self.place.camera.project(floats([x, 0, z]))
        tall = self.place.camera.focal_px * 2.4 / max(float(foot[2]), 0.1)
        off_x = max(-float(foot[0]), float(foot[0]) - self.width)
        if foot[2] < 1.5 or off_x > 1.2 * tall or float(foot[1]) - 1.3 * tall > self.height:
            return None
        distance_bin = int(np.floor(log(max(hypot(x, z), 1.0)) / _DISTANCE_STEP))
        relative = float(motion.heading[frame]) - atan2(x, z)
        heading_bin = round(relative / (2 * pi) * _HEADINGS) % _HEADINGS
        activity, phase = motion.activity[frame], float(motion.phase[frame])
        phases = _PHASES if activity in ("walk", "run", "carry") else _SLOW_PHASES
        phase_bin = round(phase * phases) % phases
        sprite = self._sprite(figure, (activity, phase_bin, phases), heading_bin, distance_bin)
        scale = sprite.depth_m / float(foot[2])
        return _Appearance(figure.name, sprite, scale, (float(foot[0]), float(foot[1])), z, float(foot[2]))

    def _sprite(self, figure: Figure, pose: tuple[Activity, int, int], heading: int, distance: int) -> Sprite:
        key = (figure.name, pose, heading, distance)
        found = self._sprites.get(key)
        if found is not None:
            self._sprites.move_to_end(key)
            return found
        view = View(self.place.camera, float(np.exp(distance * _DISTANCE_STEP)), heading * 2 * pi / _HEADINGS)
        found = paint(self._posed(figure, pose), view, self._light)
        self._sprites[key] = found
        self._sprite_bytes += found.rgba.nbytes + found.shadow.nbytes
        while self._sprite_bytes > _CACHE_BYTES and len(self._sprites) > 1:
            _, old = self._sprites.popitem(last=False)
            self._sprite_bytes -= old.rgba.nbytes + old.shadow.nbytes
        return found

    def _posed(self, figure: Figure, pose: tuple[Activity, int, int]) -> list[Surface]:
        key = (figure.name, pose)
        found = self._dressed.get(key)
        if found is None:
            activity, phase_bin, phases = pose
            speed = figure.speed_m_s * (1.9 if activity == "run" else 1.0)
            swing = swing_for(speed, figure.build.leg_m)
            found = self._dressed[key] = dress(figure, pose_of(activity, phase_bin / phases, swing))
            if len(self._dressed) > _DRESSED:
                self._dressed.popitem(last=False)
        return found

    def _lay(self, picture: NDArray[np.uint8], one: _Appearance) -> None:
        window = _window(one.sprite.rgba.shape, one.sprite.foot_px, one.scale, one.foot_px, (self.width, self.height))
        if window is None:
            return
        rows, columns, matrix = window
        size = (columns.stop - columns.start, rows.stop - rows.start)
        patch = cv2.warpAffine(one.sprite.rgba, matrix, size, flags=cv2.INTER_LINEAR)
        shows = (1.0 - self._hidden(one, rows, columns))[..., None]
        patch = patch * shows
        dark = self._vignette[rows, columns, None]
        view = picture[rows, columns]
        view[:] = (view * (1.0 - patch[..., 3:]) + patch[..., :3] * dark).astype(np.uint8)

    def _lay_shadow(self, picture: NDArray[np.uint8], one: _Appearance) -> None:
        sprite = one.sprite
        window = _window(sprite.shadow.shape, sprite.shadow_foot_px, one.scale * 2, one.foot_px,
                         (self.width, self.height))  # fmt: skip
        if window is None:
            return
        rows, columns, matrix = window
        size = (columns.stop - columns.start, rows.stop - rows.start)
        strength = cv2.warpAffine(sprite.shadow, matrix, size, flags=cv2.INTER_LINEAR)
        strength = strength * (1.0 - self._hidden(one, rows, columns))
        view = picture[rows, columns]
        view[:] = (view * (1.0 - strength)[..., None]).astype(np.uint8)

    def _hidden(self, one: _Appearance, rows: slice, columns: slice) -> Array:
        """How much of each pixel's people the fence, pole and bikes before them hide."""
        shows = np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        for occluder in self._occluders:
            if occluder.z_m < one.z_m:
                shows = shows * (1.0 - occluder.cover[rows, columns])
        return floats(1.0 - shows)

    def _presences(self, frame: int, zone: tuple[tuple[float, float], ...]) -> list[Presence]:
        """Near to far: what nearer people leave of those behind them."""
        shows = np.ones((self.height, self.width), np.float32)
        out = []
        for one in reversed(self._appearances(frame)):
            visible = self._visible(one, shows)
            box, foot = self._box(one)
            if visible > 0 and box[2] > box[0] and box[3] > box[1]:
                out.append(Presence(frame, one.person, box, round(visible, 3), foot, inside(zone, foot)))
        return out

    def _visible(self, one: _Appearance, shows: Array) -> float:
        whole = float(one.sprite.rgba[..., 3].sum()) * one.scale**2
        window = _window(one.sprite.rgba.shape, one.sprite.foot_px, one.scale, one.foot_px, (self.width, self.height))
        if window is None or whole <= 0:
            return 0.0
        rows, columns, matrix = window
        size = (columns.stop - columns.start, rows.stop - rows.start)
        alpha = cv2.warpAffine(one.sprite.rgba[..., 3], matrix, size, flags=cv2.INTER_LINEAR)
        open_part = alpha * shows[rows, columns] * (1.0 - self._hidden(one, rows, columns))
        shows[rows, columns] *= 1.0 - alpha
        return min(1.0, float(open_part.sum()) / whole)

    def _box(self, one: _Appearance) -> tuple[tuple[float, float, float, float], tuple[float, float]]:
        left, top, right, bottom = one.sprite.box_px
        x0 = one.foot_px[0] + (left - one.sprite.foot_px[0]) * one.scale
        x1 = one.foot_px[0] + (right - one.sprite.foot_px[0]) * one.scale
        y0 = one.foot_px[1] + (top - one.sprite.foot_px[1]) * one.scale
        y1 = one.foot_px[1] + (bottom - one.sprite.foot_px[1]) * one.scale
        cut = np.clip([x0 / self.width, y0 / self.height, x1 / self.width, y1 / self.height], 0.0, 1.0).round(5)
        foot = (round(float(x0 + x1) / 2 / self.width, 5), round(float(y1) / self.height, 5))
        return (float(cut[0]), float(cut[1]), float(cut[2]), float(cut[3])), foot


def _cast(spec: SceneSpec, place: Place) -> list[Actor]:
    begin_s, end_s = spec.story_at_s or (0.0, spec.duration_s)
    stage = Stage(place, np.random.default_rng([spec.seed, 13]), end_s - begin_s, spec.light == "rain")
    cast = [replace(actor, start_s=actor.start_s + begin_s) for actor in STORIES[spec.story](stage)]
    if spec.story_at_s is None:
        return cast
    return passers_by(stage, 0.0, begin_s) + cast + passers_by(stage, end_s, spec.duration_s)


def _window(
    shape: tuple[int, ...],
    anchor: tuple[float, float],
    scale: float,
    foot_px: tuple[float, float],
    size: tuple[int, int],
) -> tuple[slice, slice, Array] | None:
    """Rows and columns of the picture that a sprite touches, and the transform into them; None outside the picture."""
    x0, y0 = foot_px[0] - anchor[0] * scale, foot_px[1] - anchor[1] * scale
    left, top = max(0, int(np.floor(x0)) - 1), max(0, int(np.floor(y0)) - 1)
    right = min(size[0], int(np.ceil(x0 + shape[1] * scale)) + 1)
    bottom = min(size[1], int(np.ceil(y0 + shape[0] * scale)) + 1)
    if right <= left or bottom <= top:
        return None
    shift = 0.5 * scale - 0.5  # pixel centres lie at halves
    matrix = floats([[scale, 0, x0 - left + shift], [0, scale, y0 - top + shift]])
    return slice(top, bottom), slice(left, right), matrix
