"""One human being in one camera's view, across the tracker's identities.

A tracker forgets: behind a pole, in a crowd, through a lost frame it ends one identity and begins another. A person is
what stays the same. This file holds what is known of one person; `person_keeper` decides who is who.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.core.appearance import blend
from edge.core.things import SURE, SURE_AFTER_S, UNJUDGED_S
from edge.core.track import Track

NO_TRACK = -1
_WALKED_HEIGHTS = 0.5  # the box of a thing that never moves wanders by a quarter of its height
LOOK_SETTLES_S = 1.0  # so long a look may still turn out to be of somebody else

GapReason = Literal["missed_detection", "occlusion", "identity_switch", "brief_exit"]


@dataclass(frozen=True, slots=True)
class GapBridged:
    """A time in which a person was not seen and was taken to be there all the same.

    from_s, to_s: media seconds of the last sight before and the first one after.
    from_track, to_track: the tracker's identities on both sides; equal where the tracker itself bridged the gap.
    """

    from_s: float
    to_s: float
    reason: GapReason
    from_track: int
    to_track: int


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A person as known after one frame.

    person_id: from 1, unique within a camera; a person who left the picture and comes back gets a new one.
    track_id: the tracker's identity it goes by now. track_ids: all so far, oldest first.
    seen: detected in this very frame.
    xyxy: (4,) float32 pixels, last seen box. height_px: smoothed height of the box.
    believed: to be somebody and no thing, see `things`.
    first_seen_s, last_seen_s: media seconds. first_foot: where the feet were at first_seen_s, as far as can be told,
        because a tracker tells of a track only when it is sure of it.
    bridged: the gap that this very frame closed, if one.
    ended_because: None while alive; "left" over the picture's border, "lost" in its middle, "merged" into the person
        `merged_into`, whom it turned out to be.
    """

    person_id: int
    track_id: int
    track_ids: tuple[int, ...]
    seen: bool
    xyxy: NDArray[np.float32]
    height_px: float
    confidence: float
    believed: bool
    first_seen_s: float
    last_seen_s: float
    first_foot: tuple[float, float]
    bridged: GapBridged | None = None
    ended_because: Literal["left", "lost", "merged"] | None = None
    merged_into: int | None = None

    @property
    def foot(self) -> tuple[float, float]:
        """Middle of the box's lower edge, pixels."""
        return float(self.xyxy[0] + self.xyxy[2]) / 2, float(self.xyxy[3])


@dataclass(slots=True)
class Doubt:
    """A time in which a person's track may have passed to somebody else.

    since_s: media seconds at which it began. before: the person's box, and when it was seen, just before.
    contact_s: last moment at which the person was mixed up with a rival. rivals: person_ids.
    """

    since_s: float
    before_s: float
    before_xyxy: NDArray[np.float32]
    contact_s: float
    rivals: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Identity:
    """What the keeper remembers of one person; changes from frame to frame.

    track_id: NO_TRACK while it goes by none of the tracker's identities.
    born_s, born_xyxy: the first sight that the keeper was told. unwatched_s: from the last frame without the person to
        that sight.
    previous_s, previous_xyxy: the sight before the last one.
    trail: (media_s, x, y) footpoints of the last seconds, pixels.
    reference: colours that are surely this person's, blended over seconds; None until there were some.
    looks: (media_s, histogram) of boxes that no other box covered, not yet part of the reference.
    doubt: open while it must be checked whether the track still follows this person.
    crowded: another person's box overlapped at the last sight.
    blind_s: of the time since the last sight, what nobody looked: the camera or the process was gone.
    linked: joined from more than one track.
    believed: something moved where they were seen, or they were seen elsewhere than at first; or see `things`.
    unjudged_s: seen in frames of which no movement can be told. sureness: smoothed confidence.
    """

    person_id: int
    track_id: int
    track_ids: list[int]
    first_seen_s: float
    last_seen_s: float
    xyxy: NDArray[np.float32]
    confidence: float
    height_px: float
    first_foot: tuple[float, float]
    born_s: float
    born_xyxy: NDArray[np.float32]
    unwatched_s: float
    previous_s: float
    previous_xyxy: NDArray[np.float32]
    trail: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=64))
    reference: NDArray[np.float32] | None = None
    looks: deque[tuple[float, NDArray[np.float32]]] = field(default_factory=lambda: deque(maxlen=32))
    doubt: Doubt | None = None
    missed_frames: int = 0
    blind_s: float = 0.0
    crowded: bool = False
    linked: bool = False
    believed: bool = False
    unjudged_s: float = 0.0
    sureness: float = 0.0
    bridged: GapBridged | None = None

    @classmethod
    def of(cls, person_id: int, track: Track, unwatched_s: float) -> "Identity":
        """A new person, first seen as `track`, whose box is `unwatched_s` younger than the last frame without it."""
        x, y = track.footpoint
        back_s = track.last_seen_s - track.first_seen_s
        identity = cls(
            person_id=person_id,
            track_id=track.track_id,
            track_ids=[track.track_id],
            first_seen_s=track.first_seen_s,
            last_seen_s=track.last_seen_s,
            xyxy=track.xyxy,
            confidence=track.confidence,
            height_px=height_px(track.xyxy),
            first_foot=(x - back_s * float(track.velocity_px_s[0]), y - back_s * float(track.velocity_px_s[1])),
            born_s=track.last_seen_s,
            born_xyxy=track.xyxy,
            unwatched_s=unwatched_s,
            previous_s=track.last_seen_s,
            previous_xyxy=track.xyxy,
        )
        identity.trail.append((track.last_seen_s, *track.footpoint))
        return identity

    @property
    def foot_px(self) -> tuple[float, float]:
        """Last seen footpoint, pixels."""
        return float(self.xyxy[0] + self.xyxy[2]) / 2, float(self.xyxy[3])

    @property
    def appearance(self) -> NDArray[np.float32] | None:
        """The best known colours: the reference, or what has been seen so far."""
        return self.reference if self.reference is not None else self.recent_look()

    def recent_look(self) -> NDArray[np.float32] | None:
        """Mean of the looks that are not yet part of the reference."""
        if not self.looks:
            return None
        mean: NDArray[np.float32] = np.mean([look for _, look in self.looks], axis=0, dtype=np.float32)
        return mean

    def missed_s(self, now_s: float) -> float:
        """Seconds since the last sight in which somebody looked."""
        return now_s - self.last_seen_s - self.blind_s

    def velocity_px_s(self) -> tuple[float, float]:
        """Of the feet over the last second or so, pixels a second: a line fitted through the trail."""
        points = np.array([p for p in self.trail if p[0] >= self.last_seen_s - 1.2], np.float64)
        if len(points) < 2 or points[-1, 0] - points[0, 0] < 0.15:
            return 0.0, 0.0
        t = points[:, 0] - points[:, 0].mean()
        spread = float((t * t).sum())
        return float((t * points[:, 1]).sum()) / spread, float((t * points[:, 2]).sum()) / spread

    def observe(self, track: Track, now_s: float, crowded: bool, moved: bool) -> None:
        """Take in the detection that `track` was matched with in this frame; moved: something did, where it is."""
        self.previous_s, self.previous_xyxy = self.last_seen_s, self.xyxy
        self.xyxy = track.xyxy
        self.confidence = track.confidence
        self.height_px += 0.3 * (height_px(track.xyxy) - self.height_px)
        self.sureness += 0.05 * (track.confidence - self.sureness)
        sure = self.sureness >= SURE and now_s - self.first_seen_s >= SURE_AFTER_S
        self.believed |= moved or sure or self.unjudged_s >= UNJUDGED_S or self._walked()
        self.trail.append((now_s, *track.footpoint))
        if track.appearance is not None and not crowded:
            self.looks.append((now_s, track.appearance))
        if self.doubt is None:
            self.settle_looks(now_s - LOOK_SETTLES_S)
        self.last_seen_s = now_s
        self.missed_frames = 0
        self.blind_s = 0.0
        self.crowded = crowded

    def _walked(self) -> bool:
        from_x, to_x = (float(box[0] + box[2]) / 2 for box in (self.born_xyxy, self.xyxy))
        return math.hypot(to_x - from_x, float(self.xyxy[3] - self.born_xyxy[3])) > _WALKED_HEIGHTS * self.height_px

    def settle_looks(self, until_s: float) -> None:
        """Make the looks up to `until_s` part of the reference."""
        while self.looks and self.looks[0][0] <= until_s:
            self.reference = blend(self.reference, self.looks.popleft()[1], 0.1)

    def rebind(self, track_id: int) -> None:
        """Go by another of the tracker's identities from now on."""
        self.track_id = track_id
        if track_id != NO_TRACK and self.track_ids[-1] != track_id:
            self.track_ids.append(track_id)
            del self.track_ids[:-64]

    def snapshot(
        self,
        seen: bool,
        ended_because: Literal["left", "lost", "merged"] | None = None,
        merged_into: int | None = None,
    ) -> Person:
        """The frozen view that stays and rules get."""
        return Person(
            person_id=self.person_id,
            track_id=self.track_id,
            track_ids=tuple(self.track_ids),
            seen=seen,
            xyxy=self.xyxy,
            height_px=self.height_px,
            confidence=self.confidence,
            believed=self.believed,
            first_seen_s=self.first_seen_s,
            last_seen_s=self.last_seen_s,
            first_foot=self.first_foot,
            bridged=self.bridged,
            ended_because=ended_because,
            merged_into=merged_into,
        )


def height_px(xyxy: NDArray[np.float32]) -> float:
    """Height of a box in pixels, at least 1."""
    return max(1.0, float(xyxy[3] - xyxy[1]))
