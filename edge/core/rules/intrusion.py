"""Intrusion: anyone is in the zone while it is armed."""

from dataclasses import dataclass

from edge.core.rules.armed import ArmedSince
from edge.core.rules.signal import ClosedBecause, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import Stay


@dataclass(frozen=True, slots=True)
class IntrusionParams:
    """zone: its name. confirm_s: fires after so long inside, so that one false box is no intruder."""

    zone: str
    confirm_s: float = 1.0


class IntrusionRule:
    """One event for each stay and armed period."""

    def __init__(self, params: IntrusionParams) -> None:
        self.params = params
        self._armed = ArmedSince()
        self._open: dict[int, Stay] = {}

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        armed_since_s = self._armed.update(armed, scene.media_s)
        if not armed:
            signals = [self._signal(stay, "closed", "disarmed") for stay in self._open.values()]
            self._open.clear()
            return signals
        signals = []
        for stay in scene.ended_in(self.params.zone):
            if self._open.pop(stay.stay_id, None) is not None:
                signals.append(self._signal(stay, "closed", stay.ended_because))
        for stay in scene.stays_in(self.params.zone):
            if not (stay.seen and stay.inside):
                continue
            known = stay.stay_id in self._open
            if known or stay.last_seen_s - max(stay.entered_s, armed_since_s) >= self.params.confirm_s:
                self._open[stay.stay_id] = stay
                signals.append(self._signal(stay, "updated" if known else "open", None))
        return signals

    def _signal(self, stay: Stay, state: SignalState, because: ClosedBecause | None) -> Signal:
        return Signal(
            rule="intrusion",
            place=self.params.zone,
            subject=f"stay-{stay.stay_id}",
            state=state,
            dwell_s=stay.dwell_s,
            threshold_s=self.params.confirm_s,
            stay=stay,
            box=stay.box,
            confidence=stay.confidence,
            closed_because=because,
        )
