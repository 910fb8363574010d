"""Detections of successive frames -> tracks, for cameras analysed two to ten times a second.

In the line of ByteTrack (Zhang et al., ECCV 2022: confident boxes first, the others only to carry on a track) and
C-BIoU (see `association`), with all time in seconds, so that the number of frames a second, dropped frames and stalls
change what is seen but not what is meant. Identities are not held at any price: the layer above joins a lost and a
re-found track by place, time, motion and colours, and an identity that jumps to another person cannot be mended there.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.detection import Detections
from edge.core.track import Expected, Track
from edge.core.tracking.association import Floats, Gate, Pairs, affinity, assign, buffered_overlap, colour_distance
from edge.core.tracking.clutter import Clutter
from edge.core.tracking.kalman import BoxMotion, MotionParams, centred

NEAR = Gate(
    buffer=0.03, buffer_per_s=0.1, max_buffer=0.5, min_overlap=0.3, reach=0.8, reach_per_s=1.0, max_ratio=1.8
)  # a confident box where the track is expected
FAR = Gate(
    buffer=0.05, buffer_per_s=0.2, max_buffer=0.8, min_overlap=0.3, reach=1.0, reach_per_s=1.0, max_ratio=1.8
)  # who turned, ran, or was seen once only and so has no known velocity
FAINT = Gate(
    buffer=0.1, buffer_per_s=0.1, max_buffer=0.3, min_overlap=0.3, reach=0.4, reach_per_s=0.5, max_ratio=1.6
)  # half-hidden people, and much that is no person
FRESH = Gate(
    buffer=0.1, buffer_per_s=0.8, max_buffer=0.8, min_overlap=0.2, reach=0.6, reach_per_s=1.5, max_ratio=1.8
)  # seen once: at two frames a second a runner is three quarters of a body height further


@dataclass(frozen=True, slots=True)
class TrackerParams:
    """Every choice of the tracker. Seconds end in `_s`; lengths are in body heights.

    high_confidence: boxes of at least this much take part in the first round and may begin a track.
    low_confidence: boxes below it are ignored; those between carry tracks on, never begin one.
    new_confidence: a track begins with a box of at least this confidence ...
    beside_confidence, beside_heights, beside_ratio: ... or of this, where a matched box is so near that both overlap
        once each has grown by so many heights of the new one on every side, and is at most so many times as high or as
        low: what is smaller than half of somebody is neither they nor a half of two.
    confirm_hits: a track is told after so many boxes.
    tentative_s: a track not yet told is forgotten when unseen for longer than this and for longer than one frame.
    coast_s: an unseen track is still returned (predicted, detected=False) so long.
    max_lost_s: an unseen track can be found again so long.
    faint_s: a box of low confidence carries a track on that was seen within so long: at two frames a second it is as
        likely to be another one half hidden.
    near, far, faint, fresh: gates of the first round, of the round that searches wider, of boxes of low confidence, of
        tracks not yet told, whose velocity is hardly known.
    colour_weight: how much of the score colours may take away where both sides have them, 0..1.
    lost_penalty_per_s: taken off the score for each second unseen, so that a track in view goes first.
    surprise_weight: taken off the score for each unit of squared Mahalanobis distance, so that of two boxes that
        overlap alike the one where the motion leads is taken.
    max_surprise: no pair beyond this squared Mahalanobis distance; one right pair in a thousand exceeds 18.
    duplicate_overlap: an unmatched box overlapping a matched one by this much begins no track.
    """

    high_confidence: float = 0.5
    low_confidence: float = 0.1
    new_confidence: float = 0.5
    beside_confidence: float = 0.7
    beside_heights: float = 0.3
    beside_ratio: float = 2.5
    confirm_hits: int = 2
    tentative_s: float = 0.6
    coast_s: float = 0.5
    max_lost_s: float = 2.0
    faint_s: float = 0.35
    near: Gate = NEAR
    far: Gate = FAR
    faint: Gate = FAINT
    fresh: Gate = FRESH
    colour_weight: float = 0.3
    lost_penalty_per_s: float = 0.2
    surprise_weight: float = 0.03
    max_surprise: float = 30.0
    duplicate_overlap: float = 0.7
    motion: MotionParams = field(default_factory=MotionParams)


@dataclass(slots=True)
class _Identity:
    # What a track is besides its box. track_id is 0 until it is confirmed, so that ids told are without gaps.
    first_seen_s: float
    last_seen_s: float
    confidence: float
    xyxy: NDArray[np.float32]
    appearance: NDArray[np.float32] | None
    seen_in: int  # the number of the update that matched it last; two frames may bear the same time
    hits: int = 1
    track_id: int = 0


class Tracker:
    """One camera's tracker; keeps its own identities, from 1."""

    def __init__(self, params: TrackerParams | None = None) -> None:
        self._params = params or TrackerParams()
        self._motion = BoxMotion(self._params.motion)
        self._identities: list[_Identity] = []
        self._clutter = Clutter()
        self._now_s = -np.inf
        self._previous_s = -np.inf
        self._next_id = 1
        self._updates = 0

    def update(
        self, detections: Detections, now_s: float, appearance: NDArray[np.float32] | None = None
    ) -> list[Track]:
        """Takes one frame's people in and tells who is where.

        detections: boxes in any order, in the frame's pixels; boxes that are not finite or have no area are ignored.
        now_s: media seconds of the frame. Where it runs backwards a new time line begins and every track ends.
        appearance: (n, bins) colour histograms of the detections, rows that sum to 1, or None.
        Returns the confirmed tracks, by id: those seen now and those unseen for at most `coast_s`.
        """
        self._updates += 1
        self._step_to(now_s)
        detections, appearance = _in_order(detections, appearance, self._params.low_confidence)
        boxes = detections.xyxy.astype(np.float64)
        free = self._match(detections, boxes, appearance)
        confident = detections.confidence >= self._params.high_confidence
        self._clutter.note(boxes[free & ~confident], boxes[confident], now_s)
        self._begin(detections, boxes, appearance, free)
        self._forget()
        return self._told()

    def expected(self, now_s: float) -> Expected:
        """Where everybody who can be found at `now_s` is looked for."""
        boxes = self._motion.expected(max(0.0, now_s - self._now_s))
        unseen_s = np.array([max(0.0, self._now_s - one.last_seen_s) for one in self._identities])
        return Expected(boxes, unseen_s)

    def _step_to(self, now_s: float) -> None:
        if now_s < self._now_s:
            self._identities = []
            self._motion = BoxMotion(self._params.motion)
            self._clutter = Clutter()
        elif self._identities:
            self._motion.predict(now_s - self._now_s)
        self._previous_s, self._now_s = self._now_s, now_s
        self._forget()  # after a stall nobody is left to be mistaken for who stands there now

    def _match(
        self, detections: Detections, boxes: Floats, appearance: NDArray[np.float32] | None
    ) -> NDArray[np.bool_]:
        # Rounds over what the earlier ones left: near and confident, far and confident, faint, not yet told.
        params = self._params
        confident = detections.confidence >= params.high_confidence
        free = np.ones(len(detections), np.bool_)
        waiting = np.ones(len(self._identities), np.bool_)
        since = np.array([self._now_s - one.last_seen_s for one in self._identities])
        told = np.array([one.track_id > 0 for one in self._identities], np.bool_)
        in_view = np.array([one.last_seen_s >= self._previous_s for one in self._identities], np.bool_)
        rounds = (
            (told, confident, params.near),
            (told, confident, params.far),
            (told & in_view & (since <= params.faint_s), ~confident & ~self._clutter.explains(boxes), params.faint),
            (~told, confident, params.fresh),
        )
        for tracks, wanted, gate in rounds:
            rows, columns = np.flatnonzero(tracks & waiting), np.flatnonzero(wanted & free)
            if not len(rows) or not len(columns):
                continue
            score = self._score(rows, boxes[columns], None if appearance is None else appearance[columns], since, gate)
            picked_rows, picked_columns = assign(score)
            pairs = rows[picked_rows], columns[picked_columns]
            self._take(pairs, detections, boxes, appearance)
            waiting[pairs[0]], free[pairs[1]] = False, False
        return free

    def _score(
        self,
        rows: NDArray[np.intp],
        boxes: Floats,
        appearance: NDArray[np.float32] | None,
        since_s: Floats,
        gate: Gate,
    ) -> Floats:
        params = self._params
        overlap = affinity(self._motion.xyxy()[rows], boxes, since_s[rows], gate)
        score = overlap - self._params.lost_penalty_per_s * since_s[rows, None]
        surprise = self._motion.surprise(rows, centred(boxes))
        score -= params.surprise_weight * surprise
        known = [i for i, row in enumerate(rows) if self._identities[row].appearance is not None]
        if appearance is not None and known and len(boxes):
            seen = np.stack([self._identities[rows[i]].appearance for i in known]).astype(np.float64)
            score[known] -= self._params.colour_weight * colour_distance(seen, appearance.astype(np.float64))
        return np.where((overlap > 0) & (surprise < params.max_surprise), np.maximum(score, 1e-6), 0.0)

    def _take(
        self, pairs: Pairs, detections: Detections, boxes: Floats, appearance: NDArray[np.float32] | None
    ) -> None:
        params = self._params
        rows, columns = pairs
        confidence = detections.confidence[columns].astype(np.float64)
        self._motion.correct(rows, centred(boxes[columns]), 1.0 + 2.0 * (1.0 - np.clip(confidence, 0.0, 1.0)))
        for row, column in zip(rows, columns, strict=True):
            one = self._identities[row]
            one.last_seen_s = self._now_s
            one.seen_in = self._updates
            one.confidence = float(detections.confidence[column])
            one.xyxy = detections.xyxy[column]
            one.hits += 1
            if appearance is not None and detections.confidence[column] >= params.high_confidence:
                one.appearance = appearance[column]
            if not one.track_id and one.hits >= params.confirm_hits:
                one.track_id = self._next_id
                self._next_id += 1

    def _begin(
        self,
        detections: Detections,
        boxes: Floats,
        appearance: NDArray[np.float32] | None,
        free: NDArray[np.bool_],
    ) -> None:
        new = self._beginners(detections, boxes, free)
        if not len(new):
            return
        self._motion.append(centred(boxes[new]))
        for row in new:
            look = None if appearance is None else appearance[row]
            confidence = float(detections.confidence[row])
            self._identities.append(
                _Identity(self._now_s, self._now_s, confidence, detections.xyxy[row], look, self._updates)
            )

    def _beginners(self, detections: Detections, boxes: Floats, free: NDArray[np.bool_]) -> NDArray[np.intp]:
        # Rows of the unmatched boxes that are somebody new. Beside a person a doubtful box is mostly the same person
        # again, or half of two, and would take the identity over: at full rate such boxes were most of the switches.
        params = self._params
        new = np.flatnonzero(free & (detections.confidence >= params.new_confidence))
        taken = boxes[~free]
        if not len(new) or not len(taken):
            return new
        around_px = params.beside_heights * (boxes[new, 3] - boxes[new, 1])
        height_px = taken[:, 3] - taken[:, 1]
        ratio = height_px / (boxes[new, 3] - boxes[new, 1])[:, None]
        alike = np.maximum(ratio, 1 / ratio) <= params.beside_ratio
        alone = ~((buffered_overlap(boxes[new], taken, around_px) > 0) & alike).any(axis=1)
        sure = detections.confidence[new] >= params.beside_confidence
        twice = buffered_overlap(boxes[new], taken, np.zeros(len(new))).max(axis=1) >= params.duplicate_overlap
        begins: NDArray[np.intp] = new[(alone | sure) & ~twice]
        return begins

    def _forget(self) -> None:
        params = self._params
        keep = np.array([self._alive(one, params) for one in self._identities], np.bool_)
        if not keep.all():
            self._motion.keep(keep)
            self._identities = [one for one, alive in zip(self._identities, keep, strict=True) if alive]

    def _alive(self, one: _Identity, params: TrackerParams) -> bool:
        unseen_s = self._now_s - one.last_seen_s
        if one.track_id or unseen_s > params.max_lost_s:
            return unseen_s <= params.max_lost_s
        return unseen_s <= params.tentative_s or one.last_seen_s >= self._previous_s

    def _told(self) -> list[Track]:
        params, predicted = self._params, self._motion.xyxy().astype(np.float32)
        velocity = self._motion.mean[:, :2, 1].astype(np.float32)
        tracks = []
        for row, one in enumerate(self._identities):
            detected = one.seen_in == self._updates
            if not one.track_id or self._now_s - one.last_seen_s > params.coast_s:
                continue
            box = one.xyxy if detected else predicted[row]
            tracks.append(
                Track(
                    one.track_id,
                    box,
                    one.confidence,
                    velocity[row],
                    one.first_seen_s,
                    one.last_seen_s,
                    detected,
                    one.appearance,
                )
            )
        return sorted(tracks, key=lambda track: track.track_id)


def _in_order(
    detections: Detections, appearance: NDArray[np.float32] | None, low_confidence: float
) -> tuple[Detections, NDArray[np.float32] | None]:
    # Usable boxes only, in an order of their own, so that the caller's order cannot change the result.
    xyxy, confidence = detections.xyxy, detections.confidence
    usable = np.isfinite(xyxy).all(axis=1) & (confidence >= low_confidence)
    usable &= (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    order = np.lexsort((*xyxy.T, -confidence))
    order = order[usable[order]]
    return detections.select(order), None if appearance is None else appearance[order]
