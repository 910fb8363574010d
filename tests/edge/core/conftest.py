"""A street of walkers with known paths and clothes: the stays' synthetic truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.appearance import BINS
from edge.core.calendar import NO_CALENDAR, Calendar
from edge.core.detection import Detections
from edge.core.events import Event
from edge.core.stay import Stay
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone

SIZE = (640, 480)
HEIGHT = 100.0


@dataclass(frozen=True)
class Walker:
    """way: (t, x, y) corner points of the feet's path in pixels, walked evenly; clothes: any number.

    hidden: spans in which the detector does not see the walker.
    """

    way: tuple[tuple[float, float, float], ...]
    clothes: int = 0
    hidden: tuple[tuple[float, float], ...] = ()

    def foot(self, t: float) -> tuple[float, float] | None:
        times = [point[0] for point in self.way]
        if not times[0] <= t <= times[-1] or any(begin <= t <= end for begin, end in self.hidden):
            return None
        return tuple(float(np.interp(t, times, [point[axis] for point in self.way])) for axis in (1, 2))  # type: ignore[return-value]


def clothes_histogram(clothes: int, seed: int) -> NDArray[np.float32]:
    """The same clothes look alike (distance about 0.1), different ones do not (about 0.6)."""
    mean = np.random.default_rng(clothes).dirichlet(np.full(BINS, 0.1))
    noise = np.random.default_rng([seed, clothes]).dirichlet(np.full(BINS, 1.0))
    return (0.95 * mean + 0.05 * noise).astype(np.float32)


@dataclass
class Street:
    """Plays walkers through the real tracker and the real chain behind it."""

    watch: CameraWatch
    stays: dict[tuple[str, int], Stay]
    events: list[Event]
    calendar: Calendar = NO_CALENDAR

    def ended(self) -> list[Stay]:
        return [stay for stay in self.stays.values() if stay.ended_because]

    def play(self, walkers: Sequence[Walker], frames_s: Sequence[float], seed: int = 0) -> "Street":
        tracker, random = Tracker(), np.random.default_rng(seed)
        for number, now_s in enumerate(frames_s):
            feet = [(walker, walker.foot(now_s)) for walker in walkers]
            seen = [(walker, foot) for walker, foot in feet if foot is not None]
            boxes = np.array(
                [[x - 0.2 * HEIGHT, y - HEIGHT, x + 0.2 * HEIGHT, y] for _, (x, y) in seen], np.float32
            ).reshape(-1, 4)
            boxes += random.normal(0, 1.0, boxes.shape).astype(np.float32)
            limits = np.array([*SIZE, *SIZE], np.float32)
            boxes = np.clip(boxes, 0, limits)
            looks = np.array([clothes_histogram(walker.clothes, seed * 10_000 + number) for walker, _ in seen])
            found = Detections(boxes, np.full(len(boxes), 0.9, np.float32))
            tracks = tracker.update(found, now_s, looks.reshape(-1, BINS).astype(np.float32))
            result = self.watch.update(tracks, SIZE, now_s, 1_700_000_000 + now_s, None, self.calendar)
            for stay in (*result.scene.stays, *result.scene.ended):
                self.stays[stay.zone, stay.stay_id] = stay
            self.events += result.events
        return self


@pytest.fixture
def street() -> Callable[..., Street]:
    """Makes a street with a zone and rules. The zone is the middle of the picture where none is given."""

    def make(
        *rules: WatchedRule, polygon: tuple[tuple[float, float], ...] | None = None, grace_s: float = 2.0
    ) -> Street:
        middle = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.9), (0.3, 0.9))
        zone = Zone("gate", polygon or middle, grace_s)
        return Street(CameraWatch("node", "camera", [zone], rules), {}, [])

    return make


@pytest.fixture
def walker() -> type[Walker]:
    return Walker


@pytest.fixture
def clothes() -> Callable[[int], NDArray[np.float32]]:
    """Colour histogram of clothes number n."""
    return lambda number: clothes_histogram(number, 0)
