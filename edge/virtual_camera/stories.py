"""Casts and what they do: one function for each story, found by name in `STORIES`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, hypot, pi, sin

import numpy as np

from edge.virtual_camera.behaviour import Actor, Step, Wait, Walk
from edge.virtual_camera.gait import STANDING, Activity
from edge.virtual_camera.place import Place
from edge.virtual_camera.wardrobe import Age, draw_figure

_CROSSING_S = 15.0  # the slowest are out of the picture by then


@dataclass(slots=True)
class Stage:
    """What a story is told with: the place, its seed, how long it lasts, and whether people dress for rain."""

    place: Place
    rng: np.random.Generator
    duration_s: float
    rain: bool
    spots: list[tuple[float, float]] = field(default_factory=list)

    def between(self, low: float, high: float) -> float:
        """A number of the seed's."""
        return float(self.rng.uniform(low, high))

    def side(self) -> int:
        """-1 (left) or 1 (right)."""
        return int(self.rng.choice([-1, 1]))

    def lane_z(self) -> float:
        """A depth on the pavement to walk along, clear of parked motorbikes."""
        place = self.place
        far = place.fence_z - (1.9 if place.bikes else 0.5)
        return max(self.between(min(place.kerb_z + 0.4, far), far), self.nearest_z())

    def nearest_z(self) -> float:
        """The least depth at which a grown-up still fits the picture's height."""
        camera = self.place.camera
        return min(1.9 * camera.focal_px / camera.height, self.place.fence_z - 0.6)

    def spot(self) -> tuple[float, float]:
        """A place to stand inside the zone, apart from the places already given."""
        place = self.place
        near, far = max(place.kerb_z + 0.6, self.nearest_z()), place.fence_z - 0.6
        tries = [
            (place.gate_x + self.between(-1.1, 1.1) * place.gate_half_m, self.between(min(near, far), far))
            for _ in range(8)
        ]
        # Seen from the camera people hide each other sooner by depth than sideways, so sideways counts more.
        gaps = [min((hypot(x - a, 0.4 * (z - b)) for a, b in self.spots), default=9.0) for x, z in tries]
        best = tries[int(np.argmax(np.minimum(gaps, 0.9)))]
        self.spots.append(best)
        return best

    def outside(self, side: int, z: float) -> tuple[float, float]:
        """Just out of the picture on that side, at depth z."""
        return self.place.edge_x(z, side), z

    def actor(self, start_s: float, start: tuple[float, float], steps: list[Step], age: Age = "adult") -> Actor:
        """A figure of the seed's own that does `steps`."""
        number = int(self.rng.integers(10**6))
        return Actor(draw_figure(self.rng, f"{age}-{number:06d}", age, self.rain), start_s, start, tuple(steps))

    def waits(self) -> Activity:
        """What somebody does while waiting."""
        return STANDING[int(self.rng.integers(len(STANDING)))]

    def age(self, children: float) -> Age:
        """A child or teenager with the chance `children`, else an adult."""
        if self.rng.random() >= children:
            return "adult"
        return "child" if self.rng.random() < 0.6 else "teenager"


def _passer(stage: Stage, start_s: float, children: float = 0.2) -> Actor:
    side, z = stage.side(), stage.lane_z()
    if stage.rng.random() < 0.2:
        z = max(stage.between(stage.place.kerb_z - 1.6, stage.place.kerb_z - 0.5), stage.nearest_z())
    age = stage.age(children)
    gait: Activity = "run" if age == "child" and stage.rng.random() < 0.3 else "walk"
    end = stage.outside(-side, z + stage.between(-0.3, 0.3))
    return stage.actor(start_s, stage.outside(side, z), [Walk(*end, stage.between(0.9, 1.1), gait)], age)


def _visitor(stage: Stage, start_s: float, stay_s: float, spot: tuple[float, float], age: Age = "adult") -> Actor:
    """Comes into the zone, waits about `stay_s` with small changes of place, and leaves."""
    side = stage.side()
    steps: list[Step] = [Walk(*spot)]
    left_s = stay_s
    while left_s > 0:
        part = min(left_s, stage.between(8, 16))
        look = (stage.place.gate_x + stage.between(-6, 6), stage.place.fence_z + stage.between(-9, 3))
        steps.append(Wait(part, stage.waits(), look))
        left_s -= part
        if left_s > 3:
            spot = stage.spot()
            steps.append(Walk(*spot, 0.6))
    steps.append(Walk(*stage.outside(stage.side(), stage.lane_z())))
    return stage.actor(start_s, stage.outside(side, stage.lane_z()), steps, age)


def _loiterer(stage: Stage) -> list[Actor]:
    stay = max(4.0, stage.duration_s - 26.0)  # leaves time to walk in, about and out
    cast = [_visitor(stage, 0.5, stay, stage.spot())]
    return cast + [_passer(stage, stage.between(0.2, 0.8) * stage.duration_s) for _ in range(2)]


def _passers(stage: Stage) -> list[Actor]:
    count = max(3, round(stage.duration_s / 7))
    return [_passer(stage, share * max(1.0, stage.duration_s - 8.0)) for share in np.linspace(0, 1, count)]


def _gathering(stage: Stage) -> list[Actor]:
    place, cast = stage.place, []
    middle = (place.gate_x, (place.kerb_z + place.fence_z) / 2)
    count = int(stage.rng.integers(5, 7))
    leave_s = stage.duration_s - 12.0
    for index in range(count):
        angle = 2 * pi * index / count + stage.between(-0.2, 0.2)
        spot = (middle[0] + 1.15 * cos(angle), middle[1] + 0.85 * sin(angle))
        start_s = index * min(3.0, 0.05 * stage.duration_s)
        side = stage.side()
        start = stage.outside(side, stage.lane_z())
        walk_s = hypot(spot[0] - start[0], spot[1] - start[1]) / 1.2
        steps: list[Step] = [Walk(*spot), Wait(max(3.0, leave_s - start_s - walk_s), stage.waits(), middle),
                             Walk(*stage.outside(stage.side(), stage.lane_z()))]  # fmt: skip
        cast.append(stage.actor(start_s, start, steps, stage.age(0.3)))
    return cast


def _meet(stage: Stage) -> list[Actor]:
    x, z = stage.spot()
    talk_s, end_side, cast = max(4.0, stage.duration_s - 24.0), stage.side(), []
    for side in (-1, 1):
        spot, other = (x + 0.4 * side, z), (x - 0.4 * side, z)
        lane = z + 0.25 * side
        steps: list[Step] = [Walk(*spot), Wait(talk_s, "talk" if side > 0 else stage.waits(), other),
                             Walk(*stage.outside(end_side, lane))]  # fmt: skip
        cast.append(stage.actor(1.0 if side < 0 else 2.5, stage.outside(side, lane), steps))
    return cast


def _pole(stage: Stage) -> list[Actor]:
    """Somebody loiters and stands behind the pole for a while; another passes."""
    place = stage.place
    behind_z = place.pole_z + 0.75
    behind = (place.pole_x * behind_z / place.pole_z, behind_z)
    spot = stage.spot()
    part = max(3.0, (stage.duration_s - 22.0) / 3)
    gate = (place.gate_x, place.fence_z)
    steps: list[Step] = [Walk(*spot), Wait(part, "phone", (0.0, 0.0)), Walk(*behind, 0.7), Wait(part, "stand", gate),
                         Walk(*spot, 0.7), Wait(part, "pockets", gate),
                         Walk(*stage.outside(1, stage.lane_z()))]  # fmt: skip
    return [stage.actor(0.5, stage.outside(1, stage.lane_z()), steps), _passer(stage, 0.4 * stage.duration_s)]


def _return(stage: Stage) -> list[Actor]:
    """Waits in the zone, goes out of the picture, comes back and waits again."""
    side, z = stage.side(), stage.lane_z()
    outside = stage.outside(side, z)
    stay = max(3.0, (stage.duration_s - 32.0) / 2)
    steps: list[Step] = [Walk(*stage.spot()), Wait(stay, stage.waits(), (0.0, 0.0)), Walk(*outside), Wait(6.0),
                         Walk(*stage.spot()), Wait(stay, stage.waits(), (0.0, 0.0)), Walk(*outside)]  # fmt: skip
    return [stage.actor(0.5, outside, steps), _passer(stage, 0.3 * stage.duration_s)]


def _turns(stage: Stage) -> list[Actor]:
    """One leaves the zone as another takes the very same place."""
    spot = stage.spot()
    stay = max(4.0, stage.duration_s / 2 - 12.0)
    cast = []
    for start_s, side in ((0.5, -1), (0.5 + stay + 3.0, 1)):
        z = stage.lane_z()
        steps: list[Step] = [Walk(*spot), Wait(stay, stage.waits(), (0.0, 0.0)), Walk(*stage.outside(side, z))]
        cast.append(stage.actor(start_s, stage.outside(side, z), steps))
    return cast


def _pacing(stage: Stage) -> list[Actor]:
    """Walks through the zone and back, again and again, never staying long."""
    place, z = stage.place, stage.lane_z()
    far = place.gate_half_m + 2.3
    steps: list[Step] = []
    for turn in range(max(2, int((stage.duration_s - 14.0) / 9.0))):
        side = 1 if turn % 2 == 0 else -1
        steps += [Walk(place.gate_x + side * far, z), Wait(1.5, "stand")]
    steps.append(Walk(*stage.outside(1, z)))
    return [stage.actor(0.5, stage.outside(-1, z), steps)]


def _school_day(stage: Stage) -> list[Actor]:
    """Parents wait, children come out of the gate, some are fetched, some run; others pass by."""
    place, cast = stage.place, []
    length = stage.duration_s
    for _ in range(int(stage.rng.integers(2, 4))):
        cast.append(_visitor(stage, stage.between(0, 0.15) * length, stage.between(0.3, 0.6) * length, stage.spot()))
    for _ in range(int(stage.rng.integers(3, 6))):
        inside = (place.gate_x + stage.between(-0.6, 0.6) * place.gate_half_m, place.fence_z + stage.between(4.0, 6.0))
        through = (place.gate_x + stage.between(-0.7, 0.7) * place.gate_half_m * max(0.4, place.gate_open), 0.0)
        gait: Activity = "run" if stage.rng.random() < 0.25 else "walk"
        steps: list[Step] = [Walk(through[0], place.fence_z, 1.0, gait), Walk(*stage.spot(), 1.0, gait)]
        if stage.rng.random() < 0.5:
            steps.append(Wait(stage.between(2, 8), stage.waits(), (0.0, 0.0)))
        steps.append(Walk(*stage.outside(stage.side(), stage.lane_z()), 1.0, gait))
        age: Age = "child" if stage.rng.random() < 0.7 else "teenager"
        cast.append(stage.actor(stage.between(0.1, 0.7) * length, inside, steps, age))
    return cast + [_passer(stage, stage.between(0, 0.8) * length) for _ in range(max(2, int(length / 15)))]


def _random_mix(stage: Stage) -> list[Actor]:
    """Anything: another number of people, ages and doings for each seed."""
    length, cast = stage.duration_s, []
    children = stage.between(0.0, 0.7)
    for _ in range(int(stage.rng.integers(0, 5))):
        spot = stage.spot()
        visitor = _visitor(stage, stage.between(-0.15, 0.6) * length, stage.between(3, 0.6 * length + 4), spot,
                           stage.age(children))  # fmt: skip
        cast.append(visitor)
    passers = int(stage.rng.integers(0, max(3, int(length / 4))))
    cast += [_passer(stage, stage.between(-0.1, 0.9) * length, children) for _ in range(passers)]
    more = (None, _gathering, _school_day, _meet)[int(stage.rng.integers(4))]
    return cast + more(stage) if more else cast


def passers_by(stage: Stage, begin_s: float, end_s: float) -> list[Actor]:
    """Somebody passes now and then between two moments of the scene, as on a quiet morning; nobody stays."""
    cast = []
    at_s = begin_s + stage.between(2, 10)
    while at_s < end_s - _CROSSING_S:
        cast.append(_passer(stage, at_s))
        at_s += stage.between(20, 40)
    return cast


STORIES: dict[str, Callable[[Stage], list[Actor]]] = {
    "loiterer": _loiterer,
    "passers": _passers,
    "gathering": _gathering,
    "meet": _meet,
    "pole": _pole,
    "return": _return,
    "turns": _turns,
    "pacing": _pacing,
    "school_day_mix": _school_day,
    "random_mix": _random_mix,
    "empty": lambda _stage: [],
}
