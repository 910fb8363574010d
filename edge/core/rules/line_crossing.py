"""Line crossing: someone's feet cross a line, with direction."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.core.geometry import segments_cross, side_of_line
from edge.core.person import Person
from edge.core.rules.signal import Direction, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import box_fractions

_MARGIN_HEIGHTS = 0.1
_MAX_WAY = 64


@dataclass(frozen=True, slots=True)
class LineCrossingParams:
    """name: of the line. line: two points, fractions; 'in' crosses from left to right, seen from first to second."""

    name: str
    line: tuple[tuple[float, float], tuple[float, float]]
    direction: Literal["in", "out", "both"] = "both"


@dataclass(slots=True)
class _Walk:
    """right: which side the person was last plainly on. way: footpoints since then, pixels."""

    right: bool
    way: list[tuple[float, float]]


class LineCrossingRule:
    """One event for each crossing; it opens and closes in the same frame.

    A crossing counts when the feet are a tenth of a body height past the line, so that someone who stands on it does
    not cross it with every tremble of the box.
    """

    def __init__(self, params: LineCrossingParams) -> None:
        self._params = params
        self._walks: dict[int, _Walk] = {}
        self._crossings = 0

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        alive = {person.person_id for person in scene.persons}
        self._walks = {key: walk for key, walk in self._walks.items() if key in alive}
        signals: list[Signal] = []
        for person in scene.persons:
            direction = self._follow(person, scene.frame_size) if person.seen else None
            if direction is not None and armed and self._params.direction in (direction, "both"):
                self._crossings += 1
                signals += [self._signal(person, scene, direction, state) for state in ("open", "closed")]
        return signals

    def _follow(self, person: Person, frame_size: tuple[int, int]) -> Direction | None:
        width, height = frame_size
        (ax, ay), (bx, by) = self._params.line
        line = (ax * width, ay * height), (bx * width, by * height)
        length = float(np.hypot(line[1][0] - line[0][0], line[1][1] - line[0][1]))
        beside = side_of_line(line, person.foot) / max(length, 1e-9) / person.height_px
        walk = self._walks.get(person.person_id)
        if walk is None:
            self._walks[person.person_id] = _Walk(beside > 0, [person.foot])
            return None
        walk.way.append(person.foot)
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
            place=self._params.name,
            subject=f"crossing-{self._crossings}",
            state=state,
            direction=direction,
            box=box_fractions(person, scene.frame_size),
            confidence=min(1.0, max(0.0, person.confidence)),
            closed_because="crossed" if state == "closed" else None,
        )
