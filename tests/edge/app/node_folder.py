"""A node's folder without a node: what workers would have left there, and a clock that tests move."""

import os
import uuid
from pathlib import Path

from typer.testing import CliRunner

from broker.contract.messages import EventMessage, EvidenceFile
from edge.adapters.kept_files import EventLabel, put_label
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.cli import app
from edge.app.housekeeping import Housekeeper
from edge.config.load import load_config

NOW_S = 1_790_000_000.0
DAY_S = 86_400.0
MINUTE = 60
CONFIG = """
node: {{name: box, state_dir: state, timezone: UTC}}
broker: {{host: 127.0.0.1, port: 1, tls: false, password_file: secret}}
console: {{url: "http://127.0.0.1:1", token_file: secret}}
cameras:
  - name: gate
    url: rtsp://192.0.2.1/a
    recording: {{{recording}}}
    zones: [{{name: yard, clip_days: 30, polygon: [[0, 0], [1, 0], [1, 1]]}}]
"""


class Clock:
    """A wall clock and a monotonic one that tests move."""

    def __init__(self) -> None:
        self.now_s, self.set_by_s = 0.0, 0.0

    def wall_s(self) -> float:
        return NOW_S + self.now_s + self.set_by_s

    def monotonic_s(self) -> float:
        return self.now_s


class Node:
    """A node's folder without a node: what workers would have left there."""

    def __init__(self, folder: Path, recording: str = "max_bytes: 10_000_000") -> None:
        (folder / "edge.yaml").write_text(CONFIG.format(recording=recording))
        self.path = folder / "edge.yaml"
        self.config = load_config(self.path, with_secrets=False)
        self.root = self.config.node.state_dir
        self.root.mkdir(exist_ok=True)
        self.clock = Clock()
        self.outbox = SqliteOutbox(self.root / "outbox.sqlite")
        self.housekeeper = Housekeeper(self.config, self.outbox, self.clock)
        self.clock.now_s = 7200.0  # the clock is trusted

    def record(self, camera: str, age_days: float, minutes: int, size: int = 1000) -> None:
        """Segments of a minute each, the last of which ended so many days ago."""
        folder = self.root / "recordings" / camera
        folder.mkdir(parents=True, exist_ok=True)
        end_s = self.clock.wall_s() - age_days * DAY_S
        for number in range(minutes):
            begin_ms = round((end_s - (minutes - number) * MINUTE) * 1000)
            (folder / f"{begin_ms}-{begin_ms + MINUTE * 1000}.mp4").write_bytes(os.urandom(size))

    def recorded(self, camera: str = "gate") -> list[str]:
        return sorted(path.name for path in (self.root / "recordings" / camera).glob("*.mp4"))

    def event(self, number: int, age_days: float, zone: str = "", *, delivered: bool = True, size: int = 1000) -> Path:
        """A closed event with its evidence, which was written so many days ago."""
        event_id, at_s = str(uuid.UUID(int=number)), self.clock.wall_s() - age_days * DAY_S
        message = EventMessage(event_id=event_id, revision=1, state="closed", rule="loitering", camera="gate",
                               zone=zone or None, opened_at_s=at_s - 60, captured_at_s=at_s)  # fmt: skip
        self.outbox.put_event(message, at_s)
        folder = self.root / "evidence" / event_id
        folder.mkdir(parents=True)
        put_label(folder, EventLabel("gate", zone, at_s - 60))
        clip = folder / f"clip-{at_s:.3f}.mp4"
        clip.write_bytes(os.urandom(size))
        facts = EvidenceFile(role="clip", name="clip.mp4", media_type="video/mp4", bytes=size,
                             sha256=f"{number:064x}", begins_at_s=at_s - 60, ends_at_s=at_s)  # fmt: skip
        self.outbox.put_evidence(event_id, "gate", [(facts, clip)], at_s)
        for path in folder.iterdir():
            os.utime(path, (at_s, at_s))
        if delivered:
            self.deliver(event_id)
        return folder

    def deliver(self, event_id: str) -> None:
        for upload in self.outbox.uploads(99):
            if upload.event_id == event_id:
                self.outbox.uploaded(upload)

    def hold(self, *words: str) -> str:
        result = CliRunner().invoke(app, ["hold", "--config", str(self.path), *words])
        self.exit_code = result.exit_code
        return result.output


def fill(path: Path) -> None:
    """Writes until not one byte more fits on the disk."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
