"""How a drawn body holds itself: joint angles of walking, running, standing, and what people do while they wait.

Angles are radians. Flexion swings a limb forward, abduction away from the body. Phase counts gait cycles: 0 is the left
heel's strike. The knee and ankle curves follow the textbook ones (Winter, Biomechanics and Motor Control of Human
Movement, 1991), simplified to a few bumps.
"""

from dataclasses import dataclass
from math import asin, cos, pi, radians, sin
from typing import Literal

import numpy as np

Activity = Literal["walk", "run", "stand", "phone", "pockets", "talk", "call", "crossed", "carry"]
STANDING: tuple[Activity, ...] = ("stand", "phone", "pockets", "talk", "call", "crossed")


@dataclass(frozen=True, slots=True)
class Leg:
    """hip and knee flexion, the foot's own tilt against the ground (toes up positive), abduction of the hip."""

    hip: float
    knee: float
    foot: float
    abduction: float = 0.03


@dataclass(frozen=True, slots=True)
class Arm:
    """Shoulder flexion and abduction, elbow flexion, and how far the forearm turns inward (0..1)."""

    flexion: float
    abduction: float
    elbow: float
    inward: float = 0.1


@dataclass(frozen=True, slots=True)
class Pose:
    """A whole body's joint angles; (left, right) for the limbs. lean tips the trunk, twist turns the shoulders."""

    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    lean: float = 0.03
    twist: float = 0.0
    sway: float = 0.0
    head_turn: float = 0.0
    head_down: float = 0.05


def stride_m(leg_m: float, swing_rad: float) -> float:
    """Ground that one gait cycle covers: two steps of a leg that swings `swing_rad` to each side."""
    return 4.0 * leg_m * sin(swing_rad)


def swing_for(speed_m_s: float, leg_m: float) -> float:
    """Half the leg's swing, radians, at which people of that leg length walk that fast.

    Step length grows with the root of speed (Grieve and Gear, 1966).
    """
    froude = max(speed_m_s, 0.2) / (9.81 * leg_m) ** 0.5
    step_m = leg_m * 1.16 * froude**0.52
    return asin(min(step_m / (2.0 * leg_m), 0.62))


def _bump(cycle: float, centre: float, width: float) -> float:
    distance = (cycle - centre + 0.5) % 1.0 - 0.5
    return float(np.exp(-0.5 * (distance / width) ** 2))


def _walking_leg(cycle: float, swing: float, lift: float) -> Leg:
    hip = 0.06 + swing * cos(2 * pi * cycle)
    knee = radians(4) + radians(13) * _bump(cycle, 0.13, 0.06) + lift * _bump(cycle, 0.72, 0.095)
    foot = radians(16) * _bump(cycle, 0.0, 0.05) - radians(48) * _bump(cycle, 0.62, 0.08)
    return Leg(hip, knee, foot)


def walking(phase: float, swing_rad: float, run: bool = False, carry: bool = False) -> Pose:
    """The pose at `phase` of the gait cycle; arms swing against the legs."""
    lift = radians(95 if run else 58)
    legs = (_walking_leg(phase % 1.0, swing_rad, lift), _walking_leg((phase + 0.5) % 1.0, swing_rad, lift))
    reach = swing_rad * (1.3 if run else 0.95)
    bend = radians(85 if run else 16)

    def arm(cycle: float) -> Arm:
        swing = -reach * cos(2 * pi * cycle)
        return Arm(0.02 + swing, 0.12, bend + max(0.0, swing) * 0.7, 0.15)

    right = Arm(0.1, 0.14, radians(20), 0.1) if carry else arm(phase + 0.5)
    return Pose(
        legs,
        (arm(phase), right),
        lean=0.16 if run else 0.05,
        twist=-0.13 * cos(2 * pi * phase),
        sway=0.010 * sin(2 * pi * phase),
        head_down=0.08,
    )


_STANDING_ARMS: dict[str, tuple[Arm, Arm]] = {
    "stand": (Arm(0.02, 0.13, 0.22), Arm(0.04, 0.12, 0.28)),
    "phone": (Arm(0.05, 0.14, 0.25), Arm(0.42, 0.12, 1.75, 0.45)),
    "pockets": (Arm(-0.22, 0.24, 0.75, 0.25), Arm(-0.20, 0.23, 0.72, 0.25)),
    "talk": (Arm(0.05, 0.13, 0.35), Arm(0.35, 0.22, 1.25, 0.2)),
    "call": (Arm(0.02, 0.13, 0.25), Arm(1.25, 0.22, 2.65, 0.6)),
    "crossed": (Arm(0.28, 0.16, 1.55, 1.0), Arm(0.34, 0.16, 1.50, 1.0)),
}


def standing(activity: Activity, moment: float) -> Pose:
    """A waiting person's pose; `moment` (cycles of about eight seconds) shifts weight, head and hands a little."""
    wave = sin(2 * pi * moment)
    left, right = _STANDING_ARMS.get(activity, _STANDING_ARMS["stand"])
    if activity == "talk":
        right = Arm(right.flexion + 0.18 * wave, right.abduction, right.elbow + 0.3 * wave, right.inward)
    ease = 0.10 + 0.06 * wave
    legs = (Leg(0.02, 0.03, 0.0, 0.07), Leg(0.5 * ease, ease, 0.0, 0.10))
    looks_down = 0.45 if activity == "phone" else 0.06
    return Pose(
        legs,
        (left, right),
        lean=0.02,
        twist=0.05 * wave,
        sway=0.012 * wave,
        head_turn=0.35 * wave,
        head_down=looks_down,
    )


def pose_of(activity: Activity, phase: float, swing_rad: float) -> Pose:
    """The pose of any activity; `phase` counts gait cycles for walkers and slow cycles for those who stand."""
    if activity in ("walk", "run", "carry"):
        return walking(phase, swing_rad, run=activity == "run", carry=activity == "carry")
    return standing(activity, phase)
