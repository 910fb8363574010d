"""Where to look in a camera's next frame: around those who are there and what moves, now and then everywhere. Pure.

Whoever stands still is looked at for as long as they are followed; whoever was never seen moving, at the next look at
the whole frame. So what is left out costs a delay of at most `full_every_s`, never a person.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.core.detect.region import Look, Region, whole_frame
from edge.core.detect.vain import VainMotion
from edge.core.motion import Motion
from edge.core.track import Expected


@dataclass(frozen=True, slots=True)
class AttentionParams:
    """Every choice of where to look. Heights are those of the person's box.

    person_px: the height at which people are shown to the network, in its pixels.
    least_of_full: who is near is shown larger, at least so large as a whole frame would show them, times this.
    largest_scale: no region is blown up by more than this.
    margin_heights, margin_heights_per_s: room around somebody who is followed, and more for each second since the last
        look, for those who set off running. With less, people are lost where they meet: over six rates of PETS09's 16
        true stays F1 was 0.76 with 0.3, 0.83 with 0.7, 0.88 with 1.0, and 0.87 with whole frames.
    margin_heights_unseen_s: more room for each second in which nobody saw them; they are shown as large as before.
    margin_moved: room around what moved, shares of its longer side: often only legs or an arm move.
    smallest_moved: side of the region around the least movement, share of the frame's height.
    full_every_s: media seconds between two looks at the whole frame.
    full_after_looks: of a box that is behind: so many looks lie between. By time alone each of its few looks would be
        one at the whole frame, which costs most, and it would never catch up.
    closer: on a look at the whole frame, regions shown this many times larger are looked at as well.
    join_cost: two regions become one where that takes at most so much of the input that both take.
    most_input: share of one input that the regions of one frame may take; beyond it all are shown smaller.
    """

    person_px: float = 80.0
    least_of_full: float = 0.75
    largest_scale: float = 1.25
    margin_heights: float = 0.8
    margin_heights_per_s: float = 0.8
    margin_heights_unseen_s: float = 0.5
    margin_moved: float = 0.3
    smallest_moved: float = 0.15
    full_every_s: float = 1.5
    full_after_looks: int = 3
    closer: float = 1.5
    join_cost: float = 1.05
    most_input: float = 0.85


class Attention:
    """One camera's."""

    def __init__(self, input_size: tuple[int, int], params: AttentionParams | None = None) -> None:
        """input_size: width, height of the network's input in pixels."""
        self._input_size, self._params = input_size, params or AttentionParams()
        self._full_due_s, self._looks = float("-inf"), 0
        self._looked_s = float("-inf")
        self._cut: NDArray[np.float32] = np.zeros((0, 4), np.float32)
        self._vain = VainMotion()

    @property
    def vain(self) -> NDArray[np.bool_]:
        """(rows, columns) of a frame, true where movement is no reason to look: see `VainMotion`."""
        return self._vain.cells

    def learn(self, people: NDArray[np.float32], cut: NDArray[np.float32], frame_size: tuple[int, int]) -> None:
        """What came of the last look.

        people, cut: (n, 4) xyxy in frame pixels, of those seen whole and in part; the next look shows more around the
        latter.
        """
        self._vain.learn(np.concatenate([people, cut]), frame_size)
        self._cut = cut

    def look(
        self,
        frame_size: tuple[int, int],
        media_s: float,
        motion: Motion | None,
        awaited: Expected,
        *,
        behind: bool = False,
    ) -> Look:
        """Where to look in the frame at `media_s`.

        frame_size: width, height in pixels. motion: what moved; None where nobody watched for it.
        awaited: where those who are followed are expected in this frame.
        behind: frames before this one were lost, for the box had no time for them.
        """
        params = self._params
        if self._looked_s == float("-inf"):
            motion = None  # what moved before anybody looked: the whole picture shows all of it
        whole = whole_frame(frame_size, self._input_size)
        full_scale = whole.scale
        regions = self._fitted(self._regions(frame_size, media_s, motion, awaited, full_scale), full_scale)
        half_step_s = (media_s - self._looked_s) / 2  # of an idle camera's few frames the one nearest to the moment
        self._looked_s, self._cut = media_s, self._cut[:0]
        fresh = half_step_s <= self._full_due_s - media_s <= params.full_every_s
        if behind and self._full_due_s <= media_s + half_step_s:
            fresh = self._looks < params.full_after_looks
        self._looks += 1
        due = motion is None or motion.light_changed or not fresh
        nothing_saved = sum(region.cost_px for region in regions) > whole.cost_px and all(
            region.scale <= params.closer * full_scale for region in regions
        )
        if not due and not nothing_saved:
            return Look(tuple(regions), full=False)
        self._full_due_s, self._looks = media_s + params.full_every_s, 0
        closer = [region for region in regions if region.scale > params.closer * full_scale]
        return Look((whole, *closer), full=True)

    def _regions(
        self,
        frame_size: tuple[int, int],
        media_s: float,
        motion: Motion | None,
        awaited: Expected,
        full_scale: float,
    ) -> list[Region]:
        params = self._params
        margin = params.margin_heights + params.margin_heights_per_s * min(media_s - self._looked_s, 1.0)
        regions = []
        for box, unseen_s in zip(awaited.xyxy.tolist(), awaited.unseen_s.tolist(), strict=True):
            height = max(1.0, box[3] - box[1])
            room = margin + params.margin_heights_unseen_s * unseen_s
            regions.append(Region(_grown(box, room * height), self._scale(height, full_scale)))
        for box in self._cut.tolist():
            height = max(1.0, box[3] - box[1])
            regions.append(Region(_grown(box, height), self._scale(1.5 * height, full_scale)))
        least = params.smallest_moved * frame_size[1]
        for box in [] if motion is None else self._moved(motion, regions, frame_size, media_s):
            side = max(box[2] - box[0], box[3] - box[1])
            around = max(params.margin_moved * side, (least - side) / 2)
            scale = max(full_scale, self._scale(max(box[3] - box[1], least / 2), full_scale))
            regions.append(Region(_grown(box, around), scale))
        inside = [_inside(region, frame_size) for region in regions]
        return [region for region in inside if region.cost_px > 0]

    def _moved(
        self, motion: Motion, regions: list[Region], frame_size: tuple[int, int], media_s: float
    ) -> list[list[float]]:
        cells = _left_over(self._vain.worth(motion.cells, media_s), regions, frame_size)
        self._vain.tried(cells)
        wide, high = frame_size[0] / cells.shape[1], frame_size[1] / cells.shape[0]
        return [[x0 * wide, y0 * high, (x1 + 1) * wide, (y1 + 1) * high] for x0, y0, x1, y1 in _patches(cells)]

    def _scale(self, height: float, full_scale: float) -> float:
        return max(
            self._params.least_of_full * full_scale, min(self._params.largest_scale, self._params.person_px / height)
        )

    def _fitted(self, regions: list[Region], full_scale: float) -> list[Region]:
        """Joined where that is cheaper, and shown smaller (down to the whole frame's scale) where they are too many."""
        budget_px = self._params.most_input * self._input_size[0] * self._input_size[1]
        if sum(region.cost_px for region in regions) <= 2 * budget_px:  # a crowd is not worth sorting
            regions = _joined(regions, self._params.join_cost)
        cost_px = sum(region.cost_px for region in regions)
        if cost_px <= budget_px:
            return regions
        smaller = (budget_px / cost_px) ** 0.5
        return [replace(region, scale=max(min(region.scale, full_scale), region.scale * smaller)) for region in regions]


def _joined(regions: list[Region], join_cost: float) -> list[Region]:
    """Pairs put together, the cheapest first, for as long as it saves something."""
    regions = list(regions)
    while len(regions) > 1:
        edges, scale = np.array([region.xyxy for region in regions]), np.array([region.scale for region in regions])
        sides = np.maximum(edges[:, None, 2:], edges[None, :, 2:]) - np.minimum(edges[:, None, :2], edges[None, :, :2])
        cost_px = sides.prod(axis=2) * np.maximum(scale[:, None], scale) ** 2
        alone_px = cost_px.diagonal()
        ratio = cost_px / (alone_px[:, None] + alone_px)
        np.fill_diagonal(ratio, np.inf)
        i, j = np.unravel_index(int(ratio.argmin()), ratio.shape)
        if ratio[i, j] > join_cost:
            break
        both = regions[i].joined(regions[j])
        regions = [region for k, region in enumerate(regions) if k not in (i, j)] + [both]
    return regions


def _grown(box: list[float], by_px: float) -> tuple[float, float, float, float]:
    return box[0] - by_px, box[1] - by_px, box[2] + by_px, box[3] + by_px


def _inside(region: Region, frame_size: tuple[int, int]) -> Region:
    left, top, right, bottom = region.xyxy
    width, height = frame_size
    left, right = (min(max(side, 0.0), width) for side in (left, right))
    top, bottom = (min(max(side, 0.0), height) for side in (top, bottom))
    return replace(region, xyxy=(left, top, right, bottom))


def _left_over(moved: NDArray[np.bool_], regions: list[Region], frame_size: tuple[int, int]) -> NDArray[np.bool_]:
    """The cells that lie in none of the regions."""
    rows, columns = moved.shape
    wide, high = frame_size[0] / columns, frame_size[1] / rows
    left = moved.copy()
    for region in regions:
        x0, y0, x1, y1 = region.xyxy
        seen_rows = slice(max(0, round(y0 / high)), max(0, round(y1 / high)))
        left[seen_rows, max(0, round(x0 / wide)) : max(0, round(x1 / wide))] = False
    return left


def _patches(cells: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """First column and row, last column and row of each patch of cells that touch."""
    waiting = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    patches = []
    while waiting:
        edge = [waiting.pop()]
        x0 = x1 = edge[0][1]
        y0 = y1 = edge[0][0]
        while edge:
            row, column = edge.pop()
            x0, x1, y0, y1 = min(x0, column), max(x1, column), min(y0, row), max(y1, row)
            beside = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & waiting
            waiting -= beside
            edge += beside
        patches.append((x0, y0, x1, y1))
    return sorted(patches)
