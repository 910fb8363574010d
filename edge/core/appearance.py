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
    rows, columns = _samples(xyxy.astype(np.float64), y.shape)
    chroma = rows // 2, columns // 2
    u_bin, u_share = _place(u[chroma], _CHROMA_LOW, _CHROMA_HIGH, CHROMA_BINS)
    v_bin, v_share = _place(v[chroma], _CHROMA_LOW, _CHROMA_HIGH, CHROMA_BINS)
    corner = u_bin * CHROMA_BINS + v_bin
    # Samples are shared out between neighbouring bins: with hard edges grey clothes, whose chroma lies at the middle
    # of the range, jump between two bins with every compression.
    colour = _counted(
        [corner, corner + CHROMA_BINS, corner + 1, corner + CHROMA_BINS + 1],
        [(1 - u_share) * (1 - v_share), u_share * (1 - v_share), (1 - u_share) * v_share, u_share * v_share],
        CHROMA_BINS * CHROMA_BINS,
    )
    y_bin, y_share = _place(y[rows, columns], 0.0, 255.0, LUMA_BINS)
    luma = _counted([y_bin, y_bin + 1], [1 - y_share, y_share], LUMA_BINS)
    parts = np.concatenate([colour * (1 - _LUMA_SHARE), luma * _LUMA_SHARE], axis=1)
    shared: NDArray[np.float32] = (parts / (len(_PARTS) * _SAMPLES_ACROSS * _SAMPLES_DOWN)).astype(np.float32)
    return shared.reshape(len(xyxy), BINS)


def _samples(xyxy: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels that are looked at: rows (parts of all boxes, down, 1), columns (parts of all boxes, 1, across)."""
    left, top, right, bottom = xyxy.T
    width, height = right - left, bottom - top
    # The middle 60 % across is person rather than background.
    across = np.linspace(left + 0.2 * width, right - 0.2 * width, _SAMPLES_ACROSS, axis=1)
    begins, ends = np.array(_PARTS).T
    down = np.linspace(top[:, None] + begins * height[:, None], top[:, None] + ends * height[:, None], _SAMPLES_DOWN)
    down = np.moveaxis(down, 0, 2).reshape(-1, _SAMPLES_DOWN)
    columns = np.clip(across, 0, shape[1] - 1).astype(np.intp).repeat(len(_PARTS), axis=0)
    rows = np.clip(down, 0, shape[0] - 1).astype(np.intp)
    return rows[:, :, None], columns[:, None, :]


def _counted(bins: list[NDArray[np.intp]], weights: list[NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    """(n, count) sums of the weights in each bin; each array of bins and weights is (n, ...)."""
    n = len(bins[0])
    first = (np.arange(n) * count).reshape(n, *(1,) * (bins[0].ndim - 1))
    places = np.concatenate([(one + first).ravel() for one in bins])
    sums = np.bincount(places, np.concatenate([one.ravel() for one in weights]), n * count)
    return np.asarray(sums, np.float64).reshape(n, count)


def _place(
    samples: NDArray[np.uint8], low: float, high: float, bins: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Lower bin of each sample and the share (0..1) that belongs to the bin above it."""
    place = np.clip((samples - low) * ((bins - 1) / (high - low)), 0.0, bins - 1 - 1e-6)
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
