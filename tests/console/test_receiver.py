"""What the console's MQTT client does with messages, with the broker and with a database that is away."""

import dataclasses
import socket
import threading
import uuid

import paho.mqtt.client as mqtt
import pytest
from intake_messages import encoded, event, find
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import select
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from broker.contract import codec, topics
from console.ingest import receiver
from console.ingest.intake import Intake
from console.ingest.receiver import BrokerAddress, Receiver
from console.store.tables import change

pytestmark = pytest.mark.system


def _receiver(desk, tmp_path, intake) -> Receiver:
    (tmp_path / "password").write_text("x")
    return Receiver(BrokerAddress("127.0.0.1", 1, False, None, tmp_path / "password"), intake, desk.clock)


def _heard(topic: str, payload: bytes) -> mqtt.MQTTMessage:
    message = mqtt.MQTTMessage(1, topic.encode())
    message.payload, message.qos = payload, 1
    return message


@pytest.mark.parametrize(("left_s", "waited_s"), [(0, 0.0), (7, 7.0), (-3, 0.0), (None, None)])
def test_what_is_left_of_a_messages_expiry_tells_how_long_the_broker_kept_it(left_s, waited_s):
    message = _heard("a", b"")
    message.timestamp = mqtt.time_func()
    if left_s is not None:
        message.properties = Properties(PacketTypes.PUBLISH)
        message.properties.MessageExpiryInterval = topics.EXPIRES_AFTER_S - left_s
    told_s = receiver.waited_s(message)
    assert told_s == (None if waited_s is None else pytest.approx(waited_s, abs=1.0))


def test_a_database_that_goes_away_during_a_refusal_is_waited_for(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(receiver, "_RETRY_S", 0.0)
    topic, payload = encoded(event(1, "open"), 1)
    faults = [DataError("", {}, Exception()), OperationalError("", {}, Exception())]

    class Failing(Intake):
        def _commit(self, *_):
            raise faults.pop(0)

        def refuse(self, *words):
            if faults:
                raise faults.pop(0)
            return super().refuse(*words)

    verdict = _receiver(desk, tmp_path, Failing(desk.console.database, desk.clock))._verdict(
        _heard(topic, payload), threading.Event()
    )
    assert (verdict.sequence, verdict.refused_because) == (1, "can't be stored: DataError")


def test_an_event_is_not_refused_because_readers_have_every_connection(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(receiver, "_RETRY_S", 0.0)
    faults = [NoConnectionLeftError("QueuePool limit of size 10 overflow 10 reached, connection timed out")]

    class Crowded(Intake):
        def take(self, *words):
            if faults:
                raise faults.pop()
            return super().take(*words)

    ears = _receiver(desk, tmp_path, Crowded(desk.console.database, desk.clock))
    verdict = ears._verdict(_heard(*encoded(event(1, "open"), 1)), threading.Event())
    assert (faults, verdict.sequence, verdict.refused_because) == ([], 1, None)


def test_a_batch_is_one_transaction_and_one_bad_message_holds_up_no_other(desk, tmp_path):
    events = [event(1, "open", zone=None).model_copy(update={"event_id": str(uuid.UUID(int=n))}) for n in range(1, 5)]
    messages = [_heard(*encoded(one, number)) for number, one in enumerate(events, 1)]
    commits = []

    class Picky(Intake):
        def _commit(self, connection, received, *times):
            if received.sequence == 3:
                raise DataError("", {}, Exception())
            return super()._commit(connection, received, *times)

        def take(self, *words):
            commits.append("alone")
            return super().take(*words)

    ears = _receiver(desk, tmp_path, Picky(desk.console.database, desk.clock))
    verdicts = ears._verdicts(messages[:2], threading.Event())
    assert [one.sequence for one in verdicts] == [1, 2]
    assert commits == []
    verdicts = ears._verdicts(messages, threading.Event())
    assert [one.refused_because for one in verdicts] == [None, None, "can't be stored: DataError", None]
    assert len(commits) == 4
    assert [find(desk, one.event_id) is not None for one in events] == [True, True, False, True]
    with desk.console.database.read() as connection:
        feed = connection.execute(select(change.c.key).where(change.c.what == "opened").order_by(change.c.id))
        assert feed.scalars().all() == [events[n].event_id for n in (0, 1, 3)]


def test_a_receiver_that_dies_of_a_bug_ends_the_console(desk, tmp_path):
    class Broken(Intake):
        def take_all(self, *_):
            raise AttributeError("a bug")

    ears, ended = _receiver(desk, tmp_path, Broken(desk.console.database, desk.clock)), threading.Event()
    ears._inbox.put(_heard(*encoded(event(1, "open"), 1)))
    console = dataclasses.replace(desk.console, work={"receiver": ears.run}, threads=[], ended=threading.Event())
    console.start(on_crash=ended.set)
    assert ended.wait(30)
    assert console.crashed.is_set()
    console.stop()


def test_a_console_that_is_back_greets_every_outbox_once(desk, tmp_path):
    for node in ("n1", "n2"):
        desk.intake.take(*encoded(event(1, "open"), 1, node=node))
    ears, said = _receiver(desk, tmp_path, desk.intake), []

    class Client:
        def publish(self, topic, payload, qos):
            said.append((topic, codec.decode(topic, payload).message, qos))

    ears._greet(Client())
    assert said == []
    ears._fresh.set()
    ears._greet(Client())
    ears._greet(Client())
    assert sorted(topic for topic, _, _ in said) == [topics.ACK.of("n1"), topics.ACK.of("n2")]
    assert all((hello.outbox_id, hello.committed, hello.refused) == ("box", (), ()) for _, hello, _ in said)


def test_a_broker_that_is_not_there_is_told_once_with_place_cause_and_cure(desk, tmp_path, caplog):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "password").write_text("x")
    ears = Receiver(BrokerAddress("127.0.0.1", port, False, None, tmp_path / "password"), desk.intake, desk.clock)
    told, tell = threading.Event(), ears._tell_fault
    ears._tell_fault = lambda fault: (tell(fault), tell(fault), told.set())
    stop = threading.Event()
    thread = threading.Thread(target=ears.run, args=(stop,))
    thread.start()
    try:
        assert told.wait(30)
    finally:
        stop.set()
        thread.join(30)
    faults = [record.message for record in caplog.records if "can't be reached" in record.message]
    assert len(faults) == 1
    assert (
        f"the broker at 127.0.0.1:{port} can't be reached (Connection refused); check GATEHOUSE_CONSOLE_" in faults[0]
    )
