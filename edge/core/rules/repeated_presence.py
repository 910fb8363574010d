"""Repeated presence: the stays of one person within a window add up. Finds those who pace in and out."""

from dataclasses import dataclass, field

from edge.core.rules.armed import ArmedSince
from edge.core.rules.signal import ClosedBecause, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import Stay


@dataclass(frozen=True, slots=True)
class RepeatedPresenceParams:
    """zone: its name. Fires when a person's stays within `window_s` sum to `dwell_s`; closes after `absent_s` away."""

    zone: str
    dwell_s: float
    window_s: float = 900.0
    absent_s: float = 30.0


@dataclass(slots=True)
class _Visits:
    """One person's time in the zone: (entered, left) of each stay, by stay_id, media seconds."""

    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    counts_from_s: float = float("-inf")
    latest: Stay | None = None
    open_as: str | None = None


class RepeatedPresenceRule:
    """One event for each time that a person's stays add up; what was counted for one event is not counted again."""

    def __init__(self, params: RepeatedPresenceParams) -> None:
        self.params = params
        self._armed = ArmedSince()
        self._visits: dict[int, _Visits] = {}
        self._opened = 0

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        now_s = scene.media_s
        armed_since_s = self._armed.update(armed, now_s)
        if not armed:
            return self._disarm()
        for stay in [*scene.ended_in(self.params.zone), *scene.stays_in(self.params.zone)]:
            visits = self._visits.setdefault(stay.person_id, _Visits())
            visits.spans[stay.stay_id] = stay.entered_s, stay.last_seen_s
            visits.latest = stay
            visits.counts_from_s = max(visits.counts_from_s, armed_since_s)
        signals: list[Signal] = []
        for person_id in list(self._visits):
            signals += self._judge(person_id, self._visits[person_id], now_s)
        return signals

    def _judge(self, person_id: int, visits: _Visits, now_s: float) -> list[Signal]:
        begins_s = max(now_s - self.params.window_s, visits.counts_from_s)
        visits.spans = {key: span for key, span in visits.spans.items() if span[1] >= begins_s}
        stay = visits.latest
        if stay is None or (not visits.spans and visits.open_as is None):
            del self._visits[person_id]
            return []
        total_s = sum(left_s - max(entered_s, begins_s) for entered_s, left_s in visits.spans.values())
        here = stay.ended_because is None and stay.seen and stay.inside
        if visits.open_as is None:
            if not here or total_s < self.params.dwell_s:
                return []
            self._opened += 1
            visits.open_as = f"person-{person_id}-{self._opened}"
            return [self._signal(visits, stay, "open", total_s, None)]
        if here:
            return [self._signal(visits, stay, "updated", total_s, None)]
        if now_s - stay.last_seen_s <= self.params.absent_s:
            return []
        signal = self._signal(visits, stay, "closed", total_s, stay.ended_because or "lost")
        visits.open_as, visits.counts_from_s = None, stay.last_seen_s
        visits.spans = {}
        return [signal]

    def _disarm(self) -> list[Signal]:
        signals = []
        for visits in self._visits.values():
            if visits.open_as is not None and visits.latest is not None:
                total_s = sum(left_s - entered_s for entered_s, left_s in visits.spans.values())
                signals.append(self._signal(visits, visits.latest, "closed", total_s, "disarmed"))
        self._visits.clear()
        return signals

    def _signal(
        self, visits: _Visits, stay: Stay, state: SignalState, total_s: float, because: ClosedBecause | None
    ) -> Signal:
        return Signal(
            rule="repeated_presence",
            place=self.params.zone,
            subject=visits.open_as or "",
            state=state,
            dwell_s=max(0.0, total_s),
            threshold_s=self.params.dwell_s,
            visits=max(1, len(visits.spans)),
            stay=stay,
            box=stay.box,
            confidence=stay.confidence,
            closed_because=because,
        )
