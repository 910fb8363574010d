"""What a worker does that can't watch, for want of a network or of room: it records, says so, and tries again."""

import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal, TypeVar

from broker.contract.messages import CameraHealth
from edge.adapters.snapshot import snapshot
from edge.adapters.system_clock import SystemClock
from edge.app.camera_line import NOT_LOOKED_AT
from edge.app.recorded_cameras import RecordedCameras
from edge.app.work_done import WorkDone
from edge.app.worker_process import StillTaken, Stop, TakeStill, WorkerReport, stop_waits

log = logging.getLogger(__name__)

RETRY_S = 60.0
REPORT_S = 0.5
_OF_NOT_LOOKING = ("overloaded", NOT_LOOKED_AT.code, "")  # what a line says of pictures that nobody looks at

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why nobody is looked for. code: a stable word that the console translates; reason: the same in plain English.

    retry_s: after so long it is tried again; None: `RETRY_S`.
    """

    code: Literal["network_unusable", "no_room_to_watch", "worker_restarts"]
    reason: str
    retry_s: float | None = None


def record_alone(
    cameras: RecordedCameras,
    parent: Connection,
    why: Hindrance,
    again: Callable[[], Answer],
    alarms: Callable[[], object] = lambda: None,
) -> Answer | Stop | None:
    """Tells the supervisor that the cameras are blind, and why, until `again` has an answer.

    alarms: called after each look at how the cameras do.
    again: called once, after `why.retry_s`, in a thread of its own: it may take long, or for ever.
    Returns its answer; Stop where the supervisor says so before, None where it has died.
    """
    clock, answers = SystemClock(), queue.SimpleQueue[Answer]()
    since_at_s, begun_s = clock.wall_s(), clock.monotonic_s()
    retry_due_s = begun_s + (RETRY_S if why.retry_s is None else why.retry_s)
    retry = threading.Thread(target=lambda: answers.put(again()), name="retry", daemon=True)
    try:
        while answers.empty():
            if retry.ident is None and clock.monotonic_s() >= retry_due_s:
                retry.start()
            told = tuple(_blind(line.health(), why, since_at_s) for line in cameras.lines.values())
            alarms()
            parent.send(WorkerReport(told, 0.0, WorkDone(os.getpid(), (), 0, 0.0, {})))
            if parent.poll(REPORT_S):
                order = parent.recv()
                if isinstance(order, Stop):
                    return order
                if isinstance(order, TakeStill):
                    _take_still(cameras, order.camera, parent)
    except (EOFError, OSError):
        return Stop() if stop_waits(parent) else None
    return answers.get()


def _blind(health: CameraHealth, why: Hindrance, since_at_s: float) -> CameraHealth:
    """A camera that sends nothing is told by that."""
    if health.state == "blind" and health.reason_code not in _OF_NOT_LOOKING:
        return health
    facts = {"state": "blind", "since_at_s": since_at_s, "reason_code": why.code, "reason": why.reason[:300]}
    return health.model_copy(update=facts)


def _take_still(cameras: RecordedCameras, name: str, parent: Connection) -> None:
    line = cameras.lines.get(name)
    frame = line.latest if line is not None else None
    if frame is not None:
        parent.send(StillTaken(name, snapshot(frame)))
