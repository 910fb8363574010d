"""A Kalman filter for many boxes at once, in seconds, that bears irregular steps.

Each of the four coordinates (centre x, centre y, width, height) moves on its own as an integrated Ornstein-Uhlenbeck
process: the velocity is pushed about by noise and dies away with the time constant `memory_s`, so that a person out of
sight is expected a little further on and not across the street. The model is solved exactly (Bar-Shalom, Li,
Kirubarajan, 'Estimation with Applications to Tracking and Navigation', 2001, section 8.2): a step of two seconds is
the same as twenty of a tenth, which SORT's filter, whose unit is the frame, cannot say.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How people's boxes move. Lengths are in body heights (the box's height), so that distance does not matter.

    memory_s: after it, without a measurement, a velocity has fallen to 37 %.
    speed: standard deviation of the centre's speed, body heights a second; a walk is 0.8, a run 2.
    resize: the same for width and height.
    position_noise, size_noise: standard deviation of a confident box's centre and size, body heights.
    """

    memory_s: float = 8.0
    speed: float = 1.0
    resize: float = 0.3
    position_noise: float = 0.08
    size_noise: float = 0.1


class BoxMotion:
    """State of n boxes; row i is one box.

    mean: (n, 4, 2) float64: centre x, centre y, width, height; of each its value in pixels and its velocity in pixels
        a second.
    cov: (n, 4, 2, 2) float64, the covariance of each pair.
    """

    def __init__(self, params: MotionParams) -> None:
        self._params = params
        self.mean: Floats = np.zeros((0, 4, 2))
        self.cov: Floats = np.zeros((0, 4, 2, 2))

    def __len__(self) -> int:
        return len(self.mean)

    def append(self, boxes: Floats) -> None:
        """Adds boxes, (m, 4) centre x, centre y, width, height in pixels, at rest with an unknown velocity."""
        mean = np.zeros((len(boxes), 4, 2))
        mean[:, :, 0] = boxes
        cov = np.zeros((len(boxes), 4, 2, 2))
        cov[:, :, 0, 0] = self._measurement_variance(boxes[:, 3])
        cov[:, :, 1, 1] = self._speed_variance(boxes[:, 3])
        self.mean = np.concatenate([self.mean, mean])
        self.cov = np.concatenate([self.cov, cov])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Forgets the boxes whose entry in the (n,) mask is false."""
        self.mean, self.cov = self.mean[rows], self.cov[rows]

    def predict(self, dt_s: float) -> None:
        """Moves every box on by `dt_s` >= 0 seconds; any division of the time into steps gives the same."""
        if dt_s <= 0 or not len(self.mean):
            return
        memory = self._params.memory_s
        fade = np.exp(-dt_s / memory)
        reach = memory * (1.0 - fade)  # how far a velocity of one still carries
        step = np.array([[1.0, reach], [0.0, fade]])
        drift = 2.0 * memory * dt_s - 4.0 * memory * reach + memory**2 * (1.0 - fade**2)
        noise = np.array([[drift, reach**2 / memory], [reach**2 / memory, 1.0 - fade**2]])
        variance = self._speed_variance(self.heights())
        self.mean = self.mean @ step.T
        self.cov = step @ self.cov @ step.T + variance[:, :, None, None] * noise
        # A shrinking velocity may not carry a size through zero while nobody looks.
        self.mean[:, 2:, 0] = np.maximum(self.mean[:, 2:, 0], 1.0)

    def correct(self, rows: NDArray[np.intp], boxes: Floats, doubt: Floats) -> None:
        """Takes measurements in.

        rows: (k,) the boxes measured, each at most once.
        boxes: (k, 4) centre x, centre y, width, height in pixels.
        doubt: (k,) >= 1, multiplies the measurement's standard deviation; 1 for a confident box.
        """
        mean, cov = self.mean[rows], self.cov[rows]
        variance = self._measurement_variance(boxes[:, 3]) * doubt[:, None] ** 2
        gain = cov[..., 0] / (cov[..., 0, 0] + variance)[..., None]
        self.mean[rows] = mean + gain * (boxes - mean[..., 0])[..., None]
        # Joseph's form: stays symmetric and positive however small a noise is.
        rest = np.broadcast_to(np.eye(2), cov.shape).copy()
        rest[..., 0] -= gain
        outer = gain[..., :, None] * gain[..., None, :]
        self.cov[rows] = rest @ cov @ rest.swapaxes(-1, -2) + variance[..., None, None] * outer
        self.mean[rows, 2:, 0] = np.maximum(self.mean[rows, 2:, 0], 1.0)

    def surprise(self, rows: NDArray[np.intp], boxes: Floats) -> Floats:
        """How badly measurements fit: (k,) rows, (m, 4) centred boxes -> (k, m) squared Mahalanobis distance.

        Over the four coordinates, so that 4 is what a right pair has on average and 18 what one in a thousand exceeds.
        """
        variance = self.cov[rows, :, 0, 0] + self._measurement_variance(self.heights()[rows])
        apart = boxes[None, :, :] - self.mean[rows, None, :, 0]
        distance: Floats = (apart**2 / variance[:, None, :]).sum(axis=2)
        return distance

    def heights(self) -> Floats:
        """(n,) heights in pixels, at least 1."""
        return np.maximum(self.mean[:, 3, 0], 1.0)

    def xyxy(self) -> Floats:
        """(n, 4) boxes as left, top, right, bottom in pixels."""
        return _cornered(self.mean[:, :, 0])

    def expected(self, dt_s: float) -> Floats:
        """(n, 4) boxes as left, top, right, bottom in pixels, where they will be in `dt_s` >= 0 seconds."""
        reach = self._params.memory_s * (1.0 - np.exp(-dt_s / self._params.memory_s))
        return _cornered(self.mean[:, :, 0] + reach * self.mean[:, :, 1])

    def _measurement_variance(self, heights: Floats) -> Floats:
        place, size = self._params.position_noise, self._params.size_noise
        variance: Floats = (heights[:, None] * np.array([place, place, size, size])) ** 2
        return variance

    def _speed_variance(self, heights: Floats) -> Floats:
        speed, resize = self._params.speed, self._params.resize
        variance: Floats = (heights[:, None] * np.array([speed, speed, resize, resize])) ** 2
        return variance


def _cornered(boxes: Floats) -> Floats:
    centre, half = boxes[:, :2], np.maximum(boxes[:, 2:], 1.0) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def centred(xyxy: Floats) -> Floats:
    """(n, 4) left, top, right, bottom -> (n, 4) centre x, centre y, width, height, at least one pixel large."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, size], axis=1)
