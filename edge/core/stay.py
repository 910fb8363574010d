"""Stays: one person's presence in one zone, across lost and re-found tracks. This is what loitering is measured by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edge.core.person import GapBridged, Person
from edge.core.zone import Containment, Zone

MAX_PATH_POINTS = 300
MAX_GAPS = 100
MAX_VISITS = 20
Ending = Literal["left", "lost"]


@dataclass(frozen=True, slots=True)
class PathPoint:
    """Where a person's feet were: media seconds, fractions of the picture's width and height."""

    media_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Visit:
    """An earlier stay of the same person in the same zone, from and to media seconds."""

    entered_s: float
    left_s: float


@dataclass(frozen=True, slots=True)
class Stay:
    """A person's presence in a zone, as it stands after a frame.

    stay_id: from 1, unique within a zone's keeper.
    person_id: the person; the stays of one who leaves the zone, but not the picture, and comes back share it.
    zone: name of the zone.
    entered_s: media seconds at which the feet crossed into the zone, or of the first sight where it was inside.
    last_seen_s: media seconds of the last sight inside the zone.
    dwell_s: last_seen_s - entered_s, short exits and bridged gaps included.
    inside: the feet are in the zone now (False during a short exit).
    seen: detected in this very frame.
    box: left, top, right, bottom as fractions of the picture, last seen.
    track_ids: the tracker's identities that the person went by, oldest first.
    path: thinned to one point for each half second and tenth of a body height, at most MAX_PATH_POINTS.
    gaps: times not seen inside the zone, and why the stay went on all the same; the last MAX_GAPS.
    earlier: the person's stays in this zone before this one, while the picture never lost them; the last MAX_VISITS.
    ended_because: None while it lives; "left" the zone or the picture, "lost" in the middle of it.
    """

    stay_id: int
    person_id: int
    zone: str
    entered_s: float
    last_seen_s: float
    dwell_s: float
    inside: bool
    seen: bool
    box: tuple[float, float, float, float]
    confidence: float
    track_ids: tuple[int, ...]
    path: tuple[PathPoint, ...]
    gaps: tuple[GapBridged, ...]
    earlier: tuple[Visit, ...] = ()
    ended_because: Ending | None = None


@dataclass(frozen=True, slots=True)
class StayParams:
    """margin_heights: how far past the edge, in body heights, the feet must be before a change of side counts."""

    margin_heights: float = 0.06


@dataclass(slots=True, eq=False)
class _Presence:
    """One person as one zone sees them. A stay is open while `stay_id` is not None."""

    containment: Containment
    stay_id: int | None = None
    entered_s: float = 0.0
    last_seen_s: float = 0.0
    path: list[PathPoint] = field(default_factory=list)
    gaps: list[GapBridged] = field(default_factory=list)
    earlier: list[Visit] = field(default_factory=list)


class StayKeeper:
    """Owns the stays of one zone: entry, short exits, gaps, end. All in media seconds and body heights."""

    def __init__(self, zone: Zone, params: StayParams | None = None) -> None:
        self.zone = zone
        self._params = params or StayParams()
        self._presences: dict[int, _Presence] = {}
        self._next_id = 1

    def update(self, persons: Sequence[Person], frame_size: tuple[int, int], now_s: float) -> list[Stay]:
        """The stays after a frame at `now_s`: live ones, and those that ended just now (`ended_because` is set).

        persons: as `PersonKeeper.update` returned them for this frame. frame_size: width, height in pixels.
        """
        stays: list[Stay] = []
        depths = self._depths(persons, frame_size)
        for person, depth in zip(persons, depths, strict=True):
            if person.ended_because is not None:
                stays += self._finish(person, frame_size)
            elif person.seen:
                stays += self._see(person, depth, frame_size, now_s)
            else:
                stays += self._wait(person, frame_size, now_s)
        return stays

    def _depths(self, persons: Sequence[Person], frame_size: tuple[int, int]) -> list[float]:
        if not persons:
            return []
        feet = np.array([person.foot for person in persons], np.float64)
        heights = np.array([person.height_px for person in persons], np.float64)
        depths: list[float] = (self.zone.depth_px(feet, frame_size) / heights).tolist()
        return depths

    def _see(self, person: Person, depth: float, frame_size: tuple[int, int], now_s: float) -> list[Stay]:
        presence = self._presences.get(person.person_id)
        if presence is None:
            begun = float(self.zone.depth_px(np.array([person.first_foot]), frame_size)[0]) / person.height_px
            presence = _Presence(Containment.first(begun, person.first_seen_s))
            self._presences[person.person_id] = presence
        before = presence.containment
        after = before.seen(depth, now_s, self._params.margin_heights)
        presence.containment = after
        ended: list[Stay] = []
        if after.inside and presence.stay_id is not None and not before.inside:
            if after.since_s - before.since_s > self.zone.grace_s:
                ended = self._close(presence, person, frame_size, "left")
            else:
                self._keep_gap(presence, _brief_exit(before.since_s, after.since_s, person))
        if after.inside:
            return [*ended, self._dwell(presence, person, frame_size, now_s)]
        if presence.stay_id is None:
            return ended
        if before.inside:
            presence.last_seen_s = max(presence.entered_s, after.since_s)
        if now_s - after.since_s > self.zone.grace_s:
            return self._close(presence, person, frame_size, "left")
        return [self._snapshot(presence, person, frame_size)]

    def _dwell(self, presence: _Presence, person: Person, frame_size: tuple[int, int], now_s: float) -> Stay:
        if presence.stay_id is None:
            presence.stay_id = self._next_id
            self._next_id += 1
            presence.entered_s = presence.containment.since_s
            presence.path, presence.gaps = [], []
        elif person.bridged is not None:
            self._keep_gap(presence, person.bridged)
        presence.last_seen_s = now_s
        _extend(presence.path, person, frame_size, now_s)
        return self._snapshot(presence, person, frame_size)

    def _wait(self, person: Person, frame_size: tuple[int, int], now_s: float) -> list[Stay]:
        presence = self._presences.get(person.person_id)
        if presence is None or presence.stay_id is None:
            return []
        outside = not presence.containment.inside
        if outside and now_s - presence.containment.since_s > self.zone.grace_s:
            return self._close(presence, person, frame_size, "left")
        return [self._snapshot(presence, person, frame_size)]

    def _finish(self, person: Person, frame_size: tuple[int, int]) -> list[Stay]:
        presence = self._presences.pop(person.person_id, None)
        if presence is None or presence.stay_id is None:
            return []
        heir = self._presences.get(person.merged_into) if person.merged_into is not None else None
        if person.merged_into is not None and (heir is None or heir.stay_id is None):
            # The older self was not in this zone: what the younger did here goes on under the older name.
            presence.earlier[:0] = heir.earlier if heir is not None else ()
            del presence.earlier[:-MAX_VISITS]
            self._presences[person.merged_into] = presence
            return []
        return self._close(presence, person, frame_size, "left" if person.ended_because == "left" else "lost")

    def _close(self, presence: _Presence, person: Person, frame_size: tuple[int, int], because: Ending) -> list[Stay]:
        stay = self._snapshot(presence, person, frame_size, because)
        presence.earlier.append(Visit(presence.entered_s, presence.last_seen_s))
        del presence.earlier[:-MAX_VISITS]
        presence.stay_id = None
        return [stay]

    def _keep_gap(self, presence: _Presence, gap: GapBridged) -> None:
        presence.gaps.append(gap)
        del presence.gaps[:-MAX_GAPS]

    def _snapshot(
        self, presence: _Presence, person: Person, frame_size: tuple[int, int], because: Ending | None = None
    ) -> Stay:
        assert presence.stay_id is not None
        return Stay(
            stay_id=presence.stay_id,
            person_id=person.person_id,
            zone=self.zone.name,
            entered_s=presence.entered_s,
            last_seen_s=presence.last_seen_s,
            dwell_s=presence.last_seen_s - presence.entered_s,
            inside=presence.containment.inside and because is None,
            seen=person.seen and because is None,
            box=box_fractions(person, frame_size),
            confidence=min(1.0, max(0.0, person.confidence)),
            track_ids=person.track_ids,
            path=tuple(presence.path),
            gaps=tuple(presence.gaps),
            earlier=tuple(presence.earlier),
            ended_because=because,
        )


def box_fractions(person: Person, frame_size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The person's box as fractions of the picture, cut to it. frame_size: width, height in pixels."""
    width, height = frame_size
    left, top, right, bottom = (float(value) for value in person.xyxy)
    return _share(left, width), _share(top, height), _share(right, width), _share(bottom, height)


def _share(value_px: float, size_px: int) -> float:
    # Rounded so that a replay writes the same bytes on every processor.
    return round(min(1.0, max(0.0, value_px / size_px)), 5)


def _brief_exit(from_s: float, to_s: float, person: Person) -> GapBridged:
    return GapBridged(from_s, to_s, "brief_exit", person.track_id, person.track_id)


def _extend(path: list[PathPoint], person: Person, frame_size: tuple[int, int], now_s: float) -> None:
    x, y = _share(person.foot[0], frame_size[0]), _share(person.foot[1], frame_size[1])
    if path:
        moved_px = np.hypot((x - path[-1].x) * frame_size[0], (y - path[-1].y) * frame_size[1])
        if now_s - path[-1].media_s < 0.5 or moved_px < 0.1 * person.height_px:
            return
    path.append(PathPoint(now_s, x, y))
    if len(path) > MAX_PATH_POINTS:
        # Every second point of the older part goes: the shape stays, the length is bounded.
        del path[1 : MAX_PATH_POINTS // 2 : 2]
