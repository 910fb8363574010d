"""Which detection belongs to which track: buffered overlap, gates in body heights, one optimal assignment.

After C-BIoU (Yang, Odashima, Masui, Jiang, 'Hard to Track Objects with Irregular Motions and Similar Appearances? Make
It Easier by Buffering the Matching Space', WACV 2023) with two differences for cameras of few frames a second: boxes
grow by a share of the body height on every side, because people are narrow and walk sideways, and they grow with the
time since the track was last seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows, columns that belong together

_NEVER = 1e6  # scipy refuses infinite costs


@dataclass(frozen=True, slots=True)
class Gate:
    """How far a detection may lie from a track. Lengths are in body heights.

    buffer, buffer_per_s: a box grows by `buffer + buffer_per_s * seconds since seen` body heights on each side ...
    max_buffer: ... up to this.
    min_overlap: the least buffered overlap (intersection over union, 0..1) of a pair.
    reach, reach_per_s: the centres may lie this far apart, plus this much for each second since seen.
    max_ratio: the larger height over the smaller, at most.
    """

    buffer: float
    buffer_per_s: float
    max_buffer: float
    min_overlap: float
    reach: float
    reach_per_s: float
    max_ratio: float


def buffered_overlap(tracks: Floats, detections: Floats, buffers_px: Floats) -> Floats:
    """Intersection over union after growing both boxes of each pair.

    tracks: (n, 4), detections: (m, 4) left, top, right, bottom in pixels.
    buffers_px: (n,) or (n, 1) what both boxes of a pair grow by on each side, by track.
    Returns (n, m) in 0..1.
    """
    buffers = buffers_px.reshape(-1, 1)
    across = np.minimum(tracks[:, None, 2], detections[None, :, 2]) - np.maximum(
        tracks[:, None, 0], detections[None, :, 0]
    )
    down = np.minimum(tracks[:, None, 3], detections[None, :, 3]) - np.maximum(
        tracks[:, None, 1], detections[None, :, 1]
    )
    shared = np.maximum(across + 2 * buffers, 0.0) * np.maximum(down + 2 * buffers, 0.0)
    areas = _grown_area(tracks[:, None], buffers) + _grown_area(detections[None, :], buffers)
    overlap: Floats = shared / np.maximum(areas - shared, 1e-9)
    return overlap


def _grown_area(boxes: Floats, buffers: Floats) -> Floats:
    area: Floats = (boxes[..., 2] - boxes[..., 0] + 2 * buffers) * (boxes[..., 3] - boxes[..., 1] + 2 * buffers)
    return area


def affinity(tracks: Floats, detections: Floats, since_s: Floats, gate: Gate) -> Floats:
    """Buffered overlap of the pairs within the gate, 0 for the others.

    tracks: (n, 4) predicted, detections: (m, 4); left, top, right, bottom in pixels.
    since_s: (n,) seconds since each track was last seen.
    Returns (n, m) in 0..1.
    """
    heights = np.maximum(tracks[:, 3] - tracks[:, 1], 1.0)
    buffers = np.minimum(gate.buffer + gate.buffer_per_s * since_s, gate.max_buffer)
    overlap = buffered_overlap(tracks, detections, buffers * heights)
    track_centres, detection_centres = (tracks[:, :2] + tracks[:, 2:]) / 2, (detections[:, :2] + detections[:, 2:]) / 2
    apart = np.hypot(*np.moveaxis(track_centres[:, None] - detection_centres[None, :], -1, 0)) / heights[:, None]
    ratio = np.maximum(detections[None, :, 3] - detections[None, :, 1], 1.0) / heights[:, None]
    allowed = (
        (overlap >= gate.min_overlap)
        & (apart <= (gate.reach + gate.reach_per_s * since_s)[:, None])
        & (np.maximum(ratio, 1.0 / ratio) <= gate.max_ratio)
    )
    return np.where(allowed, overlap, 0.0)


def colour_distance(first: Floats, second: Floats) -> Floats:
    """Bhattacharyya distance (Hellinger's form) of histograms: (n, bins), (m, bins) -> (n, m) in 0..1."""
    likeness = np.sqrt(np.maximum(first, 0.0)) @ np.sqrt(np.maximum(second, 0.0)).T
    return np.sqrt(np.maximum(0.0, 1.0 - likeness))


def assign(score: Floats) -> Pairs:
    """The pairs of the largest total score; pairs of score 0 are never made.

    score: (n, m), >= 0. Returns rows and columns, each (k,), rows rising.
    """
    empty = np.zeros(0, np.intp)
    if not score.size or not score.any():
        return empty, empty
    rows, columns = linear_sum_assignment(np.where(score > 0, -score, _NEVER))
    real = score[rows, columns] > 0
    return rows[real].astype(np.intp), columns[real].astype(np.intp)
