"""When the publisher sends again. That it delivers, through a broker that dies, is tests/system/test_node_system.py."""

import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from broker.contract import codec
from broker.contract.messages import AcknowledgementMessage, HealthMessage
from edge.adapters.mqtt_publisher import RESEND_LONGEST_S, RESEND_S, BrokerAddress, MqttPublisher, Patience
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
