"""Whether one camera sees what it was put up to see: READ `CameraIntegrity.update` FIRST."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

import numpy as np

from edge.core.geometry import Polygon
from edge.core.integrity.faults import LENS_FAULTS, CameraFault
from edge.core.integrity.judges import JUDGES, UNLIKE, Measures
from edge.core.integrity.latch import Latch
from edge.core.integrity.picture import Outlines, SmallPicture, outlines
from edge.core.integrity.place import PlaceSight, Staying
from edge.core.integrity.reference import Light, Reference, View, followed, learnt, light_of
from edge.core.integrity.stillness import Stillness

_LEARNS_S = 10.0  # of good pictures in one light
_LEARNS_FROM = 5  # pictures at least
_LEAST_STRUCTURE = 0.02  # a picture with less shows nothing that could be learnt
_SAME_PLACE = 0.3  # share of the outlines of one light that must be found in another
_USUAL, _USUAL_S = 0.9, 3600.0  # share of the outlines that is there, at first; seconds in which another becomes usual
_MOST_DARK = 60.0  # levels that are not worth remembering as light
_FELL_LEVELS = 25.0
_REMEMBERS_S = 60.0
_HABIT_S, _HABIT_FALLS = 86_400.0, 2  # a lamp that goes off more often than this in a day is one that is switched
_PAUSE_S = 5.0  # after so long without a picture nothing is known of how it came
_SEARCH_BELOW = 0.6  # where less is present, it is looked for elsewhere
_SURE, _LEAST_SHIFT_PX = 0.35, 3
_SHAKES_PX = 2
_SETTLES_S = 60.0  # a first view that is another one so soon was taken of a hand or a ladder
_LEARNT_WITH = ("camera_resolution_changed",)  # faults of no view


@dataclass(frozen=True, slots=True)
class LensState:
    """What is told of a camera. fault: None while it sees. began_s: media seconds since which it is so."""

    fault: CameraFault | None
    began_s: float


class CameraIntegrity:
    """One camera's. Give it a picture about once a second; `reference` can be kept and handed in again."""

    def __init__(self, reference: Reference | None = None, places: Mapping[str, Polygon] | None = None) -> None:
        """places: zones and lines by name, as fractions of the picture."""
        self.reference = reference or Reference()
        self.places = {name: PlaceSight(points) for name, points in (places or {}).items()}
        self._staying = Staying()
        self.light: Light = "day"  # of the last picture that nothing spoke against
        self.learnt: Light | None = None  # the light whose view the last picture completed
        self._latches = {fault.code: Latch() for fault in LENS_FAULTS}
        self._state = LensState(None, 0.0)
        self._learning: list[tuple[SmallPicture, Outlines]] = []
        self._usual = _USUAL
        self._settles_until_s: float | None = None  # None: no view was ever learnt here
        if self.reference.views:
            self._settles_until_s = float("-inf")
        self._levels: deque[tuple[float, float]] = deque()
        self._falls_s: deque[float] = deque()
        self._fell = False
        self._stillness = Stillness()
        self._shift = (0, 0)
        self._last_s = float("-inf")

    @property
    def state(self) -> LensState:
        """As of the last picture."""
        return self._state

    @property
    def told(self) -> tuple[tuple[CameraFault, float], ...]:
        """All faults that stand, gravest first, and since when (media seconds)."""
        return tuple((fault, self._began_s(fault)) for fault in LENS_FAULTS if self._latches[fault.code].told)

    @property
    def doubtful(self) -> bool:
        """Whether anything at all speaks for a fault."""
        return any(latch.charge > 0 for latch in self._latches.values())

    def update(self, picture: SmallPicture) -> LensState:
        """Takes in the next picture: measure, judge, tell the gravest, learn from what is good."""
        step_s = picture.media_s - self._last_s
        if step_s > _PAUSE_S:
            self._levels.clear()
            self._stillness.pause()
            self._learning = []
        self._last_s = picture.media_s
        seen, light = outlines(picture.luma), light_of(picture)
        measures = self._measures(picture, seen, light)
        for code, judge in JUDGES.items():
            self._latches[code].update(judge(measures), picture.media_s)
        self._forget_bad_beginning()
        self._tell(picture.media_s)
        staying = self._staying.update(seen, min(step_s, _PAUSE_S))
        for place in self.places.values():
            place.update(picture.luma, staying, self.reference.views, picture.media_s)
        self._learn(picture, seen, light, measures, min(step_s, _PAUSE_S))
        return self._state

    def _forget_bad_beginning(self) -> None:
        moved = self._latches["camera_moved"]
        if moved.told and self._settles_until_s is not None and moved.began_s < self._settles_until_s:
            self.reference, self._settles_until_s, self._learning = Reference(), float("-inf"), []
            self._latches["camera_moved"] = Latch()

    def _tell(self, media_s: float) -> None:
        fault = next((fault for fault in LENS_FAULTS if self._latches[fault.code].told), None)
        if fault != self._state.fault:
            self._state = LensState(fault, self._began_s(fault) if fault else media_s)

    def _began_s(self, fault: CameraFault) -> float:
        looked_back_s = self._stillness.window_s if fault.code == "camera_frozen" else 0.0
        return self._latches[fault.code].began_s - looked_back_s

    def _measures(self, picture: SmallPicture, seen: Outlines, light: Light) -> Measures:
        luma, views = picture.luma, self.reference.views
        level = float(luma.mean())
        structure = float(np.abs(seen).mean())
        usual = min((view.structure for view in views), default=_LEAST_STRUCTURE * 2)
        present = [view.present(seen) for view in views]
        nearest = views[int(np.argmax(present))] if views else None
        mine = self.reference.of(light)
        night = self.reference.night
        there = max(present, default=1.0 if structure >= _LEAST_STRUCTURE else 0.0)
        return Measures(
            level,
            float(np.percentile(luma, 99)),
            float((luma >= 210).mean()),
            self._has_fallen(picture.media_s, level) and bool(views),
            night.level if night is not None else 0.0,
            structure / usual,
            there,
            there / self._usual,
            _sharpness(picture, mine),
            nearest is not None and max(present) < _SEARCH_BELOW and self._is_displaced(nearest, seen),
            mine is not None,
            self._stillness.update(picture),
            mine is not None and mine.height != picture.height,
        )

    def _has_fallen(self, media_s: float, level: float) -> bool:
        """Whether the dark came at once, as it does from a cover and not from dusk; said until it is lighter.

        Where it does so again and again a lamp is switched.
        """
        while self._levels and media_s - self._levels[0][0] > _REMEMBERS_S:
            self._levels.popleft()
        usual = float(np.median([one for _, one in self._levels])) if self._levels else level
        self._levels.append((media_s, level))
        falls = level < _MOST_DARK and usual - level > _FELL_LEVELS
        if falls and not self._fell:
            while self._falls_s and media_s - self._falls_s[0] > _HABIT_S:
                self._falls_s.popleft()
            self._falls_s.append(media_s)
        self._fell = level < _MOST_DARK and (self._fell or falls)
        return self._fell and len(self._falls_s) <= _HABIT_FALLS

    def _is_displaced(self, view: View, seen: Outlines) -> bool:
        right, down, sure = view.shift(seen)
        near = max(abs(right - self._shift[0]), abs(down - self._shift[1])) <= _SHAKES_PX
        self._shift = (right, down)
        return near and sure >= _SURE and max(abs(right), abs(down)) >= _LEAST_SHIFT_PX

    def _learn(self, picture: SmallPicture, seen: Outlines, light: Light, measures: Measures, step_s: float) -> None:
        reference, self.learnt = self.reference, None
        doubtful = any(latch.charge > 0 for code, latch in self._latches.items() if code not in _LEARNT_WITH)
        if doubtful or any(place.maybe_hidden for place in self.places.values()):
            self._learning = []
            return
        mine, self.light = reference.of(light), light
        if mine is not None:
            if measures.present > _SAME_PLACE and measures.kept > UNLIKE:
                self.reference = reference.with_view(light, followed(mine, seen, step_s))
                self._usual += (1 - exp(-step_s / _USUAL_S)) * (measures.present - self._usual)
            return
        same_place = measures.present >= _SAME_PLACE and measures.structure > 0
        if float(np.abs(seen).mean()) < _LEAST_STRUCTURE or not same_place:
            self._learning = []
            return
        if self._learning and light_of(self._learning[0][0]) != light:
            self._learning = []
        self._learning.append((picture, seen))
        if picture.media_s - self._learning[0][0].media_s >= _LEARNS_S and len(self._learning) >= _LEARNS_FROM:
            if self._settles_until_s is None:
                self._settles_until_s = picture.media_s + _SETTLES_S
            self.reference = reference.with_view(light, learnt(self._learning))
            self._learning, self.learnt = [], light


def _sharpness(picture: SmallPicture, view: View | None) -> float | None:
    """By the view's; None where either has no edge to judge, or the frames are of another size than they were."""
    comparable = view is not None and view.height == picture.height and view.sharpness > 0 < picture.sharpness
    return picture.sharpness / view.sharpness if view is not None and comparable else None
