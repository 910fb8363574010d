"""Tells the console what stands in the outbox, and hears its acknowledgements and commands.

The outbox drives: a row is sent, and sent again after `RESEND_S` or a reconnect, until the console acknowledges it.
Each time in vain doubles the wait, for the broker keeps every copy for a console that is away; an acknowledgement of
nothing is the console's greeting when it is back. What it says it misses is sent again at once; what can never come is
told with the next health message. paho's own queue only holds what is in flight, so nothing depends on its memory.
"""

import logging
import queue
import sqlite3
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker.contract import codec, topics
from broker.contract.holds import HeldMessage, HoldsMessage
from broker.contract.messages import (
    AbsentNumbers,
    AcknowledgementMessage,
    CommandMessage,
    HealthMessage,
    NumberSpan,
    StatusMessage,
)
from broker.contract.schedule import ScheduleMessage
from edge.adapters.outbox_rows import OutboxRow
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.core.clock_doubt import PLAUSIBLE_AT_S
from edge.core.ports import Clock

log = logging.getLogger(__name__)

POLL_S = 0.1  # how soon a worker's row is noticed
RESEND_S, RESEND_LONGEST_S = 20.0, 300.0
MOST_ABSENT = 3000  # spans in a message; the console asks again for the rest
WINDOW = 200  # rows sent and not yet acknowledged

Order = CommandMessage | ScheduleMessage | HoldsMessage  # what the console sends besides acknowledgements


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to sign in. The password stays out of repr."""

    host: str
    port: int
    username: str
    password_file: Path
    tls: bool = True
    ca_file: Path | None = None
    protocol: Literal["5", "3.1.1"] = "5"


def make_client(address: BrokerAddress, client_id: str) -> mqtt.Client:
    """A paho client for `address`, signed in but not connected. Raises OSError where a secret can't be read."""
    version = MQTTProtocolVersion.MQTTv5 if address.protocol == "5" else MQTTProtocolVersion.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version)
    client.username_pw_set(address.username, address.password_file.read_text(encoding="utf-8").strip())
    if address.tls:
        context = ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
        client.tls_set_context(context)
    client.connect_timeout = 5.0
    return client


def _certificate_end(connection: object) -> float | None:
    """UTC seconds at which the certificate of the other side of a TLS connection ends."""
    told = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    return float(ssl.cert_time_to_seconds(str(told["notAfter"]))) if told else None


class Patience:
    """When rows that nobody acknowledged are to be sent again."""

    def __init__(self) -> None:
        self._wait_s, self._since_s = RESEND_S, 0.0

    def sent(self, now_s: float) -> None:
        """New rows went out."""
        self._since_s = now_s

    def heard(self) -> None:
        """The console acknowledged something, or the connection is a new one: it may hear us now."""
        self._wait_s = RESEND_S

    def is_over(self, now_s: float) -> bool:
        """Whether it is time to send again; if so, the next wait is twice as long."""
        if now_s - self._since_s <= self._wait_s:
            return False
        self._wait_s = min(2 * self._wait_s, RESEND_LONGEST_S)
        return True


class MqttPublisher:
    """Delivers the outbox of one node. `run` is the whole life of its thread."""

    def __init__(
        self,
        node: str,
        address: BrokerAddress,
        outbox: SqliteOutbox,
        clock: Clock,
        on_command: Callable[[Order], None],
        version: str,
        announcements: Mapping[str, bytes] | None = None,
    ) -> None:
        """on_command: is told what the console asks for or orders, in paho's thread.

        announcements: topic -> what is told on it, retained, at each connection; empty takes it back."""
        self._announcements = announcements or {}
        self._node, self._outbox, self._clock, self._version = node, outbox, clock, version
        self._address, self._on_command = address, on_command
        self._inbox: queue.SimpleQueue[AcknowledgementMessage] = queue.SimpleQueue()
        self._health: HealthMessage | None = None
        self._told: HealthMessage | None = None  # the last one, to be told again with an answer
        self._wanted: list[NumberSpan] = []
        self._absent: list[AbsentNumbers] = []
        self._held: HeldMessage | None = None
        self._held_due = False
        self._health_lock = threading.Lock()
        self._connected = threading.Event()
        self._fresh = threading.Event()  # broker or console came back since the last turn
        self._after, self._in_flight, self._sending_from = 0, set[int](), outbox.outbox_id
        self._patience = Patience()
        self._outbox_fault = ""
        self.fault = "not connected yet"
        self.certificate_ends_at_s: float | None = None  # of the broker, as it showed it last
        self._console_ahead_s: float | None = None

    @property
    def console_at_s(self) -> float | None:
        """UTC seconds by the console's clock, as of its last word; None before the first."""
        return None if self._console_ahead_s is None else self._clock.monotonic_s() + self._console_ahead_s

    @property
    def connected(self) -> bool:
        """Whether the broker listens."""
        return self._connected.is_set()

    def tell_health(self, message: HealthMessage) -> None:
        """Publishes `message` with the next turn, with what the outbox gave up; a newer one replaces an unsent one."""
        with self._health_lock:
            self._health = message

    def tell_held(self, message: HeldMessage) -> None:
        """Publishes `message` with the next turn, and again where broker or console come back."""
        with self._health_lock:
            self._held, self._held_due = message, True

    def run(self, stop: threading.Event) -> None:
        """Delivers until `stop`; then says 'offline' and goes."""
        client = self._client()
        # paho reconnects by itself, waiting longer each time, from 1 to 30 s.
        client.reconnect_delay_set(1, 30)
        client.connect_async(self._address.host, self._address.port, keepalive=20)
        client.loop_start()
        try:
            while not stop.wait(POLL_S):
                try:
                    self._turn(client)
                    self._tell_outbox_fault("")
                except sqlite3.Error as error:  # a disk that can't be read: what waits is tried again
                    self._tell_outbox_fault(f"the outbox can't be read: {error}")
                    if self.connected:
                        self._send_health(client)
        finally:
            self._leave(client)

    def _turn(self, client: mqtt.Client) -> None:
        """Raises sqlite3.Error."""
        if self._outbox.outbox_id != self._sending_from:  # begun anew; these numbers are of the one before
            self._wanted.clear()
            self._absent.clear()
            self._fresh.set()
        acknowledged = self._take_acknowledgements()
        self._in_flight -= acknowledged
        fresh = self._fresh.is_set()
        if acknowledged or fresh:
            self._patience.heard()
        if not self.connected:
            return
        if fresh or (self._in_flight and self._patience.is_over(self._clock.monotonic_s())):
            self._fresh.clear()
            self._after, self._sending_from = 0, self._outbox.outbox_id
            self._in_flight.clear()
        self._in_flight |= self._answer(client)
        self._send_health(client)
        self._send_held(client, again=fresh)
        free = WINDOW - len(self._in_flight)
        rows = self._outbox.waiting(self._after, free) if free > 0 else []
        for row in rows:
            self._publish(client, *self._encoded(row))
            self._in_flight.add(row.sequence)
        if rows:
            self._after = rows[-1].sequence
            self._patience.sent(self._clock.monotonic_s())

    def _client(self) -> mqtt.Client:
        client = make_client(self._address, f"gatehouse-node-{self._node}")
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda _client, _data: self._on_connect_fail(sys.exception())
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        will = StatusMessage(status="offline", at_s=self._clock.wall_s(), version=self._version)
        client.will_set(
            topics.STATUS.of(self._node),
            codec.encode(topics.STATUS, self._node, will, self._clock.wall_s()),
            qos=topics.STATUS.qos,
            retain=True,
        )
        return client

    def _encoded(self, row: OutboxRow) -> tuple[topics.Topic, bytes]:
        topic = topics.EVENT if row.kind == "event" else topics.EVIDENCE
        now_s = self._clock.wall_s()
        set_s = 0.0 if row.ahead_s is None else now_s - self._clock.monotonic_s() - row.ahead_s
        number = (row.outbox_id, row.sequence)
        return topic, codec.encode(topic, self._node, row.message, now_s, *number, clock_set_s=set_s)

    def _publish(self, client: mqtt.Client, topic: topics.Topic, payload: bytes) -> mqtt.MQTTMessageInfo:
        properties = None
        if self._address.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = topics.EXPIRES_AFTER_S
        return client.publish(
            topic.of(self._node), payload, qos=topic.qos, retain=topic.retained, properties=properties
        )

    def _send_status(self, client: mqtt.Client, status: Literal["online", "offline"]) -> mqtt.MQTTMessageInfo:
        message = StatusMessage(status=status, at_s=self._clock.wall_s(), version=self._version)
        return self._publish(client, topics.STATUS, codec.encode(topics.STATUS, self._node, message, message.at_s))

    def _send_health(self, client: mqtt.Client) -> None:
        with self._health_lock:
            message, self._health = self._health, None
        if message is None and self._absent:
            message = self._told
        if message is not None:
            self._told = message
            absent = {"outbox_absent": tuple(self._absent[:MOST_ABSENT])}
            message = message.model_copy(update={**self._of_outbox(), **absent})
            self._absent.clear()
            self._publish(client, topics.HEALTH, codec.encode(topics.HEALTH, self._node, message, self._clock.wall_s()))

    def _send_held(self, client: mqtt.Client, *, again: bool) -> None:
        with self._health_lock:
            message = self._held if self._held_due or again else None
            self._held_due = False
        if message is not None:
            self._publish(client, topics.HELD, codec.encode(topics.HELD, self._node, message, self._clock.wall_s()))

    def _of_outbox(self) -> dict[str, Any]:
        try:
            return {"outbox_id": self._outbox.outbox_id, "outbox_given_up": self._outbox.figures().given_up}
        except sqlite3.Error:  # health is told all the same: it says that the outbox can't be read
            return {"outbox_id": self._outbox.outbox_id}

    def _take_acknowledgements(self) -> set[int]:
        """Drops the rows that the console is done with; returns their numbers."""
        done: set[int] = set()
        while not self._inbox.empty():
            message = self._inbox.get_nowait()
            if message.outbox_id != self._outbox.outbox_id:
                continue
            self._wanted += message.wanted
            if not (message.committed or message.refused or message.wanted):
                self._fresh.set()  # the console has come back and greets: what it did not answer is sent again now
            self._outbox.acknowledge(message.committed, message.outbox_id)
            for refusal in message.refused:
                log.error("the console refuses message %d for good: %s", refusal.sequence, refusal.reason)
                self._outbox.refuse(refusal.sequence, refusal.reason, message.outbox_id)
            done.update(message.committed, (refusal.sequence for refusal in message.refused))
        return done

    def _answer(self, client: mqtt.Client) -> set[int]:
        """Sends again what the console misses, and notes what never comes; returns the numbers that are sent."""
        sent: set[int] = set()
        wanted, self._wanted = self._wanted, []
        for span in wanted:
            rows, absent = self._outbox.answer(span.first, span.last, WINDOW - len(sent))
            for row in rows:
                self._publish(client, *self._encoded(row))
                sent.add(row.sequence)
            self._absent += absent
        return sent

    def _leave(self, client: mqtt.Client) -> None:
        if self.connected:
            self._send_status(client, "offline").wait_for_publish(2)
        client.disconnect()
        client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._tell_fault(f"the broker refuses this node: {reason}; check broker.password_file")
            return
        self.fault = ""
        self.certificate_ends_at_s = _certificate_end(client.socket())
        orders = (topics.ACK, topics.COMMAND, topics.SCHEDULE, topics.HOLDS)
        client.subscribe([(topic.of(self._node), 1) for topic in orders])
        self._send_status(client, "online")
        for topic, payload in self._announcements.items():
            client.publish(topic, payload, qos=1, retain=True)
        self._fresh.set()
        self._connected.set()
        log.info("connected to the broker")

    def _on_connect_fail(self, error: BaseException | None) -> None:
        """In paho's thread, while it handles the error; it tries again by itself."""
        why, place = getattr(error, "strerror", None) or error, f"{self._address.host}:{self._address.port}"
        cure = "check broker.host, broker.port and broker.ca_file; events wait in the outbox"
        self._tell_fault(f"the broker at {place} can't be reached ({why}); {cure}")

    def _tell_outbox_fault(self, fault: str) -> None:
        if fault and not self._outbox_fault:
            log.error("%s; it is tried again", fault)
        elif self._outbox_fault and not fault:
            log.info("the outbox can be read again")
        self._outbox_fault = fault

    def _tell_fault(self, fault: str) -> None:
        if fault != self.fault:
            log.error(fault)
        self.fault = fault

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._connected.is_set():
            log.warning("the broker is gone: %s; events wait in the outbox", reason)
            self.fault = f"the broker is gone: {reason}"
        self._connected.clear()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            received = codec.decode(message.topic, bytes(message.payload))
        except codec.DecodeError as error:
            log.warning("a message on %s was not understood: %s", message.topic, error)
            return
        if received.sent_at_s > PLAUSIBLE_AT_S and not message.retain:  # what the broker keeps is weeks old
            self._console_ahead_s = received.sent_at_s - self._clock.monotonic_s()
        if isinstance(received.message, AcknowledgementMessage):
            self._inbox.put(received.message)
        elif isinstance(received.message, Order):
            self._on_command(received.message)
