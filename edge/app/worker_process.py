"""The whole life of a worker process, and what it and its supervisor say to each other.

Recording comes first: what is needed to find people, and what was written down so far, is loaded while it runs. Only
where a worker of an earlier supervisor still records these cameras, all is loaded before it is asked to go.
"""

from __future__ import annotations  # what only the types need is not loaded before the recording

import contextlib
import logging
import os
import select
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from edge.app.former_workers import ASKED_TO_GO, OUTLIVES_S, take_over
from edge.app.hold import holder
from edge.app.node_folder import workers_folder
from edge.config.schema import EdgeConfig

if TYPE_CHECKING:
    from broker.contract.messages import CameraHealth
    from edge.adapters.onnx_detector import OnnxDetector
    from edge.adapters.outbox_rows import OutboxBounds
    from edge.app.recorded_cameras import RecordedCameras
    from edge.app.unwatched import Hindrance
    from edge.app.work_done import WorkDone
    from edge.core.calendar import Calendar
    from models.registry import ModelEntry

    LoadedNetwork = tuple[OnnxDetector, ModelEntry]

log = logging.getLogger(__name__)

OUTBOX_DAMAGED = 71  # exit code by which the supervisor knows that it must begin the outbox anew
STOP_READING_S = 0.5


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Worker to supervisor: how its cameras do, for how long its vision thread has been at one frame, what it did."""

    cameras: tuple[CameraHealth, ...]
    at_one_frame_s: float
    work: WorkDone


@dataclass(frozen=True, slots=True)
class StillTaken:
    """Worker to supervisor: a fresh picture of a camera, a JPEG. It never touches the disk, which writing wears out."""

    camera: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """Worker to supervisor: it has come a step further; until it says `Recorded` nobody reads its cameras."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Worker to supervisor: its cameras are being read, by itself or still by the worker whose heir it is."""


@dataclass(frozen=True, slots=True)
class OutboxReady:
    """Supervisor to worker: this outbox is sound and may be written to; None: there is no room for any."""

    path: Path | None
    bounds: OutboxBounds


@dataclass(frozen=True, slots=True)
class Stop:
    """Supervisor to worker: the node stops in good order. Where the pipe ends without it, the supervisor has died."""


@dataclass(frozen=True, slots=True)
class TakeStill:
    """Supervisor to worker: take a picture of this camera now."""

    camera: str


@dataclass(frozen=True, slots=True)
class TakeCalendar:
    """Supervisor to worker: the rules are armed by this calendar from now on."""

    calendar: Calendar


def run_worker(config: EdgeConfig, names: Sequence[str], parent: Connection, *, alone_s: float = 0.0) -> None:
    """Watches the cameras `names` until the supervisor says stop, or is gone and so is the time to outlive it.

    alone_s: so long it records alone at first, and decodes nothing, as those before it died of watching.
    """
    logging.basicConfig(format="%(asctime)s worker %(levelname)s %(message)s", level=logging.INFO)
    threading.excepthook = _end_with_thread
    asked_to_go = threading.Event()
    signal.signal(ASKED_TO_GO, lambda *_: asked_to_go.set())
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and some stops reach all; the supervisor decides
        signal.signal(number, signal.SIG_IGN)
    tell(parent, Begun())
    files = [workers_folder(config) / name for name in names]
    others_record = any(holder(file) is not None for file in files)
    if others_record:
        tell(parent, Recorded())
    network = _load(config) if others_record and not alone_s else None
    with ExitStack() as held:
        if is_wanted(parent):
            for file in files:
                held.enter_context(take_over(file))
            tell(parent, Begun())
            _record_and_watch(config, names, parent, asked_to_go, network, alone_s)


def _load(config: EdgeConfig) -> LoadedNetwork | Hindrance:
    """All that takes a while and can be had before the cameras are free: the modules, and the network, if it runs."""
    from edge.app import worker  # noqa: F401
    from edge.app.detector import DetectorError, make_detector
    from edge.app.unwatched import Hindrance

    try:
        return make_detector(config.detector)
    except DetectorError as error:
        return Hindrance("network_unusable", f"nobody can be found: {error}")


def _died_of_watching(retry_s: float) -> Hindrance:
    from edge.app.unwatched import Hindrance

    return Hindrance("worker_restarts", "the process that watches this camera died again and again", retry_s)


def _record_and_watch(
    config: EdgeConfig,
    names: Sequence[str],
    parent: Connection,
    asked_to_go: threading.Event,
    network: LoadedNetwork | Hindrance | None,
    alone_s: float,
) -> None:
    from edge.adapters.system_clock import SystemClock
    from edge.app.recorded_cameras import RecordedCameras

    cameras = RecordedCameras(config, names, SystemClock(), lambda: tell(parent, Begun()), looks=not alone_s)
    cameras.start()
    tell(parent, Recorded())
    if network is None:
        network = _died_of_watching(alone_s) if alone_s else _load(config)
    from edge.adapters.outbox_rows import OutboxError, is_damage

    try:
        heard: OutboxReady | Stop | None = first_order(parent)
        if isinstance(heard, OutboxReady):
            heard = _watch(config, cameras, network, heard, parent, asked_to_go)
        if heard is None:
            asked_to_go.wait(OUTLIVES_S)
    except (OutboxError, sqlite3.DatabaseError) as error:
        if not (is_damage(error) or is_damage(error.__cause__)):
            raise
        log.critical("the outbox is damaged: %s", error)
        os._exit(OUTBOX_DAMAGED)  # not by way of threads that still write
    cameras.end(STOP_READING_S)


def _watch(
    config: EdgeConfig,
    cameras: RecordedCameras,
    network: LoadedNetwork | Hindrance,
    ready: OutboxReady,
    parent: Connection,
    asked_to_go: threading.Event,
) -> Stop | None:
    """Watches to the end. Where that can't be, the cameras are recorded alone, and it is tried again.

    Returns None where the supervisor has died and no heir was waited for. Raises OutboxError, sqlite3.Error.
    """
    from edge.app.unwatched import Hindrance, record_alone
    from edge.app.worker import Worker

    def begun() -> Worker | Hindrance:
        if isinstance(network, Hindrance):
            return network
        if ready.path is None:
            return Hindrance("no_room_to_watch", "nobody can be watched: what is to be told can be kept nowhere")
        try:
            return Worker(config, cameras, network, ready, parent, asked_to_go)
        except OSError as error:  # a disk without room for a folder
            return Hindrance("no_room_to_watch", f"nobody can be watched: {error}")

    told = ""
    while True:
        worker = begun()
        if not isinstance(worker, Hindrance):
            fault = worker.run()
            if not fault:
                return Stop()
            network = Hindrance("network_unusable", f"nobody can be found: {fault}")
            continue
        if worker.reason != told:
            log.error("%s; the cameras are recorded all the same", worker.reason)
        told, here = worker.reason, network
        again = partial(_load, config) if isinstance(here, Hindrance) else lambda here=here: here
        with _alarms(config, cameras, ready, worker) as alarms:
            answer = record_alone(cameras, parent, worker, again, alarms)
        if answer is None or isinstance(answer, Stop):
            return answer
        network = answer


@contextlib.contextmanager
def _alarms(
    config: EdgeConfig, cameras: RecordedCameras, ready: OutboxReady, why: Hindrance
) -> Iterator[Callable[[], object]]:
    """Tells what is done to the cameras meanwhile, where there is room for it. Raises OutboxError, sqlite3.Error.

    Not where a worker has died of watching: that may have been its evidence.
    """
    from edge.app.lens_desk import without_watch

    with ExitStack() as held:
        tell_of_cameras: Callable[[], object] = lambda: None  # noqa: E731
        if why.code != "worker_restarts":
            cameras.look()
        if why.code != "worker_restarts" and ready.path is not None:
            try:
                tell_of_cameras = held.enter_context(without_watch(config, cameras, ready)).tell
            except OSError as error:
                log.error("what is done to the cameras can't be told: %s", error)
        yield tell_of_cameras


def _end_with_thread(bug: threading.ExceptHookArgs) -> None:
    """A thread that dies, whichever, takes the process with it: the supervisor starts it anew, rows on disk survive."""
    from edge.adapters.outbox_rows import is_damage

    name = bug.thread.name if bug.thread else "?"
    if is_damage(bug.exc_value):
        log.critical("thread %s: the outbox is damaged: %s", name, bug.exc_value)
        os._exit(OUTBOX_DAMAGED)
    log.critical("thread %s ended by a bug; the worker restarts", name, exc_info=bug.exc_value)
    os._exit(70)


def tell(pipe: Connection, word: object) -> None:
    """Says something to whoever may have died."""
    with contextlib.suppress(OSError):
        pipe.send(word)


def first_order(parent: Connection) -> OutboxReady | Stop | None:
    """Waits for word of the outbox; None where the supervisor has died. What else is asked for comes too early."""
    with contextlib.suppress(EOFError, OSError):
        while not isinstance(order := parent.recv(), OutboxReady | Stop):
            log.debug("%s comes too early", order)
        return order
    return None


def stop_waits(pipe: Connection) -> bool:
    """Whether the last order of a supervisor that has closed its end was to stop: it waits for no answer."""
    with contextlib.suppress(EOFError, OSError):
        while pipe.poll():
            if isinstance(pipe.recv(), Stop):
                return True
    return False


def is_wanted(parent: Connection) -> bool:
    """Whether the supervisor is there: it may have died while this process was starting."""
    watched = select.poll()
    watched.register(parent, 0)
    return not any(what & select.POLLHUP for _, what in watched.poll(0))
