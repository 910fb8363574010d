"""How far a long command is, on one line: share done and time left."""

from collections.abc import Callable

import typer

from edge.adapters.system_clock import SystemClock
from edge.core.ports import Clock


class Reporter:
    """Called with (done, in all, what else to say); prints at most once in `every_s` seconds, and the last one."""

    def __init__(
        self,
        name: str,
        every_s: float = 10.0,
        begun_at: int = 0,
        clock: Clock | None = None,
        tell: Callable[[str], None] = typer.echo,
    ) -> None:
        """begun_at: what was done before this run, so that the time left goes by this run's own speed."""
        self._tell = tell
        self._clock = clock or SystemClock()
        self._name, self._every_s, self._begun_at = name, every_s, begun_at
        self._begun_s = self._told_s = self._clock.monotonic_s()

    def __call__(self, done: int, total: int, more: str = "") -> None:
        """Tells it, where it is time to."""
        now_s = self._clock.monotonic_s()
        if now_s - self._told_s < self._every_s and done < total:
            return
        self._told_s = now_s
        left_s = (now_s - self._begun_s) / max(1, done - self._begun_at) * (total - done)
        self._tell(f"{self._name}: {done} of {total} ({done / total:.0%}), {_span(left_s)} left{more and '; ' + more}")


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{round(seconds)} s" if seconds < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
