"""Loitering: one person has been in the zone for long, and is still there."""

from dataclasses import dataclass

from edge.core.rules.armed import ArmedSince
from edge.core.rules.signal import ClosedBecause, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import Stay


@dataclass(frozen=True, slots=True)
class LoiteringParams:
    """zone: its name. dwell_s: fires after so long. second_stage_at: multiple of dwell_s at which stage 2 begins."""

    zone: str
    dwell_s: float
    second_stage_at: float = 3.0


class LoiteringRule:
    """One event for each stay, opened in the first frame that shows the person inside at or after `dwell_s`.

    Where the person is not detected at that moment the rule waits until they are: an alarm for someone who has left
    is worse than one that is a second late. Seconds before the rule was armed do not count.
    """

    def __init__(self, params: LoiteringParams) -> None:
        self.params = params
        self._armed = ArmedSince()
        self._open: dict[int, tuple[Stay, int]] = {}  # stay_id -> last shown stay, stage

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        armed_since_s = self._armed.update(armed, scene.media_s)
        if not armed:
            return self._close_all("disarmed")
        signals: list[Signal] = []
        for stay in scene.ended_in(self.params.zone):
            if stay.stay_id in self._open:
                _, stage = self._open.pop(stay.stay_id)
                signals.append(self._signal(stay, "closed", stage, stay.ended_because))
        for stay in scene.stays_in(self.params.zone):
            signals += self._judge(stay, armed_since_s)
        return signals

    def _judge(self, stay: Stay, armed_since_s: float) -> list[Signal]:
        if not (stay.seen and stay.inside):
            return []
        counted_s = stay.last_seen_s - max(stay.entered_s, armed_since_s)
        known = self._open.get(stay.stay_id)
        stage = 2 if counted_s >= self.params.dwell_s * self.params.second_stage_at else 1
        if known is None and counted_s < self.params.dwell_s:
            return []
        stage = max(stage, known[1] if known else 1)
        self._open[stay.stay_id] = stay, stage
        return [self._signal(stay, "updated" if known else "open", stage, None)]

    def _close_all(self, because: ClosedBecause) -> list[Signal]:
        signals = [self._signal(stay, "closed", stage, because) for stay, stage in self._open.values()]
        self._open.clear()
        return signals

    def _signal(self, stay: Stay, state: SignalState, stage: int, because: ClosedBecause | None) -> Signal:
        return Signal(
            rule="loitering",
            place=self.params.zone,
            subject=f"stay-{stay.stay_id}",
            state=state,
            stage=stage,
            dwell_s=stay.dwell_s,
            threshold_s=self.params.dwell_s,
            stay=stay,
            box=stay.box,
            confidence=stay.confidence,
            closed_because=because,
        )
