"""Keeps the node's disk: what goes and when, whether files are still sound, how long the disk lasts.

One thread of the supervisor, and the only one that deletes evidence. Recorders delete too, of their own oldest segments
only, so that recording goes on where this thread does not.
"""

import logging
import shutil
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from broker.contract.holds import HeldMessage
from edge.adapters.holds import Held
from edge.adapters.kept_files import EventFolder, EventLabel, close_removed, delete_event, list_events, list_recordings
from edge.adapters.leap_file import read_leap, write_leap
from edge.adapters.segment_index import IndexedFile, SegmentIndex
from edge.adapters.segments import Segment
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.clip_desk import MAX_CLIP_S
from edge.app.hold import locked_folder
from edge.app.hold_keeper import HoldKeeper
from edge.app.node_folder import holds_of, index_path, leap_path
from edge.config.schema import CameraSection, EdgeConfig, RecordingSection
from edge.core.clock_doubt import ClockDoubt, Leap
from edge.core.disk_forecast import WINDOW_S, DiskProblem, disk_problem, reaches_back_s, seconds_left
from edge.core.ports import Clock
from edge.core.retention import TRUSTED_AFTER_S, Kept, last_bytes, reserve_bytes, to_delete

log = logging.getLogger(__name__)

ROUND_S, HURRIED_S = 60.0, 10.0  # between two rounds, and while the disk is too full; 20,000 files take half a second
LOOK_S = 1.0  # how often it is looked whether the disk fills up
HELD_LONG_S = 30.0  # a hold is set in a second
LEAP_KEPT_S = 3600.0  # between two notes of for how long the clock has been doubted
JUST_BEGUN_S = 600.0  # a recording that began no longer ago than that may be of this run
ROOM_S = 600.0  # between two figures for the forecast
PRE_ROLL_SPARE_S = 60.0  # of recording stays behind a clip's length before and after its event, whatever the limits
NEW_BYTES, OLD_BYTES = 256 * 1024 * 1024, 8 * 1024 * 1024  # read for hashes in one round
REMOVED_DAYS = 7.0  # recordings of a camera that is no longer configured: it may have been taken out by mistake
_DAY_S = 86_400.0


class Housekeeper:
    """`run` is the whole life of its thread. `problems` may be read from any thread."""

    def __init__(
        self,
        config: EdgeConfig,
        outbox: SqliteOutbox,
        clock: Clock,
        console_at_s: Callable[[], float | None] = lambda: None,
        tell_held: Callable[[HeldMessage], None] = lambda _: None,
    ) -> None:
        """console_at_s: UTC seconds by the console's clock, None where it has not been heard.

        tell_held: brings the console what lies here of what it asked to keep.
        """
        self._config, self._outbox, self._clock = config, outbox, clock
        self._root = config.node.state_dir
        self._cameras = {camera.name: camera for camera in config.cameras}
        self._holds = holds_of(config)
        self.asked = HoldKeeper(self._holds, clock, tell_held)
        self._index: SegmentIndex | None = None
        # Of the last round: nearly all of 50,000 segments are as they were, and what is made anew costs a second.
        self._segments = defaultdict[str, dict[str, Segment]](dict)
        self._last: dict[str, Kept] = {}
        self._console_at_s = console_at_s
        now_s, self._leap = clock.wall_s(), read_leap(leap_path(config))
        self._doubt = ClockDoubt(now_s, clock.monotonic_s(), _recorded_until_s(self._root, now_s), self._leap)
        self._room_due_s = float("-inf")
        self._fault = ""
        self._held_since_s: float | None = None
        self._stopped = False
        self.problems: tuple[DiskProblem, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Tidies every `ROUND_S`, and sooner where the disk fills up, until `stop`."""
        last_s = float("-inf")
        while not stop.wait(LOOK_S):
            try:
                pause_s = HURRIED_S if self._lacking_bytes() > 0 else ROUND_S
                if self.asked.has_news or self._clock.monotonic_s() - last_s >= pause_s:
                    last_s = self._clock.monotonic_s()
                    self.tidy()
            except (
                OSError,
                ValueError,
                sqlite3.Error,
            ) as error:  # an odd name or a dying disk must not end the node
                self._note_fault(f"the disk can't be looked after: {error!r}")
        if self._index is not None:
            self._index.close()

    def tidy(self) -> None:
        """One round. What fails is told once and tried again in the next one."""
        fault = ""
        self.asked.turn()
        try:
            kept = self._delete()
            self.asked.write()  # there may be room now
            self.asked.tell(kept)
        except BlockingIOError as error:  # a hold is being set, which takes a second
            now_s = self._clock.monotonic_s()
            self._held_since_s = now_s if self._held_since_s is None else self._held_since_s
            if now_s - self._held_since_s >= HELD_LONG_S:
                self._note_fault(f"nothing can be deleted: {error.strerror}; end that process")
            return
        except (OSError, sqlite3.Error) as error:
            self._note_fault(f"the disk can't be tidied up: {error}")
            return  # what there is isn't known, so nothing of it is forgotten either
        self._held_since_s = None
        try:
            self._look_after(kept)
        except (OSError, sqlite3.Error) as error:
            fault = f"the index of the recordings can't be kept: {error}"
            self._tell(disk_problem(None, stopped=self._stopped))
        self._note_fault(fault)

    def _note_fault(self, fault: str) -> None:
        if fault and fault != self._fault:
            log.error(fault)
        self._fault = fault

    def _delete(self) -> list[Kept]:
        """Deletes what the written order says; returns what is left.

        Raises OSError, sqlite3.Error where it can't be known what is held or owed: then nothing goes.
        """
        trusted_s = self._follow_clock()
        with locked_folder(self._root):
            close_removed(self._root, self._cameras.keys())
            budgets = {name: camera.recording.max_bytes for name, camera in self._cameras.items()}
            kept = list(self._kept(self.asked.with_unwritten(self._holds.read())))
            self._give_up(kept, trusted=trusted_s >= TRUSTED_AFTER_S)
            going = to_delete(kept, budgets, self._lacking_bytes(), self._clock.wall_s(), trusted_s)
            gone = {one.name for one in going if self._delete_one(one)}
        return [one for one in kept if one.name not in gone]

    def _give_up(self, kept: list[Kept], *, trusted: bool) -> None:
        """What waits for the console past the outbox's bounds stays here for its days, but waits no more."""
        now_s, trusted = self._clock.wall_s(), trusted and not self._doubt.doubt_s
        events = {Path(one.name).name: one for one in kept if one.kind == "event"}
        past = {name for name, one in events.items() if trusted and one.is_expired(now_s)}
        held = {name for name, one in events.items() if one.held}
        self._outbox.tidy(now_s, past, held, clock_trusted=trusted)

    def _delete_one(self, one: Kept) -> bool:
        path = self._root / one.name
        try:
            if one.kind == "event":
                delete_event(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s can't be deleted: %s", path, error.strerror)
            return False
        log.log(logging.INFO if one.kind == "event" else logging.DEBUG, "%s deleted, %d bytes", one.name, one.bytes)
        return True

    def _lacking_bytes(self) -> int:
        disk = shutil.disk_usage(self._root)
        return reserve_bytes(disk.total) - disk.free

    def _follow_clock(self) -> float:
        """For how long the wall clock has not been set, seconds; what it says of ages may be in doubt all the same."""
        now_s, before_s = self._clock.monotonic_s(), self._doubt.doubt_s
        set_s = self._doubt.note(self._clock.wall_s(), now_s, self._console_at_s())
        if set_s:
            log.warning("the clock was set by %.0f s; nothing is deleted by its age for now", set_s)
        if self._doubt.doubt_s > 2 * before_s:
            log.warning("the clock may be ahead by %.0f s: ages count less, until it agrees with the console's or a "
                        "week is over; see to its NTP server", self._doubt.doubt_s)  # fmt: skip
        self._keep_leap(self._doubt.leap(now_s))
        return self._doubt.set_s_ago(now_s)

    def _keep_leap(self, leap: Leap) -> None:
        """For the next start, which can't know what this one has seen; seldom, for a memory card wears out."""
        before = self._leap
        if leap.leapt_s == before.leapt_s and leap.for_s - before.for_s < LEAP_KEPT_S:
            return
        try:
            write_leap(leap_path(self._config), leap)
            self._leap = leap
        except OSError as error:  # with the next round
            log.warning("what is doubted about the clock can't be written down: %s", error)

    def _kept_for_s(self, retention_s: float) -> float:
        """Longer where the clock may be wrong; what is kept for less than an hour is too little to lose."""
        return retention_s if retention_s < TRUSTED_AFTER_S else retention_s + self._doubt.doubt_s

    # What there is

    def _kept(self, held: Held) -> Iterator[Kept]:
        events = list_events(self._root)
        unsettled = self._outbox.unsettled()  # after the listing: an event is written down before its folder is made
        for event in events:
            yield self._kept_event(event, held, unsettled)
        last, self._last, now_s = self._last, {}, self._clock.wall_s()
        for camera, segments in list_recordings(self._root, self._segments).items():
            section = self._cameras.get(camera)
            limits = section.recording if section else RecordingSection()
            spare_s = limits.pre_s + limits.post_s + PRE_ROLL_SPARE_S if section else 0.0
            ends_s = [segment.ends_at_s or 0.0 for segment in segments]
            newest_s = max((end_s for end_s in ends_s if end_s <= now_s), default=0.0)  # later: before a clock was set
            needed = self._outbox.clip_spans(camera, limits.pre_s, MAX_CLIP_S)
            needed.append((newest_s - spare_s, newest_s))
            retention_s = self._kept_for_s(_continuous_s(limits, spare_s) if section else REMOVED_DAYS * _DAY_S)
            for segment in segments:
                name = f"recordings/{camera}/{segment.path.name}"
                begin_s, end_s = segment.begins_at_s, segment.ends_at_s or segment.begins_at_s
                is_held = held.covers(camera, begin_s, end_s)
                is_needed = bool(section) and any(begin_s <= to_s and end_s > from_s for from_s, to_s in needed)
                one = last.get(name)
                if one is None or (one.retention_s, one.held, one.needed) != (retention_s, is_held, is_needed):
                    one = Kept(
                        name=name,
                        kind="continuous",
                        camera=camera,
                        begins_at_s=begin_s,
                        ends_at_s=end_s,
                        bytes=_size(segment.path) if one is None else one.bytes,
                        retention_s=retention_s,
                        held=is_held,
                        needed=is_needed,
                    )
                self._last[name] = one
                yield one

    def _kept_event(self, event: EventFolder, held: Held, unsettled: set[str]) -> Kept:
        event_id = event.path.name
        label = event.label or EventLabel("", "", event.changed_at_s)
        span = (label.opened_at_s, event.changed_at_s)
        return Kept(
            name=event.path.relative_to(self._root).as_posix(),
            kind="event",
            camera=label.camera,
            begins_at_s=span[0],
            ends_at_s=span[1],
            bytes=sum(event.files.values()),
            retention_s=self._kept_for_s(_clip_days(self._cameras.get(label.camera), label.zone) * _DAY_S),
            held=event_id in held.events or held.covers(label.camera, *span),
            delivered=event_id not in unsettled,
        )

    # Whether it is sound, and how long there is room

    def _look_after(self, kept: list[Kept]) -> None:
        """Raises OSError, sqlite3.Error."""
        now_s, disk = self._clock.wall_s(), shutil.disk_usage(self._root)
        last = last_bytes(disk.total)
        room = disk.free - last + sum(one.bytes for one in kept if one.may_go(now_s))
        self._stopped = disk.free < last  # recorders stop at the same mark
        if self._index is None:
            self._index = SegmentIndex(index_path(self._config), self._root)
        if self._clock.monotonic_s() >= self._room_due_s:
            self._index.note_room(now_s, max(0, room))
            self._room_due_s = self._clock.monotonic_s() + ROOM_S
        self._index.sync(self._files(kept))
        for path in self._index.check(NEW_BYTES, OLD_BYTES, now_s):
            log.error("%s is damaged: it is not what was recorded; look at the disk", path)
        left_s = seconds_left([*self._index.rooms(), (now_s, max(0, room))])
        self._tell(disk_problem(left_s, stopped=self._stopped), *self._short(now_s, kept), *self._damaged())

    def _files(self, kept: list[Kept]) -> Iterator[IndexedFile]:
        for one in kept:
            if one.kind == "continuous":
                yield IndexedFile(one.name, one.camera, one.begins_at_s, one.ends_at_s, one.bytes)
            elif one.delivered and one.closed:  # else its files are still being made, and the console checks them
                for path in sorted((self._root / one.name).glob("*")):
                    name = f"{one.name}/{path.name}"
                    yield IndexedFile(name, one.camera, one.begins_at_s, one.ends_at_s, _size(path))

    def _short(self, now_s: float, kept: list[Kept]) -> Iterator[DiskProblem]:
        """Cameras whose budget, less what is held of them, doesn't reach back as far as their configuration wants."""
        assert self._index is not None
        held = Counter[str]()
        for one in kept:
            held[one.camera] += one.bytes if one.held else 0
        recorded = self._index.recorded_since(now_s - WINDOW_S)
        for name, camera in self._cameras.items():
            wanted_days = camera.recording.continuous_days
            if wanted_days and name in recorded:
                back_s = reaches_back_s(camera.recording.max_bytes - held[name], *recorded[name])
                if back_s is not None and back_s < wanted_days * _DAY_S:
                    yield DiskProblem("recording_short", subject=name)

    def _damaged(self) -> Iterator[DiskProblem]:
        assert self._index is not None
        count = self._index.damaged()
        if count:
            yield DiskProblem("files_damaged", figure=count)

    def _tell(self, *problems: DiskProblem | None) -> None:
        found = tuple(problem for problem in problems if problem is not None)
        for problem in found:
            if problem not in self.problems:
                log.warning("the disk of %s: %s", self._root, problem)
        self.problems = found


def _recorded_until_s(root: Path, now_s: float) -> float | None:
    """When the newest recording of an earlier run ends, UTC seconds; None where there is none, or it can't be known.

    This run's own, which began before anybody looked, says nothing: it follows the clock that is in question.
    """
    try:
        segments = [one for found in list_recordings(root).values() for one in found]
    except OSError:
        return None
    earlier = (one for one in segments if not now_s - JUST_BEGUN_S <= one.begins_at_s <= now_s)
    return max((one.ends_at_s or 0.0 for one in earlier), default=None)


def _continuous_s(limits: RecordingSection, spare_s: float) -> float:
    if limits.continuous_days is None:
        return float("inf")
    return limits.continuous_days * _DAY_S or spare_s  # 0 days: only what the next clip may need


def _clip_days(camera: CameraSection | None, zone: str) -> float:
    if camera is None:
        return REMOVED_DAYS
    own = next((section.clip_days for section in camera.zones if section.name == zone), None)
    return camera.recording.clip_days if own is None else own


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted by its recorder since it was listed
        return 0
