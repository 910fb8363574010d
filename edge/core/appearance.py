"""What clothes look like, cheaply: colour histograms of boxes, to tell a re-found person from another.

Clothing colours only. No face, no gait, no learned embedding: nothing here can recognise a person on another day, and
nothing here is sent or put on a disk; a histogram lives as long as the track and its camera's short memory.
"""

import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

CHROMA_BINS = 8  # for each of U and V
LUMA_BINS = 8
PART_BINS = CHROMA_BINS * CHROMA_BINS + LUMA_BINS
BINS = 2 * PART_BINS  # upper and lower body
_PARTS = ((0.15, 0.50), (0.52, 0.88))  # shares of the height: head and feet are left out
_SAMPLES_ACROSS, _SAMPLES_DOWN = 12, 20  # for each part; independent of the box's size
_CHROMA_LOW, _CHROMA_HIGH = 104.0, 152.0  # clothes rarely leave this range; the outer bins take what does
_LUMA_SHARE = 0.5  # by night, in infra-red, brightness is all there is


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
        # The middle 60 % across is person rather than background.
        across = np.linspace(left + 0.2 * width, right - 0.2 * width, _SAMPLES_ACROSS)
        for part, (begin, end) in enumerate(_PARTS):
            down = np.linspace(top + begin * height, top + end * height, _SAMPLES_DOWN)
            row[part * PART_BINS : (part + 1) * PART_BINS] = _part(y, u, v, across, down)
    return result


def _part(
    y: NDArray[np.uint8],
    u: NDArray[np.uint8],
    v: NDArray[np.uint8],
    across: NDArray[np.float64],
    down: NDArray[np.float64],
) -> NDArray[np.float64]:
    # Samples are shared out between neighbouring bins: with hard edges grey clothes, whose chroma lies at the middle
    # of the range, jump between two bins with every compression.
    columns = np.clip(across, 0, y.shape[1] - 1).astype(np.intp)
    rows = np.clip(down, 0, y.shape[0] - 1).astype(np.intp)
    chroma = np.ix_(rows // 2, columns // 2)
    u_bin, u_share = _place(u[chroma], _CHROMA_LOW, _CHROMA_HIGH, CHROMA_BINS)
    v_bin, v_share = _place(v[chroma], _CHROMA_LOW, _CHROMA_HIGH, CHROMA_BINS)
    corner = u_bin * CHROMA_BINS + v_bin
    bins = np.concatenate([corner, corner + CHROMA_BINS, corner + 1, corner + CHROMA_BINS + 1])
    weights = np.concatenate(
        [(1 - u_share) * (1 - v_share), u_share * (1 - v_share), (1 - u_share) * v_share, u_share * v_share]
    )
    colour = np.bincount(bins, weights, CHROMA_BINS * CHROMA_BINS)
    y_bin, y_share = _place(y[np.ix_(rows, columns)], 0.0, 255.0, LUMA_BINS)
    luma = np.bincount(np.concatenate([y_bin, y_bin + 1]), np.concatenate([1 - y_share, y_share]), LUMA_BINS)
    return np.concatenate([colour * (1 - _LUMA_SHARE), luma * _LUMA_SHARE]) / (len(_PARTS) * len(y_bin))


def _place(
    samples: NDArray[np.uint8], low: float, high: float, bins: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Lower bin of each sample and the share (0..1) that belongs to the bin above it."""
    place = np.clip((samples.ravel() - low) * ((bins - 1) / (high - low)), 0.0, bins - 1 - 1e-6)
    lower = place.astype(np.intp)
    return lower, place - lower


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
