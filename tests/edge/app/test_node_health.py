"""When a node tells of itself, and what."""

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.certificates import make_certificates
from broker.contract import codec, topics
from broker.contract.messages import CameraHealth
from edge.adapters.machine_health import GET_THROTTLED
from edge.adapters.outbox_rows import OutboxBounds
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.node_health import CERTIFICATES_S, HEALTH_S, MACHINE_S, NodeHealth
from edge.config.load import load_config

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from made_rows import event

CONFIG = """
node: {name: box, state_dir: .}
broker: {host: broker.example, ca_file: tls/ca.crt, password_file: password}
console: {url: "https://console.example", token_file: password, ca_file: tls/server.crt}
cameras: [{name: gate, url: "rtsp://127.0.0.1/a"}]
"""
SOUND = {"console_unreachable": False, "worker_down": False}
SEES = CameraHealth(camera="gate", state="sees", since_at_s=5.0)


class StoryClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.now_s = datetime(2026, 11, 28, tzinfo=UTC).timestamp()
        self.behind_s = 0.0

    def wall_s(self) -> float:
        return self.now_s - self.behind_s

    def monotonic_s(self) -> float:
        return self.now_s - 1_700_000_000


@pytest.fixture
def story(tmp_path):
    make_certificates(tmp_path / "tls", "127.0.0.1", datetime(2022, 1, 1, tzinfo=UTC))  # the broker's: to 2026-12-31
    (tmp_path / "password").write_text("x")
    (tmp_path / "box.yaml").write_text(CONFIG)
    power = tmp_path / "root" / GET_THROTTLED
    power.parent.mkdir(parents=True)
    power.write_text("0\n")
    clock, outbox = StoryClock(), SqliteOutbox(tmp_path / "outbox.sqlite")
    health = NodeHealth(load_config(tmp_path / "box.yaml"), "1.2.3", outbox, clock, tmp_path / "root")
    yield health, clock, power
    outbox.close()


def test_a_sound_node_tells_every_quarter_of_a_minute(story):
    health, clock, _ = story
    first = health.turn([SEES], SOUND, (), 0)
    assert (first.state, first.problems, first.node_problems, first.version) == ("ok", (), (), "1.2.3")
    assert {one.name for one in first.machine.certificates} == {"ca.crt", "server.crt"}
    clock.now_s += HEALTH_S - 1
    assert health.turn([SEES], SOUND, (), 0) is None
    clock.now_s += 1
    assert health.turn([SEES], SOUND, (), 0) is not None


def test_how_long_it_runs_hangs_on_no_clock_that_was_set(story):
    health, clock, _ = story
    started_at_s = clock.wall_s()
    clock.now_s += 20
    clock.behind_s = -8 * 3600.0  # NTP, before the first report
    told = health.turn([SEES], SOUND, (), 0)
    assert (told.at_s, told.started_at_s, told.running_s) == (started_at_s + 8 * 3600 + 20, started_at_s, 20.0)


def test_a_clock_that_begins_in_1970_ends_no_node_once_it_is_set(story, tmp_path):
    """Boards without a battery for their clock do; what was written down before NTP answered seems 56 years old."""
    health, clock, _ = story
    with closing(SqliteOutbox(tmp_path / "outbox.sqlite")) as box:
        box.put_event(event(1), 0.0)
    told = health.turn([SEES], SOUND, (), 0)
    assert (told.at_s, told.oldest_waiting_s) == (clock.wall_s(), 1e9)


def test_what_people_must_know_is_told_at_once_and_survives_the_journey(story):
    health, clock, power = story
    health.turn([SEES], SOUND, (), 0)
    power.write_text("50005\n")
    clock.now_s += MACHINE_S
    told = health.turn([SEES], {**SOUND, "worker_down": True}, (), 0)
    assert told.state == "degraded"
    assert [one.code for one in told.node_problems] == ["under_voltage", "worker_down"]
    assert told.problems == ("under_voltage", "worker_down")
    assert told.machine.under_voltage
    payload = codec.encode(topics.HEALTH, "box", told, clock.wall_s())
    assert codec.decode(topics.HEALTH.of("box"), payload).message == told


def test_a_warning_alone_impairs_nothing(story):
    health, clock, _ = story
    clock.now_s = datetime(2026, 12, 10, tzinfo=UTC).timestamp()
    told = health.turn([SEES], SOUND, (), 0)
    assert told.state == "ok"
    assert [(one.code, one.severity, one.subject) for one in told.node_problems] == [
        ("certificate_ends", "warning", "server.crt")
    ]
    assert told.node_problems[0].figure == pytest.approx(21, abs=1)


def test_the_certificate_that_the_broker_shows_counts_too(story):
    health, clock, _ = story
    told = health.turn([SEES], SOUND, (), 0, clock.now_s + 86_400)
    assert (told.node_problems[0].subject, told.node_problems[0].severity) == ("broker", "critical")


def test_a_renewed_certificate_is_noticed(story, tmp_path):
    health, clock, _ = story
    clock.now_s = datetime(2026, 12, 10, tzinfo=UTC).timestamp()
    assert health.turn([SEES], SOUND, (), 0).node_problems
    make_certificates(tmp_path / "tls", "127.0.0.1", datetime(2026, 12, 9, tzinfo=UTC))
    clock.now_s += CERTIFICATES_S
    assert not health.turn([SEES], SOUND, (), 0).node_problems


def test_a_blind_camera_impairs_the_node_and_is_no_problem_of_its_own(story):
    health, _, _ = story
    told = health.turn([SEES.model_copy(update={"state": "blind"})], SOUND, (), 0)
    assert (told.state, told.problems, told.node_problems) == ("degraded", ("camera_blind:gate",), ())


def test_staff_are_told_before_the_outbox_gives_anything_up_and_when_it_does(story, tmp_path):
    health, clock, _ = story
    outbox = health._outbox = SqliteOutbox(tmp_path / "small.sqlite", OutboxBounds(max_rows=200))

    def fill(revisions: range) -> list[tuple[str, str, float | None]]:
        for revision in revisions:
            outbox.put_event(event(1, revision, "updated"), clock.wall_s())
        clock.now_s += HEALTH_S
        told = health.turn([SEES], SOUND, (), 0)
        return [(one.code, one.severity, one.figure) for one in told.node_problems]

    assert fill(range(1, 150)) == []
    assert fill(range(150, 169)) == [("outbox_filling", "warning", 0.84)]
    assert fill(range(169, 210)) == [("outbox_full", "critical", None)]
    outbox.acknowledge(range(1, 300))
    assert fill(range(0)) == [("outbox_full", "critical", None)]  # what is gone is gone
    clock.now_s += 3600
    assert fill(range(0)) == []
    outbox.close()


def test_an_outbox_that_cant_be_read_or_was_begun_anew_is_told(story, monkeypatch):
    health, clock, _ = story

    def fail():
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(health._outbox, "figures", fail)
        (told,) = health.turn([SEES], SOUND, (), 0).node_problems
    assert (told.code, told.severity) == ("outbox_unreadable", "critical")
    aside = health._config.node.state_dir / "outbox-damaged-20261129T093000Z.sqlite"
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(b"x")
    clock.now_s += MACHINE_S
    (told,) = health.turn([SEES], SOUND, (), 0).node_problems
    assert (told.code, told.severity, told.subject) == ("outbox_damaged", "critical", aside.name)
    aside.unlink()  # somebody has taken it away
    clock.now_s += MACHINE_S
    assert health.turn([SEES], SOUND, (), 0).node_problems == ()


def test_files_that_wait_for_the_end_of_quiet_hours_are_told_as_that(story):
    health, clock, _ = story
    told = health.turn([SEES], {**SOUND, "uploads_quiet": 3.0}, (), 0)
    assert told.state == "ok"
    assert [(one.code, one.severity, one.figure) for one in told.node_problems] == [("uploads_quiet", "warning", 3.0)]
    clock.now_s += HEALTH_S
    assert health.turn([SEES], {**SOUND, "uploads_quiet": 0.0}, (), 0).node_problems == ()
