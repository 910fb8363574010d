"""Who is who: joins the tracker's identities into persons. One keeper for each camera."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core import person_link
from edge.core.person import GapBridged, GapReason, Identity, Person
from edge.core.person_link import LinkParams
from edge.core.track import Track

_LATE_LINK_S = 1.5  # so long a new person may still turn out to be a lost one


class PersonKeeper:
    """Joins tracks into persons, frame by frame, in media seconds."""

    def __init__(self, params: LinkParams | None = None) -> None:
        self._params = params or LinkParams()
        self._alive: dict[int, Identity] = {}
        self._next_id = 1

    def update(self, tracks: Sequence[Track], frame_size: tuple[int, int], now_s: float) -> list[Person]:
        """The persons after a frame at `now_s`: all that are alive, and those that ended just now.

        tracks: as the tracker left them after this frame. frame_size: width, height in pixels.
        """
        seen = {track.track_id: track for track in tracks if track.detected}
        crowded = _crowded(list(seen.values()))
        by_track = {identity.track_id: identity for identity in self._alive.values()}
        for identity in self._alive.values():
            identity.bridged = None
        unbound = [track for track_id, track in seen.items() if track_id not in by_track]
        ended = self._join(unbound, seen, frame_size, now_s)
        by_track = {identity.track_id: identity for identity in self._alive.values()}
        for track_id, track in seen.items():
            if track_id not in by_track:
                self._begin(track)
        for identity in list(self._alive.values()):
            matched = seen.get(identity.track_id)
            if matched is not None:
                self._observe(identity, matched, now_s, track_crowded=matched.track_id in crowded)
            else:
                identity.missed_frames += 1
        persons = [i.snapshot(i.track_id in seen) for i in self._alive.values()]
        return sorted(persons, key=lambda p: p.person_id) + ended + self._expire(frame_size, now_s)

    def _join(
        self, unbound: list[Track], seen: dict[int, Track], frame_size: tuple[int, int], now_s: float
    ) -> list[Person]:
        # Lost persons against new tracks and against persons so young that they may be a lost one; cheapest pair first.
        lost = [i for i in self._alive.values() if i.track_id not in seen]
        young = [
            i
            for i in self._alive.values()
            if i.track_id in seen and not i.linked and now_s - i.first_seen_s <= _LATE_LINK_S
        ]
        pairs = [
            (person_link.cost(identity, track, frame_size, self._params), identity.person_id, track.track_id)
            for identity in lost
            for track in [*unbound, *(seen[y.track_id] for y in young)]
        ]
        owner = {y.track_id: y for y in young}
        merged: list[Person] = []
        used_person: set[int] = set()
        used_track: set[int] = set()
        for price, person_id, track_id in sorted(pairs):
            if math.isinf(price):
                break
            if person_id in used_person or track_id in used_track:
                continue
            used_person.add(person_id)
            used_track.add(track_id)
            identity = self._alive[person_id]
            self._bridge(identity, seen[track_id])
            younger = owner.get(track_id)
            if younger is not None:
                del self._alive[younger.person_id]
                merged.append(younger.snapshot(seen=False, ended_because="merged", merged_into=person_id))
        return merged

    def _bridge(self, identity: Identity, track: Track) -> None:
        gap_s = track.first_seen_s - identity.last_seen_s
        reason: GapReason = "identity_switch" if gap_s <= 0.6 else _why_unseen(identity, self._params)
        identity.bridged = GapBridged(
            identity.last_seen_s, track.first_seen_s, reason, identity.track_id, track.track_id
        )
        identity.rebind(track)

    def _begin(self, track: Track) -> None:
        self._alive[self._next_id] = Identity.of(self._next_id, track)
        self._next_id += 1

    def _observe(self, identity: Identity, track: Track, now_s: float, track_crowded: bool) -> None:
        gap_s = now_s - identity.last_seen_s
        if identity.bridged is None and gap_s >= 0.5 and (identity.missed_frames or gap_s > 1.0):
            reason = _why_unseen(identity, self._params)
            identity.bridged = GapBridged(identity.last_seen_s, now_s, reason, track.track_id, track.track_id)
        identity.observe(track, now_s, track_crowded)

    def _expire(self, frame_size: tuple[int, int], now_s: float) -> list[Person]:
        gone: list[Person] = []
        for identity in list(self._alive.values()):
            if now_s - identity.last_seen_s > person_link.patience_s(identity, frame_size, self._params):
                left = person_link.leaves(identity, frame_size, self._params)
                gone.append(identity.snapshot(seen=False, ended_because="left" if left else "lost"))
                del self._alive[identity.person_id]
        return gone


def _why_unseen(identity: Identity, params: LinkParams) -> GapReason:
    # Someone who walks and vanishes went behind something; someone who stands was merely not detected.
    hidden = identity.crowded or person_link.speed_heights_s(identity) > params.walking_heights_s
    return "occlusion" if hidden else "missed_detection"


def _crowded(tracks: list[Track]) -> set[int]:
    """Tracks whose box another box covers by more than a tenth: their colours are mixed."""
    if len(tracks) < 2:
        return set()
    boxes: NDArray[np.float64] = np.array([t.xyxy for t in tracks], np.float64)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    np.fill_diagonal(shared, 0.0)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).clip(1.0)
    covered = (shared / area[:, None]).max(axis=1) > 0.1
    return {track.track_id for track, hit in zip(tracks, covered, strict=True) if hit}
