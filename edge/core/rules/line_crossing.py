"""Line crossing: someone's feet cross a line, with direction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.core.geometry import segments_cross, side_of_line
from edge.core.person import Person
from edge.core.rules.signal import Direction, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import box_fractions

_MARGIN_HEIGHTS = 0.1
_MAX_WAY = 64
_RUN_HEIGHTS_S = 3.0  # 5 m/s
_STEP_HEIGHTS = 0.5  # what boxes tremble, and more


@dataclass(frozen=True, slots=True)
class LineCrossingParams:
    """name: of the line. line: two points, fractions; 'in' crosses from left to right, seen from first to second."""

    name: str
    line: tuple[tuple[float, float], tuple[float, float]]
    direction: Literal["in", "out", "both"] = "both"


@dataclass(slots=True)
class _Walk:
    """right: which side the person was last plainly on. way: footpoints since then, pixels.

    seen_s, track_id: of the last of them.
    """

    right: bool
    way: list[tuple[float, float]]
    seen_s: float
    track_id: int


class LineCrossingRule:
    """One event for each crossing; it opens and closes in the same frame.

    A crossing counts when the feet are a tenth of a body height past the line, so that someone who stands on it does
    not cross it with every tremble of the box.
    """

    def __init__(self, params: LineCrossingParams) -> None:
        self.params = params
        self._walks: dict[int, _Walk] = {}
        self._crossings = 0

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        self._carry_on(scene.persons)
        signals: list[Signal] = []
        for person in scene.persons:
            direction = self._follow(person, scene.frame_size) if person.seen else None
            if direction is not None and armed and self.params.direction in (direction, "both"):
                self._crossings += 1
                signals += [self._signal(person, scene, direction, state) for state in ("open", "closed")]
        return signals

    def _carry_on(self, persons: Sequence[Person]) -> None:
        # A person who turns out to be an earlier one has walked on under both names: what the younger crossed is told.
        alive = {person.person_id for person in persons}
        merged = {walk.track_id: walk for key, walk in self._walks.items() if key not in alive}
        self._walks = {key: walk for key, walk in self._walks.items() if key in alive}
        for person in persons:
            if person.bridged is not None and person.track_id in merged:
                self._walks[person.person_id] = merged[person.track_id]

    def _follow(self, person: Person, frame_size: tuple[int, int]) -> Direction | None:
        width, height = frame_size
        (ax, ay), (bx, by) = self.params.line
        line = (ax * width, ay * height), (bx * width, by * height)
        length_px = max(math.dist(*line), 1e-9)
        beside = side_of_line(line, person.foot) / length_px / person.height_px
        walk = self._walks.get(person.person_id)
        if walk is None:
            begun_right = side_of_line(line, person.first_foot) > 0
            walk = _Walk(begun_right, [person.first_foot], person.first_seen_s, person.track_id)
        if _jumped(walk, person):
            walk = _Walk(beside > 0, [], person.last_seen_s, person.track_id)
        self._walks[person.person_id] = walk
        walk.way.append(person.foot)
        walk.seen_s, walk.track_id = person.last_seen_s, person.track_id
        if len(walk.way) > _MAX_WAY:
            del walk.way[1 : -_MAX_WAY // 2]
        if abs(beside) < _MARGIN_HEIGHTS:
            return None
        right = beside > 0
        crossed = right != walk.right and any(
            segments_cross(line, (a, b)) for a, b in zip(walk.way, walk.way[1:], strict=False)
        )
        walk.right, walk.way = right, [person.foot]
        if not crossed:
            return None
        return "in" if right else "out"

    def _signal(self, person: Person, scene: Scene, direction: Direction, state: SignalState) -> Signal:
        return Signal(
            rule="line_crossing",
            place=self.params.name,
            subject=f"crossing-{self._crossings}",
            state=state,
            direction=direction,
            box=box_fractions(person, scene.frame_size),
            confidence=min(1.0, max(0.0, person.confidence)),
            closed_because="crossed" if state == "closed" else None,
        )


def _jumped(walk: _Walk, person: Person) -> bool:
    # Who is elsewhere sooner than anyone runs was confused with another until now; nobody walked the way between.
    reach = _STEP_HEIGHTS + _RUN_HEIGHTS_S * (person.last_seen_s - walk.seen_s)
    return math.dist(walk.way[-1], person.foot) > reach * person.height_px
