"""Slows down guessing of passwords: at most so many failures for a key within a window."""

from collections import OrderedDict, deque

MAX_KEYS = 10_000  # the oldest is forgotten first, so that an attacker can't fill the memory


class Throttle:
    """Counts failures per key. Not thread-safe: its owner holds a lock."""

    def __init__(self, max_failures: int, window_s: float) -> None:
        self._max_failures, self._window_s = max_failures, window_s
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now_s: float) -> float:
        """Seconds until `key` may try again; 0.0 when it may now."""
        times = self._failures.get(key)
        if times is None:
            return 0.0
        while times and now_s - times[0] >= self._window_s:
            times.popleft()
        if len(times) < self._max_failures:
            return 0.0
        return self._window_s - (now_s - times[0])

    def failed(self, key: str, now_s: float) -> None:
        """Notes a failure of `key` at `now_s` (any clock, always the same)."""
        times = self._failures.setdefault(key, deque(maxlen=self._max_failures))
        times.append(now_s)
        self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forgets the failures of `key`."""
        self._failures.pop(key, None)
