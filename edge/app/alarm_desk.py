"""Alarms about cameras that do not see what they should: events like any other, with the pictures then and now.

One alarm for one trouble: who sprays a lens and then turns it away rings once, until the camera sees again; but what is
graver than all that rang so far rings anew, or a dirty lens would hide a covered one. What hides nothing of the sight
(a clock, a rate) is a trouble of its own. What comes and goes rings the first two times, and then stays open for longer
and longer after it has gone.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from broker.contract.messages import CAMERA_ALARMS, EventMessage, Severity
from edge.adapters.outbox_rows import ClipJob
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import ClipDesk
from edge.config.schema import CameraSection
from edge.core.integrity.faults import SIGNAL_LOST, CameraFault, FaultGroup, Trouble, group_of
from edge.core.integrity.flaps import Flaps
from edge.core.ports import Clock

log = logging.getLogger(__name__)

LONGEST_S = 3e8  # ten years; more is a clock that was set
SURE_S = 60.0  # without any doubt, before an alarm of an earlier process is taken back: that one knew more
_GRAVITY = {severity: rank for rank, severity in enumerate(get_args(Severity))}
_NAMESPACE = uuid.UUID("0b1f3f0e-55c7-4a55-8d0e-6d6b8b1f7a11")


def severity_of(section: CameraSection, fault: CameraFault) -> Severity | None:
    """Of the alarm about this fault of this camera; None where it is switched off."""
    wanted = section.camera_alarms.get(fault.code, section.camera_alarms.get("all", fault.severity))
    return None if wanted == "none" else wanted


def _gravity(section: CameraSection, fault: CameraFault) -> int:
    severity = severity_of(section, fault)
    return -1 if severity is None else _GRAVITY[severity]


@dataclass(slots=True)
class _Open:
    event: EventMessage
    adopted: bool
    opened_s: float | None = None  # by the monotonic clock; None where that was in another process
    ahead_s: float | None = None  # of the wall clock by which its times are
    stands: bool = True  # False: it is kept open, for it comes and goes, and hides nothing else


@dataclass(slots=True)
class _Group:
    """One group of a camera's faults. alarms: those that are open, in the order in which they rang."""

    alarms: list[_Open] = field(default_factory=list)
    flaps: Flaps = field(default_factory=Flaps)
    of_fault: dict[str, Flaps] = field(default_factory=lambda: defaultdict(Flaps))  # by its code, beside others


class AlarmDesk:
    """The alarms of a worker's cameras. Used by one thread."""

    def __init__(
        self, node: str, lines: Mapping[str, CameraLine], outbox: SqliteOutbox, clips: ClipDesk, clock: Clock
    ) -> None:
        self._node, self._lines, self._outbox, self._clips, self._clock = node, lines, outbox, clips, clock
        self._groups: dict[tuple[str, FaultGroup], _Group] = defaultdict(_Group)
        self._begun_s = clock.monotonic_s()
        for name in lines:
            for event in outbox.orphans(name):
                if event.rule in CAMERA_ALARMS:
                    self._groups[name, group_of(event.rule, event.zone)].alarms.append(_Open(event, adopted=True))

    def tell(self) -> None:
        """Writes down what has begun or ended since the last call."""
        for line in self._lines.values():
            found: dict[FaultGroup, list[Trouble]] = defaultdict(list)
            for trouble in line.troubles():
                found[trouble.group].append(trouble)
            for group, troubles in found.items():
                self._follow(line, self._groups[line.section.name, group], troubles)

    def _follow(self, line: CameraLine, known: _Group, troubles: list[Trouble]) -> None:
        """troubles: of one group; the first says for how long nothing has spoken for any."""
        now_s = self._clock.monotonic_s()
        standing = [(_gravity(line.section, one.fault), one, one.fault) for one in troubles if one.fault is not None]
        came = known.flaps.note(bool(standing), now_s)
        if not standing:
            for alarm in known.alarms:
                alarm.stands = False
            adopted = any(alarm.adopted for alarm in known.alarms)
            if troubles[0].sure_s >= (SURE_S if adopted else 0.1) and known.flaps.is_over(now_s):
                away_s = now_s - known.flaps.last_s if known.flaps.times > 1 else 0.0
                for alarm in list(known.alarms):
                    self._end(known, alarm, away_s)
            return
        self._end_what_hid_a_lesser(known, {fault.code: gravity for gravity, _, fault in standing})
        for gravity, trouble, fault in sorted(standing, key=lambda one: -one[0]):  # or a lesser one would ring before
            mine = [alarm for alarm in known.alarms if alarm.event.rule == fault.code]
            hidden_below = max((_GRAVITY[one.event.severity] for one in known.alarms if one.stands), default=-1)
            for alarm in mine:
                alarm.stands = True
                if came:
                    self._comes_and_goes(alarm, known.flaps.times)
            severity = severity_of(line.section, fault)
            if not mine and severity is not None and gravity > hidden_below:
                self._begin(line, trouble, fault, severity)
        for alarm in known.alarms:
            alarm.adopted = False  # this process has seen it itself

    def _end_what_hid_a_lesser(self, known: _Group, standing: Mapping[str, int]) -> None:
        """A lens that was uncovered and is still dirty: else it could be covered again, and nobody would be told."""
        now_s = self._clock.monotonic_s()
        for alarm in list(known.alarms):
            own = known.of_fault[alarm.event.rule]
            own.note(alarm.event.rule in standing, now_s)
            gone_s = now_s - max(own.last_s, self._begun_s)
            lesser = _GRAVITY[alarm.event.severity] > max(standing.values())
            if lesser and gone_s >= SURE_S and own.is_over(now_s):
                self._end(known, alarm, gone_s)

    def _comes_and_goes(self, alarm: _Open, times: int) -> None:
        """It rings no more, but says how often the fault has come."""
        event, at_s = alarm.event, self._clock.wall_s()
        if times < 2:
            return
        told = {"revision": event.revision + 1, "state": "updated", "visits": min(times, 10_000)}
        changed = event.model_copy(update=told)
        self._outbox.put_event(changed, at_s, ahead_s=alarm.ahead_s)
        alarm.event = changed
        log.warning("camera %s: %s comes and goes, %d times so far", event.camera, event.rule, times)

    def _begin(self, line: CameraLine, trouble: Trouble, fault: CameraFault, severity: Severity) -> None:
        name, frame, now_s = line.section.name, line.latest, self._clock.wall_s()
        known = self._groups[name, trouble.group]
        lost = fault is SIGNAL_LOST
        at_s = round(now_s if lost or frame is None else frame.captured_at_s, 3)
        dwell_s = max(0.0, at_s - trouble.since_at_s)
        event = EventMessage.model_validate(
            {
                "event_id": str(uuid.uuid5(_NAMESPACE, f"{self._node}/{name}/{fault.code}/{at_s:.3f}")),
                "revision": 1,
                "state": "open",
                "rule": fault.code,
                "camera": name,
                "zone": trouble.zone or None,
                "severity": severity,
                "opened_at_s": at_s,
                "captured_at_s": at_s,
                "dwell_s": round(dwell_s, 3),
                "people": 0,
                "visits": min(known.flaps.times, 10_000),
                "confidence": 1.0,
            }
        )
        recording = line.section.recording  # the clip begins before the fault, so that it shows who did it
        ends_at_s = at_s + (0.0 if lost else recording.post_s)
        clip = ClipJob(event.event_id, name, at_s, at_s - dwell_s - recording.pre_s, ends_at_s)
        ahead_s = now_s - self._clock.monotonic_s() if lost or frame is None else frame.captured_at_s - frame.media_s
        self._outbox.put_event(event, now_s, clip, ahead_s)
        known.alarms.append(_Open(event, False, self._clock.monotonic_s(), ahead_s))
        log.info("camera %s: %s since %.0f s", name, fault.code, dwell_s)
        self._clips.opened(event, frame)

    def _end(self, group: _Group, one: _Open, away_s: float) -> None:
        """away_s: for how long the fault has not been there."""
        at_s, now_s, event = self._clock.wall_s(), self._clock.monotonic_s(), one.event
        lasted_s = at_s - event.captured_at_s
        if one.opened_s is not None:  # the wall clock may have been set since
            lasted_s = now_s - one.opened_s
        lasted_s = round(min(max(lasted_s - away_s, 0.0), LONGEST_S), 3)
        ended_s = round(event.captured_at_s + lasted_s, 3)
        dwell_s = round(event.dwell_s + lasted_s, 3)
        ended = {"state": "closed", "closed_because": "sees_again", "closed_at_s": ended_s}
        told = {"revision": event.revision + 1, "captured_at_s": ended_s, "dwell_s": dwell_s}
        self._outbox.put_event(event.model_copy(update={**ended, **told}), at_s, ahead_s=one.ahead_s)
        group.alarms.remove(one)  # what is written down is not written again where the next one fails
