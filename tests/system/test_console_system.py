"""The console as a process of its own, killed in the middle of events: nothing a node wrote is lost or doubled."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_site import wait_for
from ports import free_port
from sqlalchemy import func, select

from broker import installation
from broker.contract import topics
from broker.contract.messages import EventMessage, EvidenceFile, HealthMessage
from console.domain.access import Role
from console.domain.alert import AlertState
from console.domain.alert_work import Act, Step
from console.domain.calendar import Calendar
from console.store import alert_work, alerts, calendars, deliveries, evidence, nodes, sites, tables, users
from console.store.database import Database, open_database
from edge.adapters.mqtt_publisher import BrokerAddress, MqttPublisher, make_client
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.uploader import ConsoleAddress, Uploader
from edge.app.calendar_keeper import CalendarKeeper
from edge.core.calendar import NO_CALENDAR

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
EVENTS, REVISIONS = 25, 24
CLIP_BYTES = 24 * 1024 * 1024  # many chunks, so that the console can die between two of them


class Site:
    """A broker and a console as processes; a node's outbox, publisher and uploader in this one."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.clock = folder, SystemClock()
        self.broker_port, self.console_port = free_port(), free_port()
        self.url = database_url or f"sqlite:///{folder / 'console' / 'console.sqlite'}"
        self.processes: list[subprocess.Popen[bytes]] = []
        installation.make_folder(folder / "broker", "127.0.0.1", self.broker_port, loopback=True)
        installation.add_account(folder / "broker", "box")
        self.start("broker", "run", str(folder / "broker"))
        self.answers(self.broker_port)
        self.start("console", "add-node", "box", "--site", "Kim Đồng", "--token-file", str(folder / "token")).wait(30)
        self.database: Database = open_database(self.url)
        self.outbox = SqliteOutbox(folder / "outbox.sqlite")
        self.calendar = CalendarKeeper(folder, self.clock)
        self.publisher: MqttPublisher | None = None
        self.stopped = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        settings = {
            "FOLDER": str(self.folder / "console"),
            "DATABASE": self.url,
            "PORT": str(self.console_port),
            "BROKER_PORT": str(self.broker_port),
            "BROKER_TLS": "false",
            "BROKER_PASSWORD_FILE": str(self.folder / "broker/secrets/console.password"),
        }
        environment = {**os.environ, **{f"GATEHOUSE_CONSOLE_{name}": value for name, value in settings.items()}}
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            command = [sys.executable, "-m", "gatehouse", *words]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    @property
    def broker(self) -> BrokerAddress:
        """The broker as the node reaches it."""
        password = self.folder / "broker/secrets/box.password"
        return BrokerAddress("127.0.0.1", self.broker_port, "box", password, tls=False)

    def answers(self, port: int) -> None:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 40, f"port {port}")

    def serve(self) -> subprocess.Popen[bytes]:
        """Starts the console; returns once it answers."""
        process = self.start("console", "serve")
        self.answers(self.console_port)
        return process

    def deliver(self) -> None:
        """Starts what brings the outbox over, as a node's supervisor does."""
        publisher = MqttPublisher("box", self.broker, self.outbox, self.clock, self.calendar.take, "test")
        self.publisher = publisher
        uploader = Uploader(ConsoleAddress(f"http://127.0.0.1:{self.console_port}", self.folder / "token"), self.outbox)
        for run in (publisher.run, uploader.run):
            self.threads.append(threading.Thread(target=run, args=(self.stopped,), daemon=True))
            self.threads[-1].start()

    def taken(self) -> int:
        """How many numbered messages the console has committed."""
        with self.database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(tables.outbox.c.highest), 0))).scalar_one())

    def delivered(self) -> bool:
        figures = self.outbox.figures()
        return figures.rows == 0 and figures.uploads == 0

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(10)
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.outbox.close()
        self.database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request, tmp_path) -> Iterator[Site]:
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else ""
    site = Site(tmp_path, url)
    yield site
    site.stop()
    for name in ("broker.log", "console.log"):
        print(f"--- {name}\n{(tmp_path / name).read_text()[-4000:]}")
    if url:
        database = open_database(url)
        with database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        database.close()


def revision_of(event_id: str, revision: int, opened_at_s: float) -> EventMessage:
    last = revision == REVISIONS
    state = "open" if revision == 1 else "closed" if last else "updated"
    return EventMessage(
        event_id=event_id,
        revision=revision,
        state=state,
        rule="loitering",
        camera="gate",
        opened_at_s=opened_at_s,
        captured_at_s=opened_at_s + revision,
        dwell_s=float(revision),
        closed_at_s=opened_at_s + revision if last else None,
        closed_because="left" if last else None,
    )


def write_events(site: Site, event_ids: list[str]) -> None:
    """All revisions of all events, one event's between the others'."""
    now_s = site.clock.wall_s()
    for revision in range(1, REVISIONS + 1):
        for event_id in event_ids:
            site.outbox.put_event(revision_of(event_id, revision, now_s), now_s)


def write_clip(site: Site, event_id: str) -> EvidenceFile:
    data = random.Random(7).randbytes(CLIP_BYTES)
    path = site.folder / "clip.mp4"
    path.write_bytes(data)
    now_s = site.clock.wall_s()
    file = EvidenceFile(
        role="clip",
        name="clip.mp4",
        media_type="video/mp4",
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        begins_at_s=now_s - 10,
        ends_at_s=now_s,
    )
    site.outbox.put_evidence(event_id, "gate", [(file, path)], now_s)
    return file


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def check_nothing_lost_or_doubled(site: Site, event_ids: list[str], aside: int = 0) -> None:
    with site.database.read() as connection:
        told = [one for state in AlertState for one in alerts.of_state(connection, state, 1000)]
        found = {one.event_id: one for one in told}
        assert sorted(found) == sorted(event_ids)
        for one in found.values():
            assert (one.event["revision"], one.event["state"]) == (REVISIONS, "closed")
        node = nodes.find(connection, "box")
        assert deliveries.absent(connection, node.id, None).missing == 0
        assert deliveries.count_aside(connection) == aside
        rung = select(tables.change.c.key, func.count()).where(tables.change.c.what == "opened")
        times = dict(connection.execute(rung.group_by(tables.change.c.key)).all())
        assert times == dict.fromkeys(event_ids, 1)  # each rang once
    assert site.outbox.figures().refused == 0


def test_a_console_killed_among_messages_and_in_the_middle_of_a_file_loses_and_doubles_nothing(site):
    event_ids = [str(uuid.UUID(int=number + 1)) for number in range(EVENTS)]
    console = site.serve()
    write_events(site, event_ids)
    site.deliver()
    wait_for(site.taken, 60, "the first messages")
    with site.database.write() as connection:
        user = users.add(connection, "Lan", "x", Role.GUARD, site.clock.wall_s())
        alert_work.act(connection, event_ids[:1], Act(Step.ACKNOWLEDGE, user.id), site.clock.wall_s())
    kill(console)
    assert site.outbox.figures().rows > 0, "the console was done before it was killed"

    console = site.serve()
    file = write_clip(site, event_ids[0])
    unfinished = site.folder / "console" / "evidence" / "unfinished"
    halves = f"*-{file.sha256}"
    wait_for(lambda: any(one.stat().st_size for one in unfinished.glob(halves)), 90, "the first bytes of the file")
    kill(console)
    (half,) = unfinished.glob(halves)
    assert 0 < half.stat().st_size < CLIP_BYTES, "the file was whole before the console was killed"

    site.serve()
    wait_for(site.delivered, 120, "the rest")
    check_nothing_lost_or_doubled(site, event_ids)
    with site.database.read() as connection:
        assert alerts.find(connection, event_ids[0]).state == AlertState.ACKNOWLEDGED
        (stored,) = evidence.files_of(connection, event_ids[0])
    assert stored.stored_at_s is not None
    whole = site.folder / "console" / "evidence" / "files" / file.sha256[:2] / file.sha256
    assert hashlib.sha256(whole.read_bytes()).hexdigest() == file.sha256
    assert not half.exists()
    for path in (site.folder / "console").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"others can read {path}"
    log = (site.folder / "console.log").read_text()
    for secret in (site.folder / "token", site.folder / "broker/secrets/console.password"):
        assert secret.read_text().strip() not in log


def test_a_console_killed_again_and_again_still_gets_everything_once(site):
    event_ids = [str(uuid.UUID(int=number + 1)) for number in range(EVENTS)]
    write_events(site, event_ids)
    site.deliver()
    for share in (0.2, 0.5, 0.8):
        console = site.serve()
        wait_for(lambda share=share: site.taken() >= share * EVENTS * REVISIONS, 60, f"{share} of the messages")
        kill(console)
    site.serve()
    wait_for(site.delivered, 120, "the rest")
    check_nothing_lost_or_doubled(site, event_ids)


def test_noise_is_kept_aside_and_stops_nothing(site):
    event_ids = [str(uuid.UUID(int=number + 1)) for number in range(EVENTS)]
    console = site.serve()
    write_events(site, event_ids)
    site.deliver()
    client = make_client(site.broker, "gone mad")
    client.connect("127.0.0.1", site.broker_port)
    client.loop_start()
    noise = [
        b"",
        b"\xff\x00",
        b"[]",
        b"{" * 5000,
        b'{"specversion": "1.0", "data": {}}',
        random.Random(1).randbytes(90_000),
    ]
    for topic in (topics.EVENT, topics.HEALTH):
        for payload in noise:
            client.publish(topic.of("box"), payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    wait_for(site.delivered, 120, "the events among the noise")

    def kept() -> bool:
        with site.database.read() as connection:
            return deliveries.count_aside(connection) >= 2 * len(noise)

    wait_for(kept, 30, "the noise to be set aside")
    check_nothing_lost_or_doubled(site, event_ids, aside=2 * len(noise))
    assert console.poll() is None
    with site.database.read() as connection:
        assert all(one.reason for one in deliveries.listing_aside(connection))


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_calendar_goes_to_the_box_and_the_console_hears_that_it_works_by_it(site):
    with site.database.write() as connection:
        (school,) = sites.listing(connection)
        calendars.save(connection, school.id, Calendar(), site.clock.wall_s())
    site.serve()
    site.deliver()
    calendar = wait_for(site.calendar.turn, 30, "the calendar")
    assert calendar.plan_at(site.clock.wall_s()) is not None
    assert calendar.until_at_s > site.clock.wall_s() + 8 * 7 * 86_400
    told = {"at_s": site.clock.wall_s(), "started_at_s": 1.0, "version": "test", "state": "ok"}
    site.publisher.tell_health(HealthMessage(**told, schedule_revision=calendar.revision))

    def works_by() -> str | None:
        with site.database.read() as connection:
            return calendars.boxes(connection)[0].revision

    wait_for(lambda: works_by() == calendar.revision, 20, "the word that the box works by it")
    with site.database.write() as connection:
        calendars.remove(connection, school.id)
    assert wait_for(site.calendar.turn, 20, "the word that there is none any more") == NO_CALENDAR
