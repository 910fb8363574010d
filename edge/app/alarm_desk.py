"""Alarms about cameras that do not see what they should: events like any other, with the pictures then and now.

One alarm for one trouble: who sprays a lens and then turns it away rings once, until the camera sees again; but what is
graver than all that rang so far rings anew, or a dirty lens would hide a covered one.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from broker.contract.messages import CAMERA_ALARMS, EventMessage, Severity
from edge.adapters.outbox_rows import ClipJob
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import ClipDesk
from edge.app.lens_watch import LensReport
from edge.core.frame import Frame
from edge.core.integrity.faults import LensFault
from edge.core.ports import Clock

log = logging.getLogger(__name__)

SURE_S = 60.0  # without any doubt, before an alarm of an earlier process is taken back: that one knew more
_GRAVITY = {severity: rank for rank, severity in enumerate(get_args(Severity))}
_NAMESPACE = uuid.UUID("0b1f3f0e-55c7-4a55-8d0e-6d6b8b1f7a11")


@dataclass(slots=True)
class _Open:
    event: EventMessage
    adopted: bool


class AlarmDesk:
    """The alarms of a worker's cameras. Used by one thread."""

    def __init__(
        self, node: str, lines: Mapping[str, CameraLine], outbox: SqliteOutbox, clips: ClipDesk, clock: Clock
    ) -> None:
        self._node, self._lines, self._outbox, self._clips, self._clock = node, lines, outbox, clips, clock
        self._open: dict[str, list[_Open]] = {
            name: [_Open(event, adopted=True) for event in outbox.orphans(name) if event.rule in CAMERA_ALARMS]
            for name in lines
        }

    def tell(self) -> None:
        """Writes down what has begun or ended since the last call."""
        for name, line in self._lines.items():
            report, known, frame = line.lens.report, self._open[name], line.latest
            if frame is None:
                continue
            fault, told = report.fault, max((_GRAVITY[one.event.severity] for one in known), default=-1)
            if fault is not None and fault.severity is not None and _GRAVITY[fault.severity] > told:
                self._begin(line, report, fault, frame)
            elif fault is None:
                adopted = any(one.adopted for one in known)
                if known and report.sure_s >= (SURE_S if adopted else 0.1):
                    self._end(name, frame.captured_at_s)
            for one in known if fault is not None else ():
                one.adopted = False  # this process has seen it itself

    def _begin(self, line: CameraLine, report: LensReport, fault: LensFault, frame: Frame) -> None:
        name, at_s = line.section.name, round(frame.captured_at_s, 3)
        dwell_s = max(0.0, at_s - report.since_at_s)
        event = EventMessage.model_validate(
            {
                "event_id": str(uuid.uuid5(_NAMESPACE, f"{self._node}/{name}/{fault.code}/{at_s:.3f}")),
                "revision": 1,
                "state": "open",
                "rule": fault.code,
                "camera": name,
                "severity": fault.severity,
                "opened_at_s": at_s,
                "captured_at_s": at_s,
                "dwell_s": round(dwell_s, 3),
                "people": 0,
                "confidence": 1.0,
            }
        )
        recording = line.section.recording  # the clip begins before the fault, so that it shows who did it
        clip = ClipJob(event.event_id, name, at_s, at_s - dwell_s - recording.pre_s, at_s + recording.post_s)
        self._outbox.put_event(event, self._clock.wall_s(), clip)
        self._open[name].append(_Open(event, adopted=False))
        log.info("camera %s: %s since %.0f s", name, fault.code, dwell_s)
        self._clips.opened(event, frame)

    def _end(self, name: str, at_s: float) -> None:
        known = self._open[name]
        while known:  # one by one: what is written down is not written again where the next one fails
            event = known[0].event
            ended_s = max(round(at_s, 3), event.captured_at_s)
            dwell_s = round(event.dwell_s + ended_s - event.captured_at_s, 3)
            ended = {"state": "closed", "closed_because": "sees_again", "closed_at_s": ended_s}
            told = {"revision": event.revision + 1, "captured_at_s": ended_s, "dwell_s": dwell_s}
            self._outbox.put_event(event.model_copy(update={**ended, **told}), self._clock.wall_s())
            known.pop(0)
