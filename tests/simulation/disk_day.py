"""A day of a node on a disk that is too small: real recorders, clips, outbox, index, housekeeping; a fake clock.

The same seed is the same day. `main` prints what went, what stayed and when recording stood still.
"""

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from broker.contract.messages import EventMessage
from edge.adapters.av_source import StreamInfo
from edge.adapters.kept_files import list_recordings
from edge.adapters.recorder import Recorder
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.segments import Segment
from edge.adapters.sqlite_outbox import ClipJob, SqliteOutbox
from edge.adapters.track_log import TrackLog
from edge.app import clip_desk, housekeeping
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import MAX_CLIP_S, ClipDesk
from edge.app.housekeeping import Housekeeper
from edge.app.lens_watch import LensWatch
from edge.app.node_folder import holds_of
from edge.config.load import load_config
from edge.core.frame import Frame
from edge.pipeline.mailbox import Mailbox

BEGINS_S = 1_790_000_000.0
STEP_S, FPS = 6.0, 4
CONFIG = """
node: {{name: box, state_dir: {folder}}}
broker: {{host: 127.0.0.1, port: 1, tls: false, password_file: secret}}
console: {{url: "http://127.0.0.1:1", token_file: secret}}
cameras:{cameras}
"""


CAMERA = """
  - name: {name}
    url: rtsp://192.0.2.1/a
    recording: {{segment_s: 6, pre_s: 5, post_s: 5, clip_days: {clip_days}, max_bytes: 1_000_000_000}}"""


class Clock:
    """Wall and monotonic seconds, moved by the day itself."""

    now_s = 0.0

    def wall_s(self) -> float:
        return BEGINS_S + self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


@dataclass
class Report:
    """What a day came to. All times are seconds of the day.

    told: when and what of the disk. stopped: camera, from, to, and what was told of it. gone: when, event, its age.
    """

    told: list[tuple[float, str]] = field(default_factory=list)
    stopped: list[tuple[str, float, float, str]] = field(default_factory=list)
    gone: list[tuple[float, str, float]] = field(default_factory=list)
    made: int = 0
    segments_gone: int = 0
    filled: int = 0


class Day:
    """One node's day. Raises AssertionError at the first step in which something is lost that may not be."""

    def __init__(self, folder: Path, seed: int, hours: float, clip_days: float) -> None:
        """folder: a file system of its own. clip_days: how long clips stay."""
        config = folder.parent / "edge.yaml"
        cameras = "".join(CAMERA.format(name=name, clip_days=clip_days) for name in ("gate", "yard"))
        config.write_text(CONFIG.format(folder=folder, cameras=cameras))
        self.config, self.root = load_config(config, with_secrets=False), folder
        self.random, self.length_s, self.clip_s = random.Random(seed), hours * 3600, clip_days * 86_400
        self.clock, self.outbox, self.holds = Clock(), SqliteOutbox(folder / "outbox.sqlite"), holds_of(self.config)
        self.lines = {section.name: self._line(section) for section in self.config.cameras}
        tracks = {name: TrackLog(folder / "tracks" / name, 60.0, lambda: None) for name in self.lines}
        clip_desk.POLL_S = 0.0
        housekeeping.OLD_BYTES = 1 << 18  # the disk is small too
        self.desk = ClipDesk(folder / "evidence", self.outbox, self.lines, tracks, self.clock)
        self.housekeeper = Housekeeper(self.config, self.outbox, self.clock)
        self.packets, self._video = _noise()
        self.report = Report()
        self.open: dict[str, tuple[EventMessage, float]] = {}
        self.held: dict[str, dict[str, str]] = {}  # event -> its files' hashes
        self.held_s: dict[tuple[str, float, float], float] = {}  # camera, from, to -> seconds that were there
        self.wanted: dict[str, tuple[str, float, float]] = {}  # event -> camera and UTC span of its clip
        self.clipless: set[str] = set()
        self._told = 0
        self._stopped: dict[str, tuple[float, str]] = {}

    def _line(self, section) -> CameraLine:
        def protected():
            spans = self.outbox.clip_spans(section.name, section.recording.pre_s, MAX_CLIP_S)
            return [*spans, *self.holds.read().spans.get(section.name, ())]

        lens = LensWatch(section.name, ReferenceFile(self.root / "references", section.name))
        line = CameraLine(section, self.root / "recordings" / section.name, Mailbox(), self.clock, protected, lens)
        line.recorder.wait_recorded = lambda _until_s, _timeout_s: True  # nobody records while the desk works
        return line

    def run(self) -> Report:
        """The whole day, and what must hold at its end."""
        for line in self.lines.values():
            line.recorder.connected(StreamInfo("h264", 160, 96, Fraction(1, FPS), None), self._video.streams.video[0])
        step = 0
        while self.clock.now_s < self.length_s:
            hour = self.clock.now_s / self.length_s
            self._record()
            self._disturb(full=0.45 < hour < 0.6)
            self._events(step)
            self._console(reachable=not 0.3 < hour < 0.7)
            self._housekeeping(step)
            step += 1
        for line in self.lines.values():
            line.recorder.close()
        for name, (since_s, why) in self._stopped.items():
            self.report.stopped.append((name, since_s, self.clock.now_s, why))
        self._check_end()
        self.outbox.close()
        return self.report

    def _record(self) -> None:
        begins_s = self.clock.now_s
        for line in self.lines.values():
            for number, packet in enumerate(self.packets):
                at_s = begins_s + number / FPS
                line.recorder.packet(packet, at_s, BEGINS_S + at_s)
        self.clock.now_s += STEP_S
        for name, line in self.lines.items():
            self._note_recording(name, line.recorder)

    def _note_recording(self, name: str, recorder: Recorder) -> None:
        """Recording went on, or it says that it stands still."""
        fault, until_s = recorder.status.fault, recorder.status.recorded_until_s or 0.0
        if fault is None:
            assert self.clock.wall_s() - until_s < 2.5, f"{name} records nothing and does not say so"
        if fault is not None and name not in self._stopped:
            self._stopped[name] = (until_s - BEGINS_S, fault)
        elif fault is None and name in self._stopped:
            since_s, why = self._stopped.pop(name)
            self.report.stopped.append((name, since_s, self.clock.now_s, why))

    def _disturb(self, *, full: bool) -> None:
        """Another program fills the disk to the last byte, again and again, and is gone after a while."""
        foreign = self.root.parent / "state" / "foreign"
        if not full:
            foreign.unlink(missing_ok=True)
            return
        with foreign.open("ab", buffering=0) as file:
            for size in (1 << 16, 512, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass
        self.report.filled += 1

    def _events(self, step: int) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # the disk is full: as a worker, it comes again
            for event_id, (message, ends_s) in list(self.open.items()):
                if self.clock.wall_s() >= ends_s:
                    closed = message.model_copy(update={"state": "closed", "revision": 2, "closed_at_s": ends_s})
                    begins_s, until_s = message.opened_at_s - 5, ends_s + 5
                    job = ClipJob(event_id, message.camera, message.opened_at_s, begins_s, until_s)
                    self.outbox.put_event(closed, self.clock.wall_s(), job)
                    self.wanted[event_id] = (message.camera, begins_s, until_s)
                    del self.open[event_id]
            if self.random.random() < 0.05:
                self._open_one()
        with contextlib.suppress(OSError, sqlite3.OperationalError):
            self.desk.run(_Soon())
        if self.random.random() < 0.01:
            self._hold_span()

    def _open_one(self) -> None:
        camera, at_s = self.random.choice(sorted(self.lines)), self.clock.wall_s() - 1.0
        event_id = str(uuid.UUID(int=self.random.getrandbits(128)))
        facts = {"rule": "loitering", "camera": camera, "opened_at_s": at_s, "captured_at_s": at_s}
        message = EventMessage(event_id=event_id, revision=1, state="open", **facts)
        self.outbox.put_event(message, self.clock.wall_s())
        self.report.made += 1
        self.open[event_id] = (message, at_s + self.random.uniform(5, 40))
        self.desk.opened(message, Frame(camera, 0, at_s - BEGINS_S, at_s, np.full((96 * 3 // 2, 160), 90, np.uint8)))
        if self.random.random() < 0.1 and len(self.held) < 6:
            with contextlib.suppress(OSError):
                self.holds.put(event_id, "police", self.clock.wall_s())
                self.held[event_id] = {}

    def _hold_span(self) -> None:
        camera = self.random.choice(sorted(self.lines))
        to_s = self.clock.wall_s() - self.random.uniform(0, 60)
        span = (camera, to_s - 30, to_s)
        if len(self.held_s) < 3:
            with contextlib.suppress(OSError):
                self.holds.put(f"{camera}.{round(span[1] * 1000)}-{round(span[2] * 1000)}", "police", to_s)
                self.held_s[span] = self._recorded_s(*span)

    def _recorded_s(self, camera: str, from_s: float, to_s: float) -> float:
        there = [s for s in list_recordings(self.root).get(camera, ()) if s.overlaps(from_s, to_s)]
        return sum(min(to_s, _end(s)) - max(from_s, s.begins_at_s) for s in there)

    def _console(self, *, reachable: bool) -> None:
        rows = self.outbox.waiting(self._told, 1000)
        self.clipless |= {row.message.event_id for row in rows if row.kind == "evidence" and row.message.missing}
        self._told = rows[-1].sequence if rows else self._told
        if reachable:
            with contextlib.suppress(sqlite3.OperationalError):
                for upload in self.outbox.uploads(500):
                    self.outbox.uploaded(upload)
                self.outbox.acknowledge([row.sequence for row in self.outbox.waiting(0, 1000)])

    def _housekeeping(self, step: int) -> None:
        """As its thread does: every minute, and at once where the disk fills up; then looks at what went."""
        if step % 10 and (step % 2 or self.housekeeper._lacking_bytes() <= 0):
            return
        before = {path.name: self._age_s(path) for path in self._folders()}
        segments = self._segments()
        owed = self.outbox.unsettled()
        self.housekeeper.tidy()
        for event_id in sorted(before.keys() - {path.name for path in self._folders()}):
            assert event_id not in self.held, f"{event_id} was held"
            assert event_id not in owed, f"{event_id} was not delivered"
            assert before[event_id] > self.clip_s, f"{event_id} was within its retention"
            self.report.gone.append((self.clock.now_s, event_id, before[event_id]))
        self.report.segments_gone += segments - self._segments()
        told = (
            ", ".join(str(one) for one in self.housekeeper.problems if one.code != "recording_short") or "all is well"
        )
        if told != (self.report.told[-1][1] if self.report.told else "all is well"):
            self.report.told.append((self.clock.now_s, told))
        self._check_held()

    def _segments(self) -> int:
        return sum(len(os.listdir(line.recordings)) for line in self.lines.values())

    def _folders(self) -> list[Path]:
        folder = self.root / "evidence"
        return list(folder.iterdir()) if folder.is_dir() else []

    def _age_s(self, folder: Path) -> float:
        """Files get the clock's time, not this machine's, so that they age with the day."""
        for path in [folder, *folder.iterdir()]:
            if path.stat().st_mtime > self.clock.wall_s() or path.stat().st_mtime < BEGINS_S:
                _touch(path, self.clock.wall_s())
        return self.clock.wall_s() - max(path.stat().st_mtime for path in folder.iterdir())

    def _check_held(self) -> None:
        for event_id, hashes in self.held.items():
            for path in (self.root / "evidence" / event_id).glob("*.*"):
                if path.suffix in (".mp4", ".jpg") and event_id not in self.outbox.unsettled():
                    hashes.setdefault(path.name, _sha256(path))
            for name, sha256 in hashes.items():
                assert _sha256(self.root / "evidence" / event_id / name) == sha256, f"held {event_id}/{name} changed"
        for span, seconds in self.held_s.items():
            assert self._recorded_s(*span) >= seconds - 0.01, f"held recording {span} went"

    def _check_end(self) -> None:
        self._check_held()
        for event_id in self.clipless:
            camera, from_s, to_s = self.wanted[event_id]
            stops = [(a, b) for name, a, b, _ in self.report.stopped if name == camera]
            assert any(BEGINS_S + a - STEP_S <= to_s and from_s <= BEGINS_S + b for a, b in stops), (
                f"{event_id} has no clip although {camera} was recorded"
            )
        for upload in self.outbox.uploads(10_000):
            assert _sha256(upload.path) == upload.sha256, f"{upload.path} is owed and damaged"
        for segment in (s for found in list_recordings(self.root).values() for s in found):
            with av.open(str(segment.path)) as container:
                assert any(packet.size for packet in container.demux(video=0)), f"{segment.path} can't be read"


class _Soon:
    """A stop after some turns of the desk."""

    def __init__(self) -> None:
        self._asked = 0

    def is_set(self) -> bool:
        self._asked += 1
        return self._asked > 8

    def wait(self, _timeout_s: float) -> bool:
        """The disk takes nothing: tried again at once, for the day's clock stands still meanwhile."""
        return self.is_set()


def _noise():
    """Six seconds of noise, which compresses badly, as packets; and the file they come from, kept open."""
    path = Path(tempfile.mkdtemp()) / "noise.mp4"
    noise = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": str(FPS), "crf": "40"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(round(STEP_S * FPS)):
            picture = noise.integers(0, 255, (96, 160, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    video = av.open(str(path))
    packets = [packet for packet in video.demux(video=0) if packet.size]
    shutil.rmtree(path.parent)
    return packets, video


def _end(segment: Segment) -> float:
    assert segment.ends_at_s is not None
    return segment.ends_at_s


def _touch(path: Path, at_s: float) -> None:
    os.utime(path, (at_s, at_s))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int):
    """A file system of its own at `folder`. Raises OSError where none can be mounted."""
    folder.mkdir(parents=True)
    line = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        raise OSError("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=48)
    parser.add_argument("--list", action="store_true", help="name each clip that went")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "state", chosen.megabytes) as disk:
        day = Day(disk, chosen.seed, chosen.hours, clip_days=chosen.hours / 24 / 6)
        report = day.run()
        print(f"seed {chosen.seed}: {chosen.hours:g} h of 2 cameras on {chosen.megabytes} MB")
        print(f"segments deleted: {report.segments_gone}; filled to the last byte by others: {report.filled} times")
        print(f"events: {report.made} made, {len(report.gone)} gone (all delivered, past their days, not held)")
        print(f"without a clip: {len(day.clipless)}, all while nothing was recorded")
        print(f"held: {len(day.held)} events, {len(day.held_s)} spans of recording; all there, hashes unchanged")
        for at_s, event_id, age_s in report.gone if chosen.list else ():
            print(f"{at_s:8.0f} s: clip of {event_id} deleted, {age_s:.0f} s old")
        for name, since_s, until_s, why in report.stopped:
            print(f"{name} recorded nothing from {since_s:8.0f} s to {until_s:8.0f} s and said: {why}")
        for at_s, told in report.told:
            print(f"{at_s:8.0f} s: {told}")


if __name__ == "__main__":
    sys.exit(main())
