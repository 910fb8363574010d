"""Evidence is made once, and what a killed worker owed is made by the next one."""

import dataclasses
import uuid
from unittest.mock import Mock

import numpy as np
import pytest

from broker.contract.messages import EventMessage
from edge.adapters import durable
from edge.adapters.clip_writer import ClipFacts, Gap, file_sha256
from edge.adapters.kept_files import EventLabel, list_events
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.sqlite_outbox import ClipJob, SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.track_log import TrackLog
from edge.app import clip_desk
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import ClipDesk, clip_for
from edge.app.lens_watch import LensWatch
from edge.config.schema import CameraSection, RecordingSection, ZoneSection
from edge.core.events import Event
from edge.core.frame import Frame
from edge.core.track_file import Sample
from edge.pipeline.mailbox import Mailbox

EPOCH_S = 1_790_000_000.0
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))


class Until:
    """A stop that comes by itself after some turns of the desk."""

    def __init__(self, turns: int) -> None:
        self._turns = turns

    def is_set(self) -> bool:
        self._turns -= 1
        return self._turns < 0


def opening(captured_at_s: float) -> EventMessage:
    return EventMessage(
        event_id=str(uuid.UUID(int=5)),
        revision=1,
        state="open",
        rule="loitering",
        camera="gate",
        zone="z",
        opened_at_s=captured_at_s,
        captured_at_s=captured_at_s,
        box=(0.2, 0.2, 0.5, 0.8),
    )


@pytest.fixture
def line(tmp_path, make_video, record):
    zone = ZoneSection(name="z", polygon=SQUARE)
    section = CameraSection(name="gate", url="rtsp://192.0.2.1/a", zones=(zone,))
    lens = LensWatch("gate", ReferenceFile(tmp_path / "references", "gate"))
    line = CameraLine(section, tmp_path / "recordings", Mailbox(), SystemClock(), lambda: (), lens)
    record(line.recorder, make_video(gop=5))
    return line


@pytest.fixture
def outbox(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite")
    yield box
    box.close()


@pytest.fixture
def desk(tmp_path, line, outbox):
    return lambda: ClipDesk(
        tmp_path / "evidence",
        outbox,
        {"gate": line},
        {"gate": TrackLog(tmp_path / "tracks", 60.0, lambda: None)},
        SystemClock(),
    )


def frame(at_s: float) -> Frame:
    return Frame("gate", 0, at_s - EPOCH_S, at_s, np.full((96 * 3 // 2, 160), 90, np.uint8))


def test_the_snapshots_of_a_killed_worker_are_taken_from_the_recording(tmp_path, outbox, desk):
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0)  # and then the worker dies
    desk().run(Until(1))
    (told,) = [row.message for row in outbox.waiting(0, 9) if row.kind == "evidence"]
    assert {file.role for file in told.files} == {"snapshot", "snapshot_boxes"}
    for file in told.files:
        assert file.begins_at_s == pytest.approx(EPOCH_S + 3.7, abs=0.01)
        path = next(upload.path for upload in outbox.uploads(9) if upload.sha256 == file.sha256)
        assert file_sha256(path) == file.sha256
    desk().run(Until(1))
    assert len([row for row in outbox.waiting(0, 9) if row.kind == "evidence"]) == 1


def test_no_box_is_drawn_on_a_picture_of_another_moment(outbox, desk, monkeypatch):
    drawn = []
    whole = clip_desk.snapshot
    monkeypatch.setattr(clip_desk, "snapshot", lambda *a, **k: drawn.append(k.get("boxes")) or whole(*a, **k))
    outbox.put_event(opening(EPOCH_S + 5.9), 1.0)
    desk().run(Until(1))
    outbox.put_event(opening(EPOCH_S + 7.9), 1.0)  # the last two seconds were not on disk yet
    desk().run(Until(1))
    assert drawn == [None, [(0.2, 0.2, 0.5, 0.8)], None, []]


def test_snapshots_of_what_was_never_recorded_are_given_up(outbox, desk, caplog):
    outbox.put_event(opening(EPOCH_S + 600), 1.0)
    desk().run(Until(1))
    assert outbox.owed_snapshots(["gate"]) == []
    assert "no snapshot of event" in caplog.text


def clip_of(outbox):
    """The clip's facts in the last evidence told."""
    last = [row.message for row in outbox.waiting(0, 99) if row.kind == "evidence"][-1]
    return next(file for file in last.files if file.role == "clip")


def test_what_is_missing_in_a_clip_is_told_with_it(outbox, desk, line, make_video, record):
    record(line.recorder, make_video(gop=5), EPOCH_S + 20)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 1, EPOCH_S + 24))
    desk().run(Until(2))
    clip = clip_of(outbox)
    assert [(gap.from_at_s, gap.to_at_s) for gap in clip.gaps] == [(EPOCH_S + 6, EPOCH_S + 20)]


class SetClock:
    """A machine that has run for so long, whose wall clock was then set."""

    def __init__(self, media_s: float, set_by_s: float) -> None:
        self.media_s, self.set_by_s = media_s, set_by_s

    def monotonic_s(self) -> float:
        return self.media_s

    def wall_s(self) -> float:
        return EPOCH_S + self.media_s + self.set_by_s


@pytest.mark.parametrize("set_by_s", [7200.0, -4.0, -7200.0])
def test_a_clip_goes_on_where_the_clock_was_set_meanwhile(
    tmp_path, outbox, line, make_video, record, payloads_of, set_by_s
):
    video = make_video(gop=5)  # six seconds, recorded before and after the step
    record(line.recorder, video, EPOCH_S + 6 + set_by_s, media_ahead_s=6.0)
    tracks, clock = {"gate": TrackLog(tmp_path / "tracks", 60.0, lambda: None)}, SetClock(8.9, set_by_s)
    desk = ClipDesk(tmp_path / "evidence", outbox, {"gate": line}, tracks, clock)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 2, EPOCH_S + 9))
    desk.opened(event, frame(event.captured_at_s))
    desk.run(Until(2))
    assert outbox.due_clips(["gate"], float("inf"))  # its last moment is not over yet
    clock.media_s = 12.0
    desk.run(Until(2))
    clip = clip_of(outbox)
    assert (clip.begins_at_s, clip.ends_at_s) == (pytest.approx(EPOCH_S + 2), pytest.approx(EPOCH_S + 9, abs=0.11))
    assert clip.gaps == ()
    (path,) = [upload.path for upload in outbox.uploads(9) if upload.sha256 == clip.sha256]
    whole = payloads_of(video)
    assert payloads_of(path) == [*whole[20:], *whole[:31]]


def test_a_clip_that_fails_is_tried_again_after_longer_and_longer_pauses_also_where_it_is_due_far_ahead(
    tmp_path, outbox, line, monkeypatch
):
    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "sync", full)
    monkeypatch.setattr(clip_desk, "POLL_S", 0.001)
    tracks, clock = {"gate": TrackLog(tmp_path / "tracks", 60.0, lambda: None)}, SetClock(100.0, -86_400.0)
    desk = ClipDesk(tmp_path / "evidence", outbox, {"gate": line}, tracks, clock)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 1, EPOCH_S + 5))
    tried_s, tries = [], 0
    while (job := next(iter(outbox.due_clips(["gate"], float("inf"))), None)) is not None:
        if job.tries > tries:
            tried_s, tries = [*tried_s, clock.media_s], job.tries
        desk.run(Until(2))
        clock.media_s += 1.0
    assert len(tried_s) == clip_desk.MAX_TRIES - 1
    assert clock.media_s - tried_s[0] > 200
    assert [row.message for row in outbox.waiting(0, 99)][-1].missing_code == "disk_full"


@pytest.mark.parametrize("room_again", [True, False])
def test_a_disk_that_takes_the_clip_but_not_its_boxes_ends_no_worker(tmp_path, outbox, line, monkeypatch, room_again):
    put_in_place, refused = clip_desk.put_in_place, []

    def full(part, out):
        if out.name.startswith("track-") and not (room_again and refused):
            refused.append(out.name)
            raise OSError(28, "No space left on device")
        put_in_place(part, out)

    monkeypatch.setattr(clip_desk, "put_in_place", full)
    monkeypatch.setattr(clip_desk, "POLL_S", 0.001)
    tracks, clock = Mock(), SetClock(100.0, 0.0)
    tracks.between.return_value = [Sample(EPOCH_S + 3.7, 1, (0.2, 0.2, 0.5, 0.8))]
    desk = ClipDesk(tmp_path / "evidence", outbox, {"gate": line}, {"gate": tracks}, clock)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 1, EPOCH_S + 5))
    for _ in range(600):
        desk.run(Until(2))
        clock.media_s += 1.0
    assert outbox.due_clips(["gate"], float("inf")) == []
    told = [row.message for row in outbox.waiting(0, 99) if row.kind == "evidence"][-1]
    assert {"clip", "track"} & {file.role for file in told.files} == ({"clip", "track"} if room_again else {"clip"})
    assert told.missing is None
    assert len(refused) == (1 if room_again else clip_desk.MAX_TRIES)


@pytest.mark.parametrize("most_bytes", [clip_desk.MAX_CLIP_BYTES, 5000])
def test_a_clip_that_must_end_before_its_event_says_so(outbox, desk, monkeypatch, most_bytes):
    monkeypatch.setattr(clip_desk, "MAX_CLIP_S", 4.0)
    monkeypatch.setattr(clip_desk, "MAX_CLIP_BYTES", most_bytes)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 1, EPOCH_S + 90))
    desk().run(Until(2))
    clip = clip_of(outbox)
    if most_bytes == clip_desk.MAX_CLIP_BYTES:
        assert clip.ends_at_s == pytest.approx(EPOCH_S + 5, abs=0.11)
    else:
        assert EPOCH_S + 2 < clip.ends_at_s < EPOCH_S + 4.5
    (gap,) = clip.gaps
    assert (gap.from_at_s, gap.to_at_s) == (pytest.approx(clip.ends_at_s, abs=0.11), EPOCH_S + 90)


def test_the_clip_of_an_event_of_ten_minutes_shows_all_of_it(desk):
    minutes_s = 600.0
    names = {"event_id": str(uuid.UUID(int=5)), "rule": "loitering", "camera": "gate", "zone": "z"}
    times = {"opened_at_s": EPOCH_S, "captured_at_s": EPOCH_S + minutes_s, "closed_at_s": EPOCH_S + minutes_s}
    closed = Event(**names, **times, revision=3, state="closed", severity="medium", stage=1, media_s=minutes_s)
    job = clip_for(closed, RecordingSection())
    assert job is not None
    assert (job.begins_at_s, job.ends_at_s) == (EPOCH_S - 10, EPOCH_S + minutes_s + 10)
    assert job.ends_at_s - job.begins_at_s <= clip_desk.MAX_CLIP_S


def test_more_holes_than_can_be_named_are_told_as_one():
    holes = tuple(Gap(EPOCH_S + n * 3, EPOCH_S + n * 3 + 2) for n in range(300))
    facts = ClipFacts(EPOCH_S, EPOCH_S + 900, holes, "h264", 160, 96, 9, 9, "0" * 64)
    told = clip_desk._told_gaps(facts, EPOCH_S + 900, EPOCH_S + 900)
    assert len(told) == clip_desk.MAX_GAPS
    assert (told[0].from_at_s, told[-1].to_at_s) == (EPOCH_S, holes[-1].ends_at_s)


def test_a_live_snapshot_is_that_of_the_frame_and_made_once(outbox, desk):
    event, made = opening(EPOCH_S + 3.7), desk()
    outbox.put_event(event, 1.0)
    made.opened(event, frame(event.captured_at_s))
    made.run(Until(2))
    assert outbox.owed_snapshots(["gate"]) == []
    assert len([row for row in outbox.waiting(0, 9) if row.kind == "evidence"]) == 1


def test_a_full_disk_delays_evidence_and_ends_nothing(outbox, desk, monkeypatch):
    def full(_path):
        raise OSError(28, "No space left on device")

    event, made = opening(EPOCH_S + 3.7), desk()
    job = ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 2, EPOCH_S + 5)
    outbox.put_event(event, 1.0, job)
    made.opened(event, frame(event.captured_at_s))
    monkeypatch.setattr(durable, "sync", full)
    made.run(Until(2))
    assert outbox.owed_snapshots(["gate"]) == [event]
    assert outbox.due_clips(["gate"], EPOCH_S + 60) == [dataclasses.replace(job, tries=1)]
    assert [row.kind for row in outbox.waiting(0, 9)] == ["event"]
    monkeypatch.undo()
    made = desk()
    made.run(Until(3))
    assert outbox.owed_snapshots(["gate"]) == []
    assert outbox.due_clips(["gate"], EPOCH_S + 60) == []
    last = outbox.waiting(0, 9)[-1].message
    assert {file.role for file in last.files} == {"clip", "snapshot", "snapshot_boxes"}


def test_a_clip_of_rotten_recording_is_not_made_and_the_cause_is_told(tmp_path, outbox, line):
    tracks = {"gate": TrackLog(tmp_path / "tracks", 60.0, lambda: None)}
    desk = ClipDesk(tmp_path / "evidence", outbox, {"gate": line}, tracks, SystemClock(), lambda _segment: False)
    event = opening(EPOCH_S + 3.7)
    outbox.put_event(event, 1.0, ClipJob(event.event_id, "gate", event.opened_at_s, EPOCH_S + 1, EPOCH_S + 5))
    desk.run(Until(2))
    told = [row.message for row in outbox.waiting(0, 99) if row.kind == "evidence"][-1]
    assert told.missing_code == "recording_damaged"
    assert "is damaged on the box's disk" in told.missing
    assert outbox.due_clips(["gate"], float("inf")) == []


def test_the_folder_of_an_event_says_whose_it_is(tmp_path, outbox, desk):
    outbox.put_event(opening(EPOCH_S + 3.7), 1.0)
    desk().run(Until(1))
    (event,) = list_events(tmp_path)
    assert event.label == EventLabel("gate", "z", EPOCH_S + 3.7)
    assert {"event.json", "evidence.json", "snapshot.jpg", "snapshot-boxes.jpg"} == event.files.keys()
