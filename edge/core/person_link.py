"""Is this new track that lost person? Place, time, motion, size and clothes must all agree.

All distances are in body heights, all times in media seconds, so that one set of numbers serves a far and a near
person, ten frames a second and two.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core import appearance
from edge.core.geometry import segment_distance
from edge.core.person import Identity, height_px

WALKING_HEIGHTS_S = 0.8  # 1.4 m/s for someone of 1.7 m
STANDING_HEIGHTS_S = 0.2  # body heights a second; slower than this is standing


@dataclass(frozen=True, slots=True)
class LinkParams:
    """When a lost person and a new track are one.

    bridge_s: longest time without a sight after which a person is still waited for: someone who stands behind a pole.
    first_patience_s, patience_share: someone seen only once is waited for so long, others for this share of the time
        that they were seen longer.
    exit_slack_s: the same for one who walked towards the picture's border, from when they should have been out; who
        appears at the border may have been hidden elsewhere for no longer than this.
    reach_heights, reach_heights_s: how far from the expected path the new track may be, at once and per second lost.
    reach_most_heights: never farther than this.
    clothes_most: largest appearance distance at once; it shrinks to clothes_late at the end of bridge_s.
    blind_bridge_s: replaces bridge_s where no appearance is known and the person was moving.
    border_heights: how near to the picture's border counts as at the border.
    """

    bridge_s: float = 12.0
    first_patience_s: float = 1.0
    patience_share: float = 3.0
    exit_slack_s: float = 0.6
    reach_heights: float = 0.4
    reach_heights_s: float = 1.0
    reach_most_heights: float = 2.5
    clothes_most: float = 0.5
    clothes_late: float = 0.35
    blind_bridge_s: float = 4.0
    border_heights: float = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A track, or a person so new that they may be a lost one.

    begun_s: media seconds of its first box, which is not kept. born_s, born_xyxy: the first box that is known, (4,)
        pixels, and when it was seen. unwatched_s: from the last frame without it to born_s.
    xyxy: (4,) newest box, pixels.
    appearance: (bins,) colours, None where unknown.
    """

    track_id: int
    begun_s: float
    born_s: float
    unwatched_s: float
    born_xyxy: NDArray[np.float32]
    xyxy: NDArray[np.float32]
    appearance: NDArray[np.float32] | None

    @property
    def foot_px(self) -> tuple[float, float]:
        """Where the feet were at `born_s`, pixels."""
        return float(self.born_xyxy[0] + self.born_xyxy[2]) / 2, float(self.born_xyxy[3])


def cost(identity: Identity, candidate: Candidate, frame_size: tuple[int, int], params: LinkParams) -> float:
    """How badly `candidate` fits as the continuation of `identity`: infinite where it can't be, 0 where it is plain."""
    gap_s = candidate.begun_s - identity.last_seen_s
    if gap_s <= 0:  # both were seen at once: two people
        return math.inf
    wait_s = waited_s(identity, candidate, frame_size, params)
    clothes = _clothes(identity, candidate)
    if clothes is None and speed_heights_s(identity) > STANDING_HEIGHTS_S:
        wait_s = min(wait_s, params.blind_bridge_s)
    if identity.missed_s(candidate.begun_s) > wait_s:
        return math.inf
    way_s = candidate.born_s - identity.last_seen_s
    reach = min(params.reach_heights + params.reach_heights_s * way_s, params.reach_most_heights)
    miss = _miss_heights(identity, candidate, way_s)
    growth = abs(math.log(height_px(candidate.xyxy) / identity.height_px))
    limit = params.clothes_most - (params.clothes_most - params.clothes_late) * min(1.0, gap_s / params.bridge_s)
    unlike = 0.5 if clothes is None else clothes / limit
    if miss > reach or unlike > 1 or growth > math.log(1.6):
        return math.inf
    return miss / reach + unlike + growth + 0.3 * gap_s / params.bridge_s


def waited_s(identity: Identity, candidate: Candidate, frame_size: tuple[int, int], params: LinkParams) -> float:
    """How long after the person's last sight `candidate` may begin: not long where it may have walked in just now."""
    wait_s = patience_s(identity, frame_size, params)
    walked_in = _touches(candidate.born_xyxy, frame_size, params, candidate.unwatched_s)
    if walked_in and not _stood_there(identity, candidate, params):
        return min(wait_s, params.exit_slack_s)
    return wait_s


def patience_s(identity: Identity, frame_size: tuple[int, int], params: LinkParams) -> float:
    """How long a person who is looked for and not seen is waited for; time in which nobody looked does not count.

    Not much longer than they were seen before, because a box that flashed up is no ground to wait for anybody; and not
    much longer than they needed to walk out of the picture.
    """
    known_s = params.first_patience_s + params.patience_share * (identity.last_seen_s - identity.first_seen_s)
    return min(params.bridge_s, known_s, 1.5 * _exit_s(identity, frame_size) + params.exit_slack_s)


def leaves(identity: Identity, frame_size: tuple[int, int], params: LinkParams) -> bool:
    """Whether the person was about to walk out of the picture when last seen."""
    return _exit_s(identity, frame_size) < 2.0 or _touches(identity.xyxy, frame_size, params, 0.0)


def speed_heights_s(identity: Identity) -> float:
    """Smoothed speed when last seen, body heights a second."""
    return math.hypot(*identity.velocity_px_s()) / identity.height_px


def _clothes(identity: Identity, candidate: Candidate) -> float | None:
    if identity.appearance is None or candidate.appearance is None:
        return None
    return appearance.distance(identity.appearance, candidate.appearance)


def _miss_heights(identity: Identity, candidate: Candidate, way_s: float) -> float:
    # Someone who walked may have stopped anywhere on the way on, so the whole way counts as expected.
    foot = np.array([identity.foot_px], np.float64)
    ahead_s = min(way_s, 3.0)
    velocity = np.array([identity.velocity_px_s()], np.float64)
    end = foot + velocity * ahead_s
    distance = float(segment_distance(foot, end, np.array([candidate.foot_px], np.float64))[0, 0])
    return distance / max(identity.height_px, height_px(candidate.xyxy))


def _exit_s(identity: Identity, frame_size: tuple[int, int]) -> float:
    # Seconds until someone who walks on as they did is over the border entirely; infinite for who stands.
    if speed_heights_s(identity) < STANDING_HEIGHTS_S:
        return math.inf
    left, top, right, bottom = (float(value) for value in identity.xyxy)
    vx, vy = identity.velocity_px_s()
    across = (frame_size[0] - left) / vx if vx > 0 else right / -vx if vx < 0 else math.inf
    down = (frame_size[1] - top) / vy if vy > 0 else bottom / -vy if vy < 0 else math.inf
    return max(0.0, min(across, down))


def _touches(xyxy: NDArray[np.float32], frame_size: tuple[int, int], params: LinkParams, unwatched_s: float) -> bool:
    near = (params.border_heights + WALKING_HEIGHTS_S * unwatched_s) * height_px(xyxy)
    width, height = frame_size
    return bool(xyxy[0] <= near or xyxy[1] <= near or xyxy[2] >= width - near or xyxy[3] >= height - near)


def _stood_there(identity: Identity, candidate: Candidate, params: LinkParams) -> bool:
    apart = math.dist(identity.foot_px, candidate.foot_px) / identity.height_px
    return apart < params.reach_heights and speed_heights_s(identity) < STANDING_HEIGHTS_S
