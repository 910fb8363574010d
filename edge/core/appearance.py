"""What clothes look like, cheaply: colour histograms of boxes, to tell a re-found person from another.

Clothing colours only. No face, no gait, no learned embedding: nothing here can recognise a person on another day, and
nothing here is stored or sent; a histogram lives as long as the track and its camera's short memory.
"""

import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

CHROMA_BINS = 8  # for each of U and V
LUMA_BINS = 8
PART_BINS = CHROMA_BINS * CHROMA_BINS + LUMA_BINS
BINS = 2 * PART_BINS  # upper and lower body
_SAMPLES_ACROSS, _SAMPLES_DOWN = 12, 20  # for each part; enough for 72 bins, independent of the box's size
_CHROMA_LOW, _CHROMA_HIGH = 92.0, 164.0  # clothes rarely leave this range; the outer bins take what does
_LUMA_SHARE = 0.35  # brightness changes with shade, colour less: it counts less


def histograms(frame: Frame, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour histogram of each box.

    xyxy: (n, 4) pixels of the frame; parts outside the picture are ignored.
    Returns (n, BINS) float32, each row sums to 1: upper body then lower body, each U x V (8 x 8) then Y (8).
    """
    y, u, v = frame.planes()
    result = np.zeros((len(xyxy), BINS), np.float32)
    for row, box in zip(result, xyxy, strict=True):
        left, top, right, bottom = (float(value) for value in box)
        width, height = right - left, bottom - top
        # The middle 60 % across is person rather than background; head and feet are left out.
        across = np.linspace(left + 0.2 * width, right - 0.2 * width, _SAMPLES_ACROSS)
        for part, (begin, end) in enumerate(((0.15, 0.50), (0.52, 0.88))):
            down = np.linspace(top + begin * height, top + end * height, _SAMPLES_DOWN)
            row[part * PART_BINS : (part + 1) * PART_BINS] = _part(y, u, v, across, down)
    return result


def _part(
    y: NDArray[np.uint8],
    u: NDArray[np.uint8],
    v: NDArray[np.uint8],
    across: NDArray[np.float64],
    down: NDArray[np.float64],
) -> NDArray[np.float32]:
    # Histogram of a grid of samples, soft-binned in chroma is not worth its time: 8 bins over 72 levels are coarse.
    columns = np.clip(across, 0, y.shape[1] - 1).astype(np.intp)
    rows = np.clip(down, 0, y.shape[0] - 1).astype(np.intp)
    grid = np.ix_(rows, columns)
    chroma = np.ix_(rows // 2, columns // 2)
    scale = CHROMA_BINS / (_CHROMA_HIGH - _CHROMA_LOW)
    u_bin = np.clip((u[chroma].astype(np.float32) - _CHROMA_LOW) * scale, 0, CHROMA_BINS - 1).astype(np.intp)
    v_bin = np.clip((v[chroma].astype(np.float32) - _CHROMA_LOW) * scale, 0, CHROMA_BINS - 1).astype(np.intp)
    y_bin = y[grid].astype(np.intp) * LUMA_BINS // 256
    samples = y_bin.size
    colour = np.bincount((u_bin * CHROMA_BINS + v_bin).ravel(), minlength=CHROMA_BINS * CHROMA_BINS)
    luma = np.bincount(y_bin.ravel(), minlength=LUMA_BINS)
    part = np.concatenate([colour * (1 - _LUMA_SHARE), luma * _LUMA_SHARE]) / (2 * samples)
    return part.astype(np.float32)


def distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Bhattacharyya distance (the Hellinger form): 0 the same colours, 1 no colour in common.

    first, second: (BINS,) histograms that sum to 1.
    """
    return float(np.sqrt(max(0.0, 1.0 - float(np.sqrt(first * second).sum()))))


def blend(old: NDArray[np.float32] | None, new: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """`old` moved towards `new` by `share` (0..1); `new` where there is nothing old. Sums to 1 when both do."""
    if old is None:
        return new
    return ((1.0 - share) * old + share * new).astype(np.float32)
