"""When the publisher sends again. That it delivers, through a broker that dies, is tests/system/test_node_system.py."""

import socket
import sqlite3
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from broker.contract import codec, topics
from broker.contract.messages import AcknowledgementMessage, HealthMessage
from edge.adapters.mqtt_publisher import RESEND_LONGEST_S, RESEND_S, BrokerAddress, MqttPublisher, Patience
from edge.adapters.outbox_mending import mended
from edge.adapters.outbox_rows import OutboxBounds
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import event


def test_a_console_that_is_away_for_a_day_is_not_buried_in_copies():
    patience, resent = Patience(), []
    patience.sent(0.0)
    for now_s in range(24 * 3600):
        if patience.is_over(now_s):
            resent.append(now_s)
            patience.sent(now_s)
    assert resent[:4] == [21, 62, 143, 304]
    assert len(resent) < 24 * 3600 / RESEND_LONGEST_S + 5


def test_an_answer_makes_it_quick_again():
    patience = Patience()
    patience.sent(0.0)
    for now_s in (1000.0, 2000.0, 3000.0):
        assert patience.is_over(now_s)
        patience.sent(now_s)
    assert not patience.is_over(3000.0 + RESEND_S + 1)
    patience.heard()
    assert patience.is_over(3000.0 + RESEND_S + 1)


def test_the_greeting_of_a_console_that_is_back_makes_everything_go_again_at_once(tmp_path):
    outbox = SqliteOutbox(tmp_path / "o.sqlite")
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "password")
    publisher = MqttPublisher("n1", address, outbox, SystemClock(), lambda _command: None, "1")
    for outbox_id, greeted in (("another", False), (outbox.outbox_id, True)):
        publisher._inbox.put(AcknowledgementMessage(outbox_id=outbox_id))
        assert publisher._take_acknowledgements() == set()
        assert publisher._fresh.is_set() == greeted
    outbox.close()


def test_health_tells_what_the_outbox_gave_up(tmp_path):
    outbox = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_rows=7))
    for revision in range(1, 9):
        outbox.put_event(event(1, revision, "updated"), 1.0)
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "password")
    publisher = MqttPublisher("n1", address, outbox, SystemClock(), lambda _command: None, "1")
    sent = []
    client = SimpleNamespace(publish=lambda topic, payload, **_how: sent.append(codec.decode(topic, payload).message))
    publisher.tell_health(HealthMessage(at_s=1.0, started_at_s=0.0, version="1", state="ok"))
    publisher._send_health(client)
    publisher._send_health(client)
    (told,) = sent
    assert (told.outbox_id, told.outbox_given_up) == (outbox.outbox_id, 7)
    outbox.close()


def test_a_broker_that_is_not_there_is_told_once_with_place_cause_and_cure(tmp_path, caplog):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "password").write_text("x")
    outbox = SqliteOutbox(tmp_path / "o.sqlite")
    address = BrokerAddress("127.0.0.1", port, "n1", tmp_path / "password", tls=False)
    publisher = MqttPublisher("n1", address, outbox, SystemClock(), lambda _command: None, "1")
    client, told = publisher._client(), threading.Semaphore(0)
    tell = publisher._tell_fault
    publisher._tell_fault = lambda fault: (tell(fault), told.release())
    client.reconnect_delay_set(1, 1)
    client.connect_async(address.host, address.port)
    client.loop_start()
    try:
        assert all(told.acquire(timeout=30) for _ in range(2))
    finally:
        client.loop_stop()
        outbox.close()
    (record,) = caplog.records
    assert f"the broker at 127.0.0.1:{port} can't be reached (Connection refused); check broker.host" in record.message


def test_a_disk_that_cant_be_read_for_a_while_ends_no_delivery(tmp_path, monkeypatch, caplog):
    (tmp_path / "password").write_text("x")
    outbox, stop = SqliteOutbox(tmp_path / "o.sqlite"), threading.Event()
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "password", tls=False)
    publisher = MqttPublisher("n1", address, outbox, SystemClock(), lambda _command: None, "1")
    faults = [sqlite3.OperationalError("disk I/O error")] * 3

    def turn(_client):
        if faults:
            raise faults.pop()
        stop.set()

    monkeypatch.setattr(publisher, "_turn", turn)
    monkeypatch.setattr("edge.adapters.mqtt_publisher.POLL_S", 0.01)
    publisher.run(stop)
    assert len([line for line in caplog.messages if "disk I/O error" in line]) == 1
    outbox.close()


def test_what_the_console_says_tells_its_clock_unless_it_has_none(tmp_path):
    clock, outbox = SystemClock(), SqliteOutbox(tmp_path / "o.sqlite")
    (tmp_path / "p").write_text("x")
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "p", False)
    publisher = MqttPublisher("n1", address, outbox, clock, lambda _command: None, "1")
    nothing = AcknowledgementMessage(outbox_id=outbox.outbox_id, committed=())

    def says(at_s, *, kept=False):
        payload = codec.encode(topics.ACK, "console", nothing, at_s)
        publisher._on_message(None, None, SimpleNamespace(topic=topics.ACK.of("n1"), payload=payload, retain=kept))

    assert publisher.console_at_s is None
    says(0.0)
    assert publisher.console_at_s is None
    says(1_780_000_000.0, kept=True)  # a calendar that has been with the broker for weeks tells no time
    assert publisher.console_at_s is None
    says(1_790_000_000.0)
    says(1_780_000_000.0, kept=True)
    assert 0 <= publisher.console_at_s - 1_790_000_000.0 < 10
    outbox.close()


def test_numbers_of_an_outbox_that_was_begun_anew_since_are_not_taken_for_its_own(tmp_path):
    path = tmp_path / "o.sqlite"
    outbox = SqliteOutbox(path)
    outbox.put_event(event(1), 1.0)
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "password")
    publisher = MqttPublisher("n1", address, outbox, SystemClock(), lambda _command: None, "1")
    publisher._connected.set()
    sent = []
    client = SimpleNamespace(publish=lambda topic, payload, **_how: sent.append(codec.decode(topic, payload)))
    publisher._turn(client)
    before = outbox.outbox_id
    outbox.exchange(lambda: mended(path, tmp_path / "evidence", 1.0))
    publisher._inbox.put(AcknowledgementMessage(outbox_id=before, committed=(1,)))
    publisher._turn(client)
    assert [(one.outbox_id, one.sequence) for one in sent] == [(before, 1), (outbox.outbox_id, 1)]
    assert outbox.figures().rows == 1
    outbox.close()


def test_what_was_written_before_the_clock_was_set_says_by_how_much(tmp_path):
    outbox, clock = SqliteOutbox(tmp_path / "o.sqlite"), SystemClock()
    ahead_s = clock.wall_s() - clock.monotonic_s()
    for number, moved_s in ((1, 0.0), (2, -10_800.0), (3, 40.0)):
        outbox.put_event(event(number), clock.wall_s(), ahead_s=ahead_s + moved_s)
    outbox.put_event(event(4), clock.wall_s())
    with sqlite3.connect(tmp_path / "o.sqlite") as db:
        db.execute("UPDATE message SET machine_run = 'an earlier one' WHERE sequence = 3")
    address = BrokerAddress("127.0.0.1", 1, "n1", tmp_path / "password")
    publisher = MqttPublisher("n1", address, outbox, clock, lambda _command: None, "1")
    told = [codec.decode(topic.of("n1"), payload) for topic, payload in map(publisher._encoded, outbox.waiting(0, 9))]
    assert [round(one.clock_set_s, 1) for one in told] == [0.0, 10_800.0, 0.0, 0.0]
    assert all(abs(one.sent_at_s - clock.wall_s()) < 10 for one in told)
    outbox.close()
