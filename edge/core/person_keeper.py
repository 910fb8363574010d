"""Who is who: joins the tracker's identities into persons. One keeper for each camera."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.core import person_doubt, person_link
from edge.core.motion import Motion
from edge.core.person import NO_TRACK, GapBridged, GapReason, Identity, Person
from edge.core.person_link import Candidate, LinkParams
from edge.core.things import who_moved
from edge.core.track import Track

_LATE_LINK_S = 4.0  # so long a new person may still turn out to be a lost one
_CHECK_GAP_S = 0.8  # where the tracker itself found a person again after so long, it is checked that they had not left
_MOST_UNWATCHED_S = 1.2  # after longer stalls anyone may have come from anywhere
_MOST_BLIND_S = 30.0  # so long a camera or a process may be gone, and who stands there when it is back was there
_BLIND_SHARE = 5.0  # but no longer than this share of the time that they were seen
_REMEMBER_TRACK_S = 60.0
_CLOSE_HEIGHTS = 0.6  # a step more than the width of a body: a tracker confuses people before their boxes touch
_CLOSE_AFTER_STALL_HEIGHTS = 1.5  # where everybody walks in a second without a frame
_NEAR_HEIGHTS = 1.0  # a new person so near another's way may have taken their track


class PersonKeeper:
    """Joins tracks into persons, frame by frame, in media seconds."""

    def __init__(self, params: LinkParams | None = None) -> None:
        self._params = params or LinkParams()
        self._alive: dict[int, Identity] = {}
        self._next_id = 1
        self._frame_at_s: float | None = None  # media seconds of the newest frame
        self._frame_s = 0.0  # from the one before it to it
        self._told: dict[int, float] = {}  # track_id -> last told, media seconds

    def update(
        self, tracks: Sequence[Track], frame_size: tuple[int, int], now_s: float, motion: Motion | None = None
    ) -> list[Person]:
        """The persons after a frame at `now_s`: all that are alive, and those that ended just now.

        tracks: as the tracker left them after this frame. frame_size: width, height in pixels.
        motion: what moved in this frame; None where nobody watched for it.
        """
        self._frame_s = 0.0 if self._frame_at_s is None else now_s - self._frame_at_s
        self._frame_at_s = now_s
        seen = self._dated({track.track_id: track for track in tracks if track.detected}, now_s)
        crowded = _crowded(list(seen.values()))
        for identity in self._alive.values():
            identity.bridged = None
            known_s = identity.last_seen_s - identity.first_seen_s
            most_s = min(_MOST_BLIND_S, _BLIND_SHARE * known_s)
            identity.blind_s = min(identity.blind_s + max(0.0, self._frame_s - _MOST_UNWATCHED_S), most_s)
        seen |= self._check_found_again(seen, frame_size, now_s)
        merged = self._join(seen, frame_size, now_s)
        self._begin(seen, now_s)
        believed = {identity.track_id for identity in self._alive.values() if identity.believed}
        moved = who_moved(list(seen.values()), motion, frame_size, believed)
        unjudged_s = self._frame_s if motion is not None and motion.light_changed else 0.0
        for identity in self._alive.values():
            matched = seen.get(identity.track_id)
            if matched is not None:
                identity.unjudged_s += min(unjudged_s, _MOST_UNWATCHED_S)
                self._observe(identity, matched, now_s, matched.track_id in crowded, matched.track_id in moved)
            else:
                identity.missed_frames += 1
        self._notice_meetings(seen, now_s)
        merged += [self._merge(younger, older) for younger, older in person_doubt.resolve(self._alive, seen, now_s)]
        persons = [self._alive[key].snapshot(self._alive[key].track_id in seen) for key in sorted(self._alive)]
        return persons + merged + self._expire(frame_size, now_s)

    def _dated(self, seen: dict[int, Track], now_s: float) -> dict[int, Track]:
        # A track that went by before, and whose person has since taken another, says nothing of when this one began.
        bound = {identity.track_id for identity in self._alive.values()}
        dated = {
            track_id: replace(track, first_seen_s=now_s) if track_id in self._told and track_id not in bound else track
            for track_id, track in seen.items()
        }
        self._told = {key: told_s for key, told_s in self._told.items() if now_s - told_s < _REMEMBER_TRACK_S}
        self._told.update(dict.fromkeys(seen, now_s))
        return dated

    def _check_found_again(self, seen: dict[int, Track], frame_size: tuple[int, int], now_s: float) -> dict[int, Track]:
        # A tracker finds again by place alone; someone who had walked out must not come back as who walks in next.
        doubtful: dict[int, Track] = {}
        for identity in self._alive.values():
            track = seen.get(identity.track_id)
            if track is None or now_s - identity.last_seen_s < _CHECK_GAP_S:
                continue
            again = replace(track, first_seen_s=now_s)
            candidate = self._as_candidate(again, now_s)
            if identity.missed_s(now_s) > person_link.waited_s(identity, candidate, frame_size, self._params):
                doubtful[track.track_id] = again
                identity.rebind(NO_TRACK)
        return doubtful

    def _join(self, seen: dict[int, Track], frame_size: tuple[int, int], now_s: float) -> list[Person]:
        # Lost persons against new tracks, and against persons so young that they may be a lost one; cheapest first.
        bound = {identity.track_id for identity in self._alive.values()}
        young = {
            identity.track_id: identity
            for identity in self._alive.values()
            if identity.track_id in seen
            and not identity.linked
            and identity.last_seen_s - identity.first_seen_s <= _LATE_LINK_S
        }
        offered = [self._as_candidate(track, now_s) for key, track in seen.items() if key not in bound]
        offered += [_still_young(one, seen[key]) for key, one in young.items()]
        pairs = sorted(
            (person_link.cost(identity, candidate, frame_size, self._params), identity.person_id, row)
            for identity in self._alive.values()
            if identity.track_id not in seen
            for row, candidate in enumerate(offered)
        )
        merged: list[Person] = []
        used_persons: set[int] = set()
        used_rows: set[int] = set()
        for price, person_id, row in pairs:
            if math.isinf(price) or person_id in used_persons or row in used_rows:
                continue
            used_persons.add(person_id)
            used_rows.add(row)
            younger = young.get(offered[row].track_id)
            if younger is not None:
                merged.append(self._merge(younger, self._alive[person_id]))
            self._bridge(self._alive[person_id], offered[row])
        return merged

    def _merge(self, younger: Identity, older: Identity) -> Person:
        del self._alive[younger.person_id]
        older.believed |= younger.believed
        return younger.snapshot(seen=False, ended_because="merged", merged_into=older.person_id)

    def _bridge(self, identity: Identity, candidate: Candidate) -> None:
        gap_s = candidate.begun_s - identity.last_seen_s
        reason: GapReason = "identity_switch" if gap_s <= 0.6 else _why_unseen(identity)
        identity.bridged = GapBridged(
            identity.last_seen_s, candidate.begun_s, reason, identity.track_ids[-1], candidate.track_id
        )
        identity.rebind(candidate.track_id)
        identity.linked = True

    def _begin(self, seen: dict[int, Track], now_s: float) -> None:
        bound = {identity.track_id for identity in self._alive.values()}
        for track_id, track in seen.items():
            if track_id in bound:
                continue
            newcomer = Identity.of(self._next_id, track, self._unwatched_s(track, now_s))
            for other in self._alive.values():
                if _passed(other, newcomer):
                    person_doubt.suspect(other, newcomer, newcomer.first_seen_s - 0.9, now_s)
            self._alive[self._next_id] = newcomer
            self._next_id += 1

    def _as_candidate(self, track: Track, now_s: float) -> Candidate:
        return Candidate(
            track_id=track.track_id,
            begun_s=track.first_seen_s,
            born_s=now_s,
            unwatched_s=self._unwatched_s(track, now_s),
            born_xyxy=track.xyxy,
            xyxy=track.xyxy,
            appearance=track.appearance,
        )

    def _unwatched_s(self, track: Track, now_s: float) -> float:
        return min(now_s - track.first_seen_s + self._frame_s, _MOST_UNWATCHED_S)

    def _observe(self, identity: Identity, track: Track, now_s: float, crowded: bool, moved: bool) -> None:
        gap_s = now_s - identity.last_seen_s
        if identity.bridged is None and gap_s >= 0.5 and (identity.missed_frames or gap_s > 1.0):
            reason = _why_unseen(identity)
            identity.bridged = GapBridged(identity.last_seen_s, now_s, reason, track.track_id, track.track_id)
        identity.observe(track, now_s, crowded, moved)

    def _notice_meetings(self, seen: dict[int, Track], now_s: float) -> None:
        # Also with who is hidden: someone behind a pole may have taken over the track of who passes it.
        for one, other in combinations(self._alive.values(), 2):
            if (one.track_id in seen or other.track_id in seen) and _close(one, other, now_s):
                both = one.track_id in seen and other.track_id in seen
                (person_doubt.meet if both else person_doubt.brush)(one, other, now_s)

    def _expire(self, frame_size: tuple[int, int], now_s: float) -> list[Person]:
        gone: list[Person] = []
        for identity in list(self._alive.values()):
            if identity.missed_s(now_s) > person_link.patience_s(identity, frame_size, self._params):
                left = person_link.leaves(identity, frame_size, self._params)
                gone.append(identity.snapshot(seen=False, ended_because="left" if left else "lost"))
                del self._alive[identity.person_id]
        return gone


def _still_young(one: Identity, track: Track) -> Candidate:
    known = one.appearance
    return Candidate(
        track_id=track.track_id,
        begun_s=one.first_seen_s,
        born_s=one.born_s,
        unwatched_s=one.unwatched_s,
        born_xyxy=one.born_xyxy,
        xyxy=track.xyxy,
        appearance=track.appearance if known is None else known,
    )


def _why_unseen(identity: Identity) -> GapReason:
    # Someone who walks and vanishes went behind something; someone who stands was merely not detected.
    hidden = identity.crowded or person_link.speed_heights_s(identity) > person_link.STANDING_HEIGHTS_S
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


def _close(one: Identity, other: Identity, now_s: float) -> bool:
    """Whether the two stand, or between the last two frames came, so near that a tracker may mix them up."""
    height = (one.height_px + other.height_px) / 2
    begin_one, end_one = _step(one, now_s)
    begin_other, end_other = _step(other, now_s)
    start, change = begin_one - begin_other, (end_one - end_other) - (begin_one - begin_other)
    length2 = float(change @ change)
    share = min(1.0, max(0.0, -float(start @ change) / length2)) if length2 > 0 else 0.0
    unseen_s = max(now_s - one.previous_s, now_s - other.previous_s) if one.last_seen_s == other.last_seen_s else 0.0
    reach = _CLOSE_HEIGHTS if unseen_s < _CHECK_GAP_S else _CLOSE_AFTER_STALL_HEIGHTS
    return float(np.hypot(*(start + share * change))) < reach * height


def _step(identity: Identity, now_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    end = identity.trail[-1]
    begin = identity.trail[-2] if len(identity.trail) > 1 and identity.last_seen_s == now_s else end
    return np.array(begin[1:], np.float64), np.array(end[1:], np.float64)


def _passed(other: Identity, newcomer: Identity) -> bool:
    """Whether `other` was, within the last two seconds, where `newcomer` appears."""
    x, y = newcomer.foot_px
    reach_px = _NEAR_HEIGHTS * max(other.height_px, newcomer.height_px)
    return any(
        newcomer.first_seen_s - 2.0 <= seen_s and math.hypot(px - x, py - y) <= reach_px
        for seen_s, px, py in other.trail
    )
