"""Stop 12 of the house: snapshots at once, clips when their last second is on disk. One thread for each worker."""

import errno
import hashlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from broker.contract.messages import CAMERA_ALARMS, EventMessage, EvidenceFile, VideoGap
from edge.adapters.clip_writer import ClipFacts, DamagedRecording, NoRecording, write_clip
from edge.adapters.durable import put_in_place
from edge.adapters.kept_files import EventLabel, put_label
from edge.adapters.outbox_rows import ClipJob, Missing, MissingCode, is_damage
from edge.adapters.recorded_picture import recorded_picture
from edge.adapters.recorder import Recorder
from edge.adapters.segments import Segment
from edge.adapters.snapshot import SnapshotError, snapshot
from edge.adapters.sqlite_outbox import FAR_S, RETRY_S, SqliteOutbox
from edge.adapters.track_log import TrackLog
from edge.app.camera_line import CameraLine
from edge.config.schema import RecordingSection
from edge.core.events import Event
from edge.core.frame import Frame
from edge.core.integrity.faults import SIGNAL_LOST
from edge.core.ports import Clock
from edge.core.track_file import Subject, track_file

log = logging.getLogger(__name__)

MAX_CLIP_S = 900.0  # of an event that goes on for longer, the clip shows so much from its beginning
MAX_CLIP_BYTES = 2_000_000_000  # so much is MAX_CLIP_S at 17 Mbit/s; a console takes files a little larger
MAX_CLOCKS = 1000  # of the newest events
CLOCK_SET_S = 1.0  # less is NTP at work
MAX_GAPS = 100  # that evidence can name
POLL_S = 0.25
FULL_PAUSE_S = 2.0  # after the disk took nothing
MAX_TRIES = 8  # over some eight minutes, see the outbox
RETAKE_PAUSE_S = 30.0
SAME_MOMENT_S = 0.3  # a picture that is older than its event by more does not show the person where the box is
Role = Literal["clip", "snapshot", "snapshot_before", "snapshot_boxes", "track"]
_MEDIA_TYPES: dict[Role, Literal["video/mp4", "image/jpeg", "application/json"]] = {
    "clip": "video/mp4",
    "snapshot": "image/jpeg",
    "snapshot_before": "image/jpeg",
    "snapshot_boxes": "image/jpeg",
    "track": "application/json",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    event: EventMessage
    frame: Frame | None


def clip_for(event: Event, recording: RecordingSection) -> ClipJob | None:
    """The clip that this revision asks for: one soon after the opening, the whole one after the end."""
    begins_at_s = event.opened_at_s - recording.pre_s
    if event.state == "open":
        ends_at_s = event.opened_at_s + recording.post_s
    elif event.state == "closed" and event.closed_at_s is not None:
        ends_at_s = event.closed_at_s + recording.post_s
        if ends_at_s <= event.opened_at_s + recording.post_s:
            return None  # the first clip already shows it all
    else:
        return None
    return ClipJob(event.event_id, event.camera, event.opened_at_s, begins_at_s, ends_at_s)


class ClipDesk:
    """Makes the evidence of events. What it owes stands in the outbox, so a restart forgets no clip and no snapshot."""

    def __init__(
        self,
        folder: Path,
        outbox: SqliteOutbox,
        lines: Mapping[str, CameraLine],
        tracks: Mapping[str, TrackLog],
        clock: Clock,
        is_sound: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        """folder: of the evidence. is_sound: whether a segment is still what was recorded."""
        self._is_sound = is_sound
        self._folder, self._outbox, self._lines, self._tracks, self._clock = folder, outbox, lines, tracks, clock
        self._opened: queue.SimpleQueue[_Opened] = queue.SimpleQueue()
        self._to_retake = outbox.owed_snapshots(lines)  # of events whose frames died with this worker's predecessor
        self._retake_due_s = clock.monotonic_s()
        self._ahead_s: dict[str, float] = {}  # of events that opened here: by which clock their times are
        self._again_s: dict[str, float] = {}  # of clips that failed: not before, by the monotonic clock

    def opened(self, event: EventMessage, frame: Frame | None) -> None:
        """Asks for the snapshots of an event that has just opened on `frame`; returns at once.

        frame: the last one of a camera that sends none any more, None where none has come since the start.
        """
        if frame is not None:
            self._ahead_s[event.event_id] = frame.captured_at_s - frame.media_s
            for oldest in list(self._ahead_s)[:-MAX_CLOCKS]:
                self._ahead_s.pop(oldest, None)  # two threads tell what opens
        self._opened.put(_Opened(event, frame))

    def run(self, stop: threading.Event) -> None:
        """Works until `stop`. What the disk does not take is tried again."""
        fault = ""
        while not stop.is_set():
            try:
                self._turn(stop)
                fault = ""
            except sqlite3.OperationalError as error:
                if is_damage(error):
                    raise
                if str(error) != fault:
                    log.error("evidence can't be written down: %s; it is tried again", error)
                fault = str(error)
                stop.wait(FULL_PAUSE_S)

    def _turn(self, stop: threading.Event) -> None:
        """Raises sqlite3.Error."""
        self._take_snapshots(POLL_S)
        self._retake_snapshots()
        for job in self._outbox.due_clips(self._lines, float("inf")):
            if stop.is_set():
                return
            if self._is_due(job):
                self._cut(job)

    def _is_due(self, job: ClipJob) -> bool:
        """Whether its last second is over, by the clock by which the event opened, and the pause after a failure."""
        now_s = self._clock.monotonic_s()
        if now_s < self._again_s.get(job.event_id, now_s):
            return False
        late_s = self._now_s(job.event_id) - job.ends_at_s
        return late_s >= 0 or (late_s < -FAR_S and job.event_id not in self._ahead_s)

    def _now_s(self, event_id: str) -> float:
        """UTC seconds by the clock by which the event opened, as far as that is known."""
        ahead_s = self._ahead_s.get(event_id)
        return self._clock.wall_s() if ahead_s is None else self._clock.monotonic_s() + ahead_s

    def _behind_s(self, event_id: str, recorder: Recorder, segment: Segment) -> float:
        """By how much the clock of a segment is behind that of an event, where it was set in between."""
        event_s, segment_s = self._ahead_s.get(event_id), recorder.ahead_s(segment)
        behind_s = 0.0 if event_s is None or segment_s is None else event_s - segment_s
        return behind_s if abs(behind_s) > CLOCK_SET_S else 0.0

    def _take_snapshots(self, timeout_s: float) -> None:
        try:
            opened = self._opened.get(timeout=timeout_s)
        except queue.Empty:
            return
        event, frame = opened.event, opened.frame
        if frame and event.rule not in CAMERA_ALARMS and frame.captured_at_s - event.captured_at_s > SAME_MOMENT_S:
            self._to_retake.append(event)  # written down late, on a full disk: the recording has its picture
            return
        try:
            self._make_snapshots(event, frame)
        except (OSError, sqlite3.OperationalError) as error:  # what is owed is on record, and in the recording too
            if is_damage(error):
                raise
            log.warning("camera %s: no snapshot yet: %s", opened.event.camera, error)
            self._to_retake.append(opened.event)

    def _retake_snapshots(self) -> None:
        """Takes what is owed from the recording instead, one each turn."""
        if not self._to_retake or self._clock.monotonic_s() < self._retake_due_s:
            return
        event = self._to_retake[0]
        try:
            lost_s = event.dwell_s if event.rule == SIGNAL_LOST.code else 0.0  # nothing is recorded of these
            recordings, at_s = self._lines[event.camera].recordings, event.captured_at_s - lost_s
            frame = recorded_picture(recordings, event.camera, at_s)
            self._make_snapshots(event, frame)
        except (NoRecording, SnapshotError) as error:
            log.warning("camera %s: no snapshot of event %s: %s", event.camera, event.event_id, error)
            self._outbox.snapshots_impossible(event.event_id)
        except OSError as error:
            log.warning("camera %s: no snapshot yet of event %s: %s", event.camera, event.event_id, error)
            self._retake_due_s = self._clock.monotonic_s() + RETAKE_PAUSE_S
            return
        del self._to_retake[0]

    def _make_snapshots(self, event: EventMessage, frame: Frame | None) -> None:
        """Raises OSError, SnapshotError."""
        self._label(event.event_id, event)
        if event.rule in CAMERA_ALARMS or frame is None:
            self._make_then_and_now(event, frame)
            return
        polygon = self._polygon(event)
        at_s = frame.captured_at_s
        boxes = [event.box] if event.box and abs(at_s - event.captured_at_s) <= SAME_MOMENT_S else []
        plain = self._keep(event.event_id, "snapshot", "snapshot.jpg", snapshot(frame), (at_s, at_s))
        drawn = snapshot(frame, boxes=boxes, zones=[polygon] if polygon else [])
        marked = self._keep(event.event_id, "snapshot_boxes", "snapshot-boxes.jpg", drawn, (at_s, at_s))
        self._outbox.put_evidence(event.event_id, event.camera, [plain, marked], self._clock.wall_s())

    def _make_then_and_now(self, event: EventMessage, frame: Frame | None) -> None:
        """Of an alarm about the camera: what is seen now, or was at last, and how the view was when all was well."""
        before, files = self._lines[event.camera].lens.view_before(), []
        if frame is not None:
            span = (frame.captured_at_s, frame.captured_at_s)
            files.append(self._keep(event.event_id, "snapshot", "snapshot.jpg", snapshot(frame), span))
        if before is not None:
            picture, taken_at_s = before
            span = (taken_at_s, taken_at_s)
            files.append(self._keep(event.event_id, "snapshot_before", "snapshot-before.jpg", picture, span))
        if files:
            self._outbox.put_evidence(event.event_id, event.camera, files, self._clock.wall_s())
        if frame is None:
            self._outbox.snapshots_impossible(event.event_id)

    def _cut(self, job: ClipJob) -> None:
        line = self._lines[job.camera]
        self._again_s.pop(job.event_id, None)
        until_s = min(job.ends_at_s, job.begins_at_s + MAX_CLIP_S)
        set_by_s = self._clock.wall_s() - self._now_s(job.event_id)
        line.recorder.wait_recorded(until_s + (set_by_s if abs(set_by_s) > CLOCK_SET_S else 0.0), 3.0)
        behind_s = partial(self._behind_s, job.event_id, line.recorder)
        opening = self._outbox.opening(job.event_id)
        try:
            target = self._label(job.event_id, opening) / f"clip-{job.ends_at_s:.3f}.mp4"  # never a shorter one's path
            facts = write_clip(
                line.recordings, job.begins_at_s, until_s, target, self._is_sound, behind_s, MAX_CLIP_BYTES
            )
            track = self._track(job, opening, facts)
        except (NoRecording, OSError) as error:
            log.warning("camera %s: no clip yet of event %s: %s", job.camera, job.event_id, error)
            if job.tries + 1 < MAX_TRIES and not isinstance(error, NoRecording):
                self._again_s[job.event_id] = self._clock.monotonic_s() + RETRY_S * 2**job.tries
                self._outbox.clip_failed(job)
                return
            why = Missing(str(error), _missing_code(error))
            self._outbox.put_evidence(job.event_id, job.camera, [], self._clock.wall_s(), missing=why, done=job)
            return
        clip = EvidenceFile(
            role="clip",
            name="clip.mp4",
            media_type="video/mp4",
            bytes=facts.bytes,
            sha256=facts.sha256,
            begins_at_s=facts.begins_at_s,
            ends_at_s=facts.ends_at_s,
            gaps=_told_gaps(facts, until_s, job.ends_at_s),
        )
        self._outbox.put_evidence(job.event_id, job.camera, [(clip, target), *track], self._clock.wall_s(), done=job)

    def _track(self, job: ClipJob, opening: EventMessage | None, clip: ClipFacts) -> list[tuple[EvidenceFile, Path]]:
        """Where the people of a clip were, as a file; nothing where nobody knows, and at the last try where the disk
        does not take it. Raises OSError.
        """
        span = (clip.begins_at_s, clip.ends_at_s)
        try:
            samples = self._tracks[job.camera].between(*span)
            if not samples or opening is None:
                return []
            subject = Subject(opening.opened_at_s, opening.zone or "", self._polygon(opening), opening.box)
            content = track_file(samples, span[0], subject)
            return [self._keep(job.event_id, "track", f"track-{job.ends_at_s:.3f}.json", content, span)]
        except OSError as error:
            if job.tries + 1 < MAX_TRIES:
                raise
            log.error("camera %s: no boxes for the clip of event %s: %s", job.camera, job.event_id, error)
            return []

    def _polygon(self, event: EventMessage) -> tuple[tuple[float, float], ...]:
        zones = {section.name: section.polygon for section in self._lines[event.camera].section.zones}
        return zones.get(event.zone or "", ())

    def _label(self, event_id: str, event: EventMessage | None) -> Path:
        """The event's folder, which says in itself how long it is kept. Raises OSError."""
        folder = self._folder / event_id
        folder.mkdir(parents=True, exist_ok=True)
        if event is not None:
            put_label(folder, EventLabel(event.camera, event.zone or "", event.opened_at_s))
        return folder

    def _keep(
        self, event_id: str, role: Role, name: str, content: bytes, span: tuple[float, float]
    ) -> tuple[EvidenceFile, Path]:
        """Writes one file whole or not at all."""
        path = self._folder / event_id / name
        part = path.with_suffix(".part")
        part.write_bytes(content)
        put_in_place(part, path)
        facts = EvidenceFile(
            role=role,
            name=name if role != "track" else "track.json",
            media_type=_MEDIA_TYPES[role],
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            begins_at_s=span[0],
            ends_at_s=span[1],
        )
        return facts, path


def _missing_code(error: NoRecording | OSError) -> MissingCode:
    if isinstance(error, DamagedRecording):
        return "recording_damaged"
    if isinstance(error, NoRecording):
        return "not_recorded"
    return "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "not_written"


def _told_gaps(facts: ClipFacts, until_s: float, wanted_until_s: float) -> tuple[VideoGap, ...]:
    """What evidence says of pictures that are not in the clip; past `MAX_GAPS` the last one spans the rest."""
    gaps = [VideoGap(from_at_s=gap.begins_at_s, to_at_s=gap.ends_at_s) for gap in facts.gaps]
    if wanted_until_s > until_s:  # the event went on for longer than a clip may
        gaps = [gap for gap in gaps if gap.from_at_s < facts.ends_at_s]  # the end is one gap
        gaps.append(VideoGap(from_at_s=min(until_s, facts.ends_at_s), to_at_s=wanted_until_s))
    if len(gaps) > MAX_GAPS:
        gaps[MAX_GAPS - 1 :] = [VideoGap(from_at_s=gaps[MAX_GAPS - 1].from_at_s, to_at_s=gaps[-1].to_at_s)]
    return tuple(gaps)
