"""A school for the browser: a real console on SQLite behind a real server, told what a real node would tell."""

import contextlib
import functools
import hashlib
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import Connection

sys.path.insert(0, str(Path(__file__).parents[1]))

from film import SETTINGS, Film
from ports import free_port

from broker.contract import codec, topics
from broker.contract.messages import (
    CameraHealth,
    EventMessage,
    EvidenceFile,
    EvidenceMessage,
    GapBridged,
    HealthMessage,
    MachineHealth,
    NetworkLink,
    NodeProblem,
    PathPoint,
    StatusMessage,
    ZoneShape,
)
from console.app.factory import Console, build
from console.app.settings import Settings
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.alert import CloseReason
from console.domain.alert_work import Act, Step
from console.ingest.intake import Intake
from console.store import alert_work, nodes, sessions, users
from console.web.access import COOKIE, session_hash

SITE = "Trường Tiểu học Hoa Sen"
NODE = "hoa-sen-1"
LABELS = {"gate": "Cổng chính", "fence": "Cổng sau", "yard": "Cổng nhà xe", "street": "Cổng phụ đường Nguyễn Huệ"}
ZONES = {"gate": "Vỉa hè trước cổng", "fence": "Lối vào cổng sau", "yard": "Lối vào nhà xe", "street": "Vỉa hè"}
MACHINE = MachineHealth(
    board="Raspberry Pi 5 Model B Rev 1.0",
    system="Debian GNU/Linux 12 (bookworm) · Linux 6.6.51+rpt-rpi-2712",
    temperature_c=58.4,
    throttled=False,
    under_voltage=False,
    memory_bytes=8_455_000_000,
    memory_available_bytes=5_100_000_000,
    load=2.4,
    processors=4,
    disk_bytes=256_000_000_000,
    links=(NetworkLink(name="eth0", up=True), NetworkLink(name="wlan0", up=False)),
)
CLIP_S, BEFORE_S = 14.0, 5.0
MadeFile = tuple[str, str, str, bytes]  # role, name, media type, content


@functools.cache
def film_of(camera: str) -> Film:
    """What a camera filmed; drawn once."""
    return Film(SETTINGS[camera], CLIP_S, BEFORE_S)


@dataclass
class School:
    """A running console. `server` may be ended and begun again on the same port."""

    console: Console
    port: int
    folder: Path
    token: str
    outbox: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent: int = 0
    started_at_s: float = field(default_factory=lambda: wall_s() - 86_400)  # of its box
    last_health: HealthMessage | None = None
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def streams(self) -> int:
        """How many browsers follow the feed now."""
        assert self.server is not None
        open_now = [
            one for one in self.server.server_state.connections if one.cycle and not one.cycle.response_complete
        ]
        return sum(one.scope["path"] == "/api/stream" for one in open_now)

    def open(self) -> None:
        """Begins to serve."""
        settings = uvicorn.Config(
            self.console.web, port=self.port, log_level="critical", access_log=False, timeout_graceful_shutdown=0
        )
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline_s = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline_s, "the server did not start"
            time.sleep(0.02)

    def shut(self) -> None:
        """Ends the server at once, as a power cut would: open streams are cut."""
        assert self.server is not None
        assert self.thread is not None
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(10)

    def sign_in(self, name: str = "Lan", role: Role = Role.GUARD) -> dict[str, str]:
        """A session; returns its cookie for the browser."""
        token = hashlib.sha256(name.encode()).hexdigest()
        with self.console.database.write() as connection:
            known = [user for user in users.listing(connection) if user.name == name]
            user = known[0] if known else users.add(connection, name, "x", role, wall_s())
            sessions.end(connection, session_hash(token))
            sessions.begin(connection, session_hash(token), user.id, wall_s())
        return {"name": COOKIE, "value": token, "url": self.address}

    def tell(self, topic: topics.Topic, message: topics.AnyMessage) -> None:
        """What arrives by MQTT from the node."""
        numbered = (self.outbox, self.sent + 1) if topic.numbered else (None, None)
        self.sent += int(topic.numbered)
        payload = codec.encode(topic, NODE, message, wall_s(), *numbered)
        verdict = Intake(self.console.database, wall_s).take(topic.of(NODE), payload)
        assert verdict is None or verdict.refused_because is None, verdict

    def health(
        self,
        faults: dict[str, tuple[str, str]] | None = None,
        cameras: Sequence[str] = tuple(SETTINGS),
        given_up: int = 0,
        problems: Sequence[NodeProblem] = (),
    ) -> None:
        """A health report. faults: camera -> (state, reason_code). given_up: messages, by a full outbox.

        problems: of the node itself.
        """
        faults, now_s = faults or {}, wall_s()
        reports = [_camera_health(name, *faults.get(name, ("sees", "")), now_s) for name in cameras]
        message = HealthMessage(
            at_s=now_s,
            started_at_s=self.started_at_s,
            version="0.1.0",
            state="degraded" if faults else "ok",
            cameras=tuple(reports),
            outbox_rows=3 if faults else 0,
            outbox_id=self.outbox,
            outbox_given_up=given_up,
            disk_free_bytes=187_000_000_000,
            node_problems=tuple(problems),
            machine=MACHINE,
        )
        self.tell(topics.STATUS, StatusMessage(status="online", at_s=now_s, version="0.1.0"))
        self.tell(topics.HEALTH, message)
        self.last_health = message

    def beat(self) -> None:
        """The same health report once more, as a node says it every 15 s."""
        if self.last_health is not None:
            self.last_health = self.last_health.model_copy(update={"at_s": wall_s()})
            self.tell(topics.HEALTH, self.last_health)

    def stills(self, cameras: Sequence[str] = tuple(SETTINGS)) -> None:
        """Brings a picture of each camera."""
        for name in cameras:
            self.bring_still(name, film_of(name).still(empty=True))

    def bring_still(self, camera: str, data: bytes) -> None:
        """Brings this picture of a camera."""
        self._node().put(f"/api/node/cameras/{camera}/still", content=data).raise_for_status()

    def event(self, camera: str = "gate", ago_s: float = 4.0, event_id: str = "", **changes: object) -> EventMessage:
        """An event that opened `ago_s` seconds ago, after a minute's dwell."""
        now_s = wall_s()
        opened_at_s = now_s - ago_s
        film = film_of(camera)
        facts = {
            "event_id": event_id or str(uuid.uuid4()),
            "revision": 1,
            "state": "open",
            "rule": "loitering",
            "camera": camera,
            "zone": camera + "-zone",
            "opened_at_s": opened_at_s,
            "captured_at_s": opened_at_s,
            "dwell_s": 60.0,
            "threshold_s": 60.0,
            "confidence": 0.87,
            "box": film.box,
            "path": tuple(PathPoint(at_s=opened_at_s - ago, x=x, y=y) for ago, x, y in film.path()),
        }
        message = EventMessage.model_validate({**facts, **changes})
        self.tell(topics.EVENT, message)
        return message

    def bring_evidence(self, event: EventMessage, only: Sequence[str] = (), made: Sequence[MadeFile] = ()) -> None:
        """Announces clip, pictures and track, or what was `made`, then uploads them, or the roles of `only`."""
        begins_at_s = event.opened_at_s - BEFORE_S
        made = made or files_of(event, self.folder)
        files = tuple(
            EvidenceFile(
                role=role,
                name=name,
                media_type=media_type,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                begins_at_s=begins_at_s,
                ends_at_s=begins_at_s + CLIP_S,
            )
            for role, name, media_type, data in made
        )
        self.tell(
            topics.EVIDENCE, EvidenceMessage(event_id=event.event_id, revision=1, camera=event.camera, files=files)
        )
        for file, (_, _, _, data) in zip(files, made, strict=True):
            if only and file.role not in only:
                continue
            headers = {"Upload-Offset": "0", "Upload-Length": str(len(data))}
            answer = self._node().patch(f"/api/node/files/{file.sha256}", content=data, headers=headers)
            if answer.status_code != httpx.codes.CONFLICT:  # it came for another event
                answer.raise_for_status()

    def handle(self, event: EventMessage, close: CloseReason | None = None, note: str = "") -> None:
        """A guard acknowledges, and perhaps closes."""
        with self.console.database.write() as connection:
            user = users.listing(connection)[0]
            self.act(connection, event, Act(Step.ACKNOWLEDGE, user.id))
            if close is not None:
                self.act(connection, event, Act(Step.CLOSE, user.id, close, note))

    @staticmethod
    def act(connection: Connection, event: EventMessage, what: Act) -> None:
        """Somebody takes a step."""
        (came_of,) = alert_work.act(connection, [event.event_id], what, wall_s())
        assert not came_of.refused, came_of

    def _node(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=10)


def _camera_health(name: str, state: str, reason_code: str, now_s: float) -> CameraHealth:
    sees = state == "sees"
    return CameraHealth.model_validate(
        {
            "camera": name,
            "label": LABELS[name],
            "state": state,
            "since_at_s": now_s - (7200 if sees else 1260),
            "reason": "" if sees else f"camera {name}: {reason_code}; look at its cable and password",
            "reason_code": reason_code,
            "recording": state != "blind",
            "analysed_fps": 0.0 if state == "blind" else 5.0,
            "last_frame_at_s": now_s,
            "width": 1920,
            "height": 1080,
            "codec": "h264",
            "zones": (ZoneShape(zone=f"{name}-zone", label=ZONES[name], polygon=film_of(name).zone),),
        }
    )


def files_of(event: EventMessage, folder: Path) -> list[MadeFile]:
    """Role, name, media type and bytes of every file of an event."""
    film = film_of(event.camera)
    zone = {"name": event.zone, "polygon": film.zone}
    track = {"schema_version": 1, "begins_at_s": event.opened_at_s - BEFORE_S, "opened_offset_s": BEFORE_S}
    document = json.dumps({**track, "zone": zone, "tracks": film.tracks()}).encode()
    # The id makes each file one of its own: files are named by their hash.
    tail = f"<!-- {event.event_id} -->".encode()
    return [
        ("clip", "clip.mp4", "video/mp4", film.clip(folder / "clip.mp4")),
        ("snapshot", "snapshot.jpg", "image/jpeg", film.still() + tail),
        ("snapshot_boxes", "snapshot-boxes.jpg", "image/jpeg", film.still(marked=True) + tail),
        ("track", "track.json", "application/json", document),
    ]


def full(school: School) -> tuple[EventMessage, EventMessage]:
    """A busy night; returns the most urgent alert (open, with everything) and one that is closed."""
    school.health()
    school.stills()
    now_s = wall_s()
    gaps = (
        GapBridged(from_at_s=now_s - 61, to_at_s=now_s - 57.6, reason="occlusion"),
        GapBridged(from_at_s=now_s - 44, to_at_s=now_s - 43.2, reason="missed_detection"),
    )
    urgent = school.event("gate", 34, severity="critical", stage=2, dwell_s=134, gaps_bridged=gaps)
    school.bring_evidence(urgent)
    crowd = school.event("street", 85, rule="crowd", severity="medium", people=6, dwell_s=30, threshold_s=20)
    school.bring_evidence(crowd)
    handled = school.event("fence", 400, rule="intrusion", severity="high", dwell_s=12, threshold_s=None)
    school.bring_evidence(handled)
    school.handle(handled)
    closed = school.event("gate", 5400, rule="repeated_presence", severity="low", visits=4, dwell_s=312)
    school.event(
        "gate",
        5400,
        closed.event_id,
        rule="repeated_presence",
        severity="low",
        visits=4,
        dwell_s=312,
        revision=2,
        state="closed",
        closed_at_s=now_s - 5300,
        closed_because="left",
    )
    school.bring_evidence(closed)
    school.handle(closed, CloseReason.PARENT_OR_CARER, "Bà ngoại chờ đón cháu lớp 2B, đã gặp và xác nhận.")
    school.event("yard", 9, rule="line_crossing", severity="low", direction="in", dwell_s=0, threshold_s=None)
    return urgent, closed


def failing(school: School) -> EventMessage:
    """A bad night: three cameras do not do what they should, a clip could not be made. Returns that alert."""
    school.health()
    school.stills(("gate", "fence"))
    faults = {
        "gate": ("blind", "stalled"),
        "yard": ("blind", "wrong_password"),
        "fence": ("impaired", "not_recording"),
    }
    problems = [
        NodeProblem(code="under_voltage", severity="critical", since_at_s=wall_s() - 40),
        NodeProblem(code="hot", severity="warning", since_at_s=wall_s() - 900, figure=77.2),
        NodeProblem(code="certificate_ends", severity="warning", since_at_s=wall_s(), subject="ca.crt", figure=12.5),
        NodeProblem(
            code="outbox_damaged",
            severity="critical",
            since_at_s=wall_s(),
            subject="outbox-damaged-20261128T191402Z.sqlite",
        ),
        NodeProblem(code="uploads_quiet", severity="warning", since_at_s=wall_s() - 3600, figure=14),
    ]
    school.health(faults, problems=problems)
    event = school.event("street", 20, severity="high", dwell_s=75)
    reason = "the recording of these seconds is not on disk: the disk was full from 02:10 to 02:14"
    missing = EvidenceMessage(
        event_id=event.event_id, revision=1, camera="street", missing=reason, missing_code="disk_full"
    )
    school.tell(topics.EVIDENCE, missing)
    school.sent += 1204  # 1,200 messages were given up by the box, four got lost on the way
    school.event("fence", 300, rule="intrusion", severity="high", dwell_s=9, threshold_s=None)
    school.health(faults, problems=problems, given_up=1200)
    malformed = b'{"specversion": "1.0", "data": {"state": "asleep"}}'
    Intake(school.console.database, wall_s).take(topics.STATUS.of(NODE), malformed)
    return event


def deaf(school: School) -> EventMessage:
    """The console has lost its broker while an alert rang. Returns that alert, which has pictures and no clip yet."""
    school.health()
    school.stills()
    event = school.event("gate", 20, severity="high")
    school.bring_evidence(event, ("snapshot", "snapshot_boxes"))
    state = school.console.web.state
    state.context = replace(state.context, broker_connected=lambda: False)
    return event


def flood(school: School, number: int = 200) -> None:
    """Everything rings at once: a march, a broken rule, a night that nobody has seen yet."""
    school.health()
    cameras, severities = list(SETTINGS), ("critical", "high", "medium", "low")
    told = school.event("gate", 5, severity="critical")
    school.bring_evidence(told)
    for n in range(1, number):
        school.event(cameras[n % 4], 20 + 7 * n, severity=severities[min(3, n // 3)], zone=f"Đoạn rào {n}")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[School]:
    """A school whose console serves on a free port."""
    port = free_port()
    console = build(Settings(folder=folder / "console", port=port), wall_s)
    with console.database.write() as connection:
        token = nodes.add(connection, NODE, SITE, "Hộp cổng chính", wall_s())
    console.start()
    school = School(console, port, folder, token)
    school.open()
    try:
        yield school
    finally:
        school.shut()
        console.stop()
