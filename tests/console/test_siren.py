"""A siren sounds over a real mosquitto with TLS, and counts as told only where its relay has heard it."""

import json
import queue
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, replace

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from ports import free_port

from broker import installation
from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import Severity
from console.domain.alert_work import Act, Step
from console.domain.channel import ChannelKind
from console.domain.delivery import SIREN_S, Result, State
from console.domain.escalation import Duty, Ladder, LadderStep
from console.notify.apprise_sender import TryFailedError
from console.notify.dispatcher import Dispatcher
from console.notify.siren import SirenBroker, SirenSender
from console.store import alert_work, channels, escalations, ladders, notifications, users
from console.store.channels import Address, Contact
from console.store.ladders import SiteLadder

pytestmark = pytest.mark.system


@pytest.fixture
def broker(tmp_path):
    folder, port = tmp_path / "broker", free_port()
    installation.make_folder(folder, "127.0.0.1", port, loopback=False)
    for name in ("gate", "yard"):
        installation.add_siren(folder, name)
    installation.add_account(folder, "n1")
    command = [sys.executable, "-m", "gatehouse", "broker", "run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 20
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        assert process.poll() is None, "the broker ended"
        assert time.monotonic() < deadline_s, "the broker does not listen"
        time.sleep(0.05)
    yield folder, port
    process.kill()
    process.wait(10)


def relay(folder, port, account: str, siren: str) -> tuple[mqtt.Client, queue.Queue]:
    """A relay that listens for a siren, as an account."""
    heard: queue.Queue = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, account, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(account, (folder / "secrets" / f"{account}.password").read_text().strip())
    client.tls_set(str(folder / "tls" / "ca.crt"))
    client.on_message = lambda _c, _d, message: heard.put(json.loads(message.payload))
    client.on_connect = lambda *_: client.subscribe(topics.siren(siren), 1)
    client.on_subscribe = lambda *_: heard.put("listening")
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert heard.get(timeout=10) == "listening"
    return client, heard


def test_a_siren_sounds_and_only_its_own_relay_hears_it(broker):
    folder, port = broker
    secret = folder / "secrets" / "console.password"
    sirens = SirenSender(SirenBroker("127.0.0.1", port, True, folder / "tls" / "ca.crt", secret))
    with pytest.raises(TryFailedError, match="siren_away"):
        sirens.send("gate", is_test=False)
    relays = [relay(folder, port, account, "gate") for account in ("siren-gate", "siren-yard", "n1")]
    sirens.send("gate", is_test=False)
    sirens.send("gate", is_test=True)
    (_, heard), *others = relays
    assert heard.get(timeout=10) == {"state": "on", "seconds": 30, "test": False}
    assert heard.get(timeout=10) == {"state": "on", "seconds": 2, "test": True}
    with pytest.raises(TryFailedError, match="siren_away"):  # nobody else was heard by mistake, either
        sirens.send("yard", is_test=False)
    assert all(one.empty() for _, one in others)
    for client, _ in relays:
        client.disconnect()
        client.loop_stop()
    secret.write_text("wrong\n")
    with pytest.raises(TryFailedError, match="broker_refuses"):
        sirens.send("gate", is_test=False)


@dataclass
class Gate:
    """A school whose ladder sounds the siren at its gate, and who listens there."""

    desk: object
    dispatcher: Dispatcher
    heard: queue.Queue
    guard: int
    sent: int = 0

    def ring(self) -> str:
        self.sent += 1
        event_id, now_s = str(uuid.UUID(int=self.sent)), self.desk.clock()
        facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": "intrusion", "camera": "gate"}
        event = EventMessage(**facts, severity="high", opened_at_s=now_s, captured_at_s=now_s)
        self.desk.intake.take(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, now_s, "box", self.sent))
        return event_id

    def turn(self, after_s: float = 0.0) -> list[str]:
        """What the relay has been told after everything was sent."""
        self.desk.clock.now_s += after_s
        deadline_s = time.monotonic() + 20
        self.dispatcher.turn()
        while not self.dispatcher.is_idle():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
            self.dispatcher.turn()
        told = []
        while not self.heard.empty():
            told.append(self.heard.get()["state"])
        return told

    def act(self, event_id: str, step: Step) -> None:
        with self.desk.console.database.write() as connection:
            (outcome,) = alert_work.act(connection, [event_id], Act(step, self.guard), self.desk.clock())
        assert not outcome.refused

    def ends(self, event_id: str) -> list[State]:
        with self.desk.console.database.read() as connection:
            return [one.state for one in notifications.of_alert(connection, event_id) if one.is_end]


@pytest.fixture
def gate(desk, broker):
    folder, port = broker
    secret = folder / "secrets" / "console.password"
    known = desk.console.work["dispatcher"].__self__
    siren = SirenSender(SirenBroker("127.0.0.1", port, True, folder / "tls" / "ca.crt", secret))
    senders = replace(known._senders, siren=siren)
    dispatcher = Dispatcher(known._database, senders, known._compose, desk.clock, known._local_of)
    with desk.console.database.write() as connection:
        way = channels.add(connection, senders.seal, 1, "Còi cổng", ChannelKind.SIREN, "siren://gate")
        person = channels.keep_contact(connection, Contact(0, 1, "Trực ban", "vi", (Address(way, ""),)))
        steps = (LadderStep("Còi", 0.0, (Duty(person),)),)
        ladders.keep(connection, SiteLadder(0, 1, frozenset(Severity), Ladder(steps)))
        guard = users.add(connection, "Lan", "x", Role.GUARD, desk.clock()).id
    client, heard = relay(folder, port, "siren-gate", "gate")
    yield Gate(desk, dispatcher, heard, guard)
    client.disconnect()
    client.loop_stop()


def test_a_siren_is_silent_once_somebody_has_the_alert_unless_another_one_still_calls(gate):
    first = gate.ring()
    assert gate.turn() == ["on"]
    gate.act(first, Step.ACKNOWLEDGE)
    assert gate.turn(3) == ["off"]
    gate.act(first, Step.START)
    assert gate.turn(3) == []
    assert gate.ends(first) == [State.SENT]
    page = gate.desk.browser(Role.GUARD).get(f"/alerts/{first}", headers={"Accept-Language": "vi"}).text
    assert "tắt còi" in page
    second, third = gate.ring(), gate.ring()
    assert gate.turn() == ["on", "on"]
    gate.act(second, Step.ACKNOWLEDGE)
    assert gate.turn(1) == []
    assert gate.ends(second) == [State.STOPPED]
    gate.act(third, Step.ACKNOWLEDGE)
    assert gate.turn(1) == ["off"]
    late = gate.ring()
    assert gate.turn() == ["on"]
    gate.desk.clock.now_s += SIREN_S + 1  # the relay has ended it by itself
    gate.act(late, Step.ACKNOWLEDGE)
    assert gate.turn() == []
    assert gate.ends(late) == []


def test_one_taken_on_while_the_siren_is_being_told_ends_after_it(gate):
    event_id, database = gate.ring(), gate.desk.console.database
    with database.write() as connection:
        escalations.advance_due(connection, gate.desk.clock(), gate.dispatcher._local_of)
        (due,) = notifications.due(connection, gate.desk.clock(), (), 10)
        assert notifications.take(connection, due.id, gate.desk.clock())
    gate.act(event_id, Step.ACKNOWLEDGE)
    assert gate.ends(event_id) == []
    with database.write() as connection:
        sent = notifications.Try(gate.desk.clock(), 0.1, Result.SENT, "")
        notifications.finish(connection, due.id, gate.desk.clock(), sent, gate.desk.clock())
    assert gate.turn(1) == ["off"]
    assert gate.ends(event_id) == [State.SENT]
