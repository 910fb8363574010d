"""The drawn body as smooth surfaces: rings lofted along bones, for any build and pose.

Body frame: x to the side, y up, z to where the person faces; metres, the ground at y = 0. Proportions are fractions of
stature (Drillis and Contini, 1966; children after Snyder, 1977).
"""

from dataclasses import dataclass
from math import cos, sin

import numpy as np

from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.gait import Arm, Leg, Pose


@dataclass(frozen=True, slots=True)
class Build:
    """One body's proportions. stature_m; girth and shoulders as factors of the average; head and leg as fractions."""

    stature_m: float
    girth: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    head: float = 0.135
    leg: float = 0.52

    @property
    def leg_m(self) -> float:
        """Hip to ground, metres."""
        return self.leg * self.stature_m


@dataclass(frozen=True, slots=True)
class Surface:
    """A closed or open patch: rows run along the bone, columns around it (the last column repeats the first).

    points_m: (rows, columns, 3) float32. albedo: (rows, columns, 3) float32 in 0..1. normals: like points_m, unit.
    body: whether it belongs to the person's box (an umbrella does not).
    """

    points_m: Array
    normals: Array
    albedo: Array
    body: bool = True


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Joints of one pose, metres in the body frame; (left, right) each."""

    hips: Array
    knees: Array
    ankles: Array
    feet: Array
    shoulders: Array
    elbows: Array
    wrists: Array
    rise_m: float
    build: Build
    pose: Pose

    def trunk(self, points: Array) -> Array:
        """Upright trunk coordinates (fractions of stature, 1 = crown) -> posed body frame, metres."""
        return _trunk(points, self.build, self.pose) + floats([0, self.rise_m, 0])


def _trunk(points: Array, build: Build, pose: Pose) -> Array:
    p = np.asarray(points, np.float32) * build.stature_m
    base = build.leg_m
    share = np.clip((p[..., 1] - base) / (0.30 * build.stature_m), 0.0, 1.0)
    turn = pose.twist * (2.0 * share - 1.0)
    x = p[..., 0] * np.cos(turn) + p[..., 2] * np.sin(turn)
    z = -p[..., 0] * np.sin(turn) + p[..., 2] * np.cos(turn)
    y = p[..., 1] - base
    lean = pose.lean * np.clip(y / (0.1 * build.stature_m), 0.0, 1.0)
    out = np.stack(
        [
            x + pose.sway * build.stature_m * share,
            base + y * np.cos(lean) - z * np.sin(lean),
            z * np.cos(lean) + y * np.sin(lean),
        ],
        axis=-1,
    )
    return out.astype(np.float32)


def skeleton(build: Build, pose: Pose) -> Skeleton:
    """Joint places of `pose`, standing on the ground: the lower foot touches y = 0."""
    s = build.stature_m
    hips, knees, ankles, feet = [], [], [], []
    for side, leg in zip((1.0, -1.0), pose.legs, strict=True):
        hip = floats([side * 0.050 * s * build.hips, build.leg_m, 0.0])
        knee = hip + _leg_bone(side, leg.hip, leg, 0.462 * build.leg_m)
        ankle = knee + _leg_bone(side, leg.hip - leg.knee, leg, 0.460 * build.leg_m)
        hips.append(hip)
        knees.append(knee)
        ankles.append(ankle)
        feet.append(floats([side * 0.08, sin(leg.foot), cos(leg.foot)]))
    soles = [a[1] - (0.042 + max(0.0, 0.115 * -f[1])) * s for a, f in zip(ankles, feet, strict=True)]
    rise = -float(min(soles))
    up = floats([0, rise, 0])
    shoulders, elbows, wrists = _arms(build, pose)
    return Skeleton(
        hips=floats(hips) + up,
        knees=floats(knees) + up,
        ankles=floats(ankles) + up,
        feet=floats(feet),
        shoulders=shoulders + up,
        elbows=elbows + up,
        wrists=wrists + up,
        rise_m=rise,
        build=build,
        pose=pose,
    )


def _leg_bone(side: float, angle: float, leg: Leg, length_m: float) -> Array:
    return floats([side * sin(leg.abduction), -cos(angle), sin(angle)]) * floats(length_m)


def _arms(build: Build, pose: Pose) -> tuple[Array, Array, Array]:
    s = build.stature_m
    sides = floats([[0.112 * build.shoulders, 0.800, -0.005], [-0.112 * build.shoulders, 0.800, -0.005]])
    shoulders = _trunk(sides, build, pose)
    elbows, wrists = [], []
    for side, shoulder, arm in zip((1.0, -1.0), shoulders, pose.arms, strict=True):
        elbow = shoulder + _arm_bone(side, arm.flexion + pose.lean, arm, 0.0, 0.172 * s)
        wrist = elbow + _arm_bone(side, arm.flexion + pose.lean + arm.elbow, arm, arm.inward, 0.150 * s)
        elbows.append(elbow)
        wrists.append(wrist)
    return shoulders, np.stack(elbows), np.stack(wrists)


def _arm_bone(side: float, angle: float, arm: Arm, inward: float, length_m: float) -> Array:
    out = sin(arm.abduction) if inward == 0.0 else 0.3 * sin(arm.abduction) - inward
    bone = floats([side * out, -cos(angle), sin(angle)])
    return bone / np.linalg.norm(bone) * floats(length_m)


def loft(centres: Array, half_width: Array, half_depth: Array, columns: int = 20, side: Array | None = None) -> Array:
    """Rings around a line of centres -> (rows, columns + 1, 3) points.

    centres: (rows, 3). half_width lies along `side` (default the x axis), half_depth across it, metres, (rows,).
    """
    tangent = np.gradient(centres, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    lateral = np.broadcast_to(floats([1, 0, 0]) if side is None else side, centres.shape)
    lateral = lateral - tangent * np.sum(lateral * tangent, axis=1, keepdims=True)
    lateral = lateral / (np.linalg.norm(lateral, axis=1, keepdims=True) + 1e-9)
    front = np.cross(tangent, lateral)
    front = front * np.where(front[:, 2:3] + 0.3 * front[:, 1:2] >= 0, 1.0, -1.0)
    angle = np.linspace(0, 2 * np.pi, columns + 1, dtype=np.float32)
    across, along = np.sin(angle)[None, :, None], np.cos(angle)[None, :, None]
    rings = across * (lateral * half_width[:, None])[:, None] + along * (front * half_depth[:, None])[:, None]
    return floats(centres[:, None] + rings)


def surface(points_m: Array, albedo: Array, body: bool = True) -> Surface:
    """A surface with outward normals; `albedo` is one colour, or one for each point."""
    along = np.gradient(points_m, axis=0)
    around = np.empty_like(points_m)
    around[:, 1:-1] = points_m[:, 2:] - points_m[:, :-2]
    around[:, 0] = around[:, -1] = points_m[:, 1] - points_m[:, -2]
    normals = np.cross(along, around)
    outward = points_m - points_m[:, :-1].mean(axis=1, keepdims=True)
    if float(np.sum(normals * outward)) < 0:
        normals = -normals
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    full = np.broadcast_to(np.asarray(albedo, np.float32), points_m.shape)
    return Surface(points_m, normals.astype(np.float32), np.ascontiguousarray(full), body)


def along_bones(joints: Array, shares: Array, rows: int) -> tuple[Array, Array]:
    """A smooth line through joints: (rows, 3) centres and the (rows,) share 0..1 along it.

    joints: (k, 3). shares: (k,) rising from 0 to 1, where on the line each joint lies.
    """
    share = np.linspace(0, 1, rows, dtype=np.float32)
    line = np.stack([np.interp(share, shares, joints[:, axis]) for axis in range(3)], axis=1)
    line[1:-1] = 0.25 * line[:-2] + 0.5 * line[1:-1] + 0.25 * line[2:]
    return line.astype(np.float32), share
