"""How people move: steps (walk there, wait so long, be away) become a track of places, headings and gait phases."""

from dataclasses import dataclass, field
from math import atan2, cos, hypot, pi, sin

import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.gait import Activity, stride_m, swing_for
from edge.virtual_camera.wardrobe import Figure

_TURN_RAD_S = 4.5
_SLOW_CYCLE_S = 8.0


@dataclass(frozen=True, slots=True)
class Walk:
    """Go straight to (x, z), metres, at `pace` times the figure's own speed; gait "walk", "run" or "carry"."""

    x: float
    z: float
    pace: float = 1.0
    gait: Activity = "walk"


@dataclass(frozen=True, slots=True)
class Wait:
    """Stand for `seconds`, doing `activity`, looking towards `face` (x, z), or on where the walk led."""

    seconds: float
    activity: Activity = "stand"
    face: tuple[float, float] | None = None


Step = Walk | Wait


@dataclass(frozen=True, slots=True)
class Actor:
    """A figure and what it does: appears at `start` (x, z) after `start_s`, and is gone after its last step."""

    figure: Figure
    start_s: float
    start: tuple[float, float]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One actor over all frames; row i is frame i. present: (n,) bool. x, z: metres. heading: radians, 0 away from the
    camera. phase: gait cycles (walking) or slow cycles (standing). activity: what it does."""

    present: NDArray[np.bool_]
    x: NDArray[np.float64]
    z: NDArray[np.float64]
    heading: NDArray[np.float64]
    phase: NDArray[np.float64]
    activity: tuple[Activity, ...]


@dataclass(slots=True)
class _Walker:
    actor: Actor
    x: float
    z: float
    heading: float
    speed: float = 0.0
    phase: float = 0.0
    waited_s: float = 0.0
    step: int = 0
    activity: Activity = "walk"
    gaits: dict[str, float] = field(default_factory=dict)

    def advance(self, dt_s: float) -> bool:
        """Moves on by one frame; False when the last step is done."""
        steps = self.actor.steps
        if self.step >= len(steps):
            return False
        step = steps[self.step]
        if isinstance(step, Walk):
            self._walk(step, dt_s)
        else:
            self._wait(step, dt_s)
        return True

    def _walk(self, step: Walk, dt_s: float) -> None:
        figure = self.actor.figure
        gap = hypot(step.x - self.x, step.z - self.z)
        wanted = figure.speed_m_s * step.pace * (1.9 if step.gait == "run" else 1.0)
        self.speed = min(wanted, self.speed + 2.5 * dt_s)
        reach = self.speed * dt_s
        if gap <= reach:
            self.x, self.z = step.x, step.z
            self.step += 1
            self.waited_s = 0.0
        else:
            self._turn(atan2(step.x - self.x, step.z - self.z), dt_s)
            self.x += (step.x - self.x) / gap * reach
            self.z += (step.z - self.z) / gap * reach
        leg = figure.build.leg_m
        self.phase += min(gap, reach) / stride_m(leg, swing_for(wanted, leg))
        self.activity = step.gait

    def _wait(self, step: Wait, dt_s: float) -> None:
        self.speed = 0.0
        if self.waited_s == 0.0:
            self.phase = float(self.actor.figure.seed % 97) / 97
        self.waited_s += dt_s
        self.phase += dt_s / _SLOW_CYCLE_S
        self.activity = step.activity
        if step.face is not None:
            self._turn(atan2(step.face[0] - self.x, step.face[1] - self.z), dt_s)
        if self.waited_s >= step.seconds:
            self.step += 1
            self.waited_s = 0.0

    def _turn(self, target: float, dt_s: float) -> None:
        error = (target - self.heading + pi) % (2 * pi) - pi
        self.heading += float(np.clip(error, -_TURN_RAD_S * dt_s, _TURN_RAD_S * dt_s))


def perform(actor: Actor, frames: int, fps: float) -> Motion:
    """Plays an actor's steps at `fps` frames a second."""
    first = next((s for s in actor.steps if isinstance(s, Walk)), None)
    heading = atan2(first.x - actor.start[0], first.z - actor.start[1]) if first else pi
    walker = _Walker(actor, *actor.start, heading)
    present = np.zeros(frames, np.bool_)
    table = np.zeros((frames, 4))
    activities: list[Activity] = ["walk"] * frames
    for frame in range(max(0, round(actor.start_s * fps)), frames):
        present[frame] = walker.advance(1.0 / fps)
        if not present[frame]:
            break
        table[frame] = walker.x, walker.z, walker.heading, walker.phase
        activities[frame] = walker.activity
    return Motion(present, table[:, 0], table[:, 1], table[:, 2], table[:, 3], tuple(activities))


def toward(x: float, z: float, heading: float, metres: float) -> tuple[float, float]:
    """The place `metres` ahead of (x, z)."""
    return x + sin(heading) * metres, z + cos(heading) * metres
