"""Crowd: many people are in the zone at once, for a while."""

from dataclasses import dataclass

from edge.core.rules.signal import ClosedBecause, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import Stay


@dataclass(frozen=True, slots=True)
class CrowdParams:
    """zone: its name. Fires when at least `people` are inside for `hold_s`.

    dip_s: shorter times below `people` do not start `hold_s` anew: in a crowd people hide each other.
    release_s: the crowd has dispersed when there were fewer for so long.
    unseen_s: someone inside who was not detected for so long is still counted.
    """

    zone: str
    people: int
    hold_s: float = 10.0
    dip_s: float = 1.0
    release_s: float = 5.0
    unseen_s: float = 3.0


class CrowdRule:
    """One event from the moment the crowd has held until it has dispersed."""

    def __init__(self, params: CrowdParams) -> None:
        self.params = params
        self._since_s: float | None = None  # enough people since then
        self._enough_s = 0.0  # last time there were enough
        self._opened = 0
        self._open = False
        self._most = 0

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame."""
        now_s = scene.media_s
        stays = [
            stay
            for stay in scene.stays_in(self.params.zone)
            if stay.inside and now_s - stay.last_seen_s <= self.params.unseen_s
        ]
        if not armed:
            return self._close("disarmed", stays, now_s)
        if len(stays) >= self.params.people:
            self._enough_s = now_s
            if self._since_s is None:
                self._since_s = now_s
        elif self._since_s is not None:
            patience_s = self.params.release_s if self._open else self.params.dip_s
            if now_s - self._enough_s > patience_s:
                return self._close("dispersed", stays, now_s)
        if self._since_s is None:
            return []
        if self._open:
            return [self._signal("updated", stays, now_s, None)]
        if len(stays) < self.params.people or now_s - self._since_s < self.params.hold_s:
            return []
        self._open = True
        self._opened += 1
        return [self._signal("open", stays, now_s, None)]

    def _close(self, because: ClosedBecause, stays: list[Stay], now_s: float) -> list[Signal]:
        signals = [self._signal("closed", stays, now_s, because)] if self._open else []
        self._open, self._since_s = False, None
        return signals

    def _signal(self, state: SignalState, stays: list[Stay], now_s: float, because: ClosedBecause | None) -> Signal:
        begun_s = now_s if self._since_s is None else self._since_s
        return Signal(
            rule="crowd",
            place=self.params.zone,
            subject=f"crowd-{self._opened}",
            state=state,
            dwell_s=max(0.0, (self._enough_s if because else now_s) - begun_s),
            threshold_s=self.params.hold_s,
            people=len(stays),
            box=_around(stays),
            confidence=min((stay.confidence for stay in stays), default=0.0),
            closed_because=because,
        )


def _around(stays: list[Stay]) -> tuple[float, float, float, float] | None:
    if not stays:
        return None
    lefts, tops, rights, bottoms = zip(*(stay.box for stay in stays), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
