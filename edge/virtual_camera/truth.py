"""What is true in a drawn scene: who is where in every frame, how much of them shows, and when they are in the zone."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge.core.geometry import contains


@dataclass(frozen=True, slots=True)
class Presence:
    """One person in one frame.

    box: left, top, right, bottom of the whole person, hidden parts too, cut at the picture's edges; fractions.
    visible: share of the whole person that shows, 0..1. footpoint: where the person stands, middle of the uncut box's
    lower edge; fractions, outside 0..1 for someone outside the picture. In `zone` while the footpoint is inside it.
    """

    frame: int
    person: str
    box: tuple[float, float, float, float]
    visible: float
    footpoint: tuple[float, float]
    in_zone: bool


@dataclass(frozen=True, slots=True)
class TrueStay:
    """One person's presence in the zone, seconds from the scene's beginning; dwell_s = leave_s - enter_s."""

    person: str
    zone: str
    enter_s: float
    leave_s: float
    dwell_s: float


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """The whole truth of a scene. zone: polygon in fractions. Presences are ordered by frame."""

    width: int
    height: int
    fps: float
    frames: int
    zone_name: str
    zone: tuple[tuple[float, float], ...]
    people: tuple[str, ...]
    presences: tuple[Presence, ...]
    stays: tuple[TrueStay, ...]

    def at(self, frame: int) -> tuple[Presence, ...]:
        """Everyone in that frame."""
        return tuple(p for p in self.presences if p.frame == frame)

    def write(self, path: Path) -> None:
        """Writes everything as one JSON document."""
        path.write_text(json.dumps(asdict(self), separators=(",", ":")) + "\n", encoding="utf-8")


def inside(zone: Sequence[tuple[float, float]], footpoint: tuple[float, float]) -> bool:
    """Whether a footpoint is in the zone."""
    return bool(contains(np.asarray(zone, np.float64), np.asarray([footpoint], np.float64))[0])


def stays_of(presences: Sequence[Presence], fps: float, zone_name: str, grace_s: float = 0.5) -> tuple[TrueStay, ...]:
    """Each person's stays: runs of frames in the zone, joined over gaps up to `grace_s`, so that no edge flickers.

    A stay is from its first frame to the end of its last one.
    """
    runs: dict[str, list[list[int]]] = {}
    for one in presences:
        if not one.in_zone:
            continue
        mine = runs.setdefault(one.person, [])
        if mine and (one.frame - mine[-1][1] - 1) <= grace_s * fps:
            mine[-1][1] = one.frame
        else:
            mine.append([one.frame, one.frame])
    stays = [
        TrueStay(
            person, zone_name, round(first / fps, 3), round((last + 1) / fps, 3), round((last + 1 - first) / fps, 3)
        )
        for person, mine in runs.items()
        for first, last in mine
    ]
    return tuple(sorted(stays, key=lambda stay: (stay.enter_s, stay.person)))
