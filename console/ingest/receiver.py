"""The console's MQTT client: hears every node, acknowledges only after the commit."""

import logging
import queue
import ssl
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from broker.contract import codec, topics
from broker.contract.messages import AcknowledgementMessage, CommandMessage, NumberSpan, Refusal
from console.ingest.intake import Intake, Verdict

log = logging.getLogger(__name__)

_SHARE = "$share/gatehouse-console/"  # MQTT 5: each message goes to one of those who subscribe so
_SESSION_S = 60 * 24 * 3600  # the broker keeps messages for us so long while we are away
_BATCH = 100  # messages in one transaction: a fraction of a second, for which who acknowledges an alert waits
_RETRY_S = 1.0
# Of the database, not of the message; also that a crowd of readers has every connection to it.
_AWAY = (OperationalError, InterfaceError, NoConnectionLeftError)
ASK_S = 10.0  # between two questions for what is missing


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is; the password is read from its file."""

    host: str
    port: int
    tls: bool
    ca_file: Path | None
    password_file: Path
    protocol: str = "5"


def waited_s(message: mqtt.MQTTMessage) -> float | None:
    """Seconds since a node's message arrived at the broker, to one; None where that isn't told (MQTT 3.1.1)."""
    left_s = getattr(message.properties, "MessageExpiryInterval", None)
    if left_s is None:
        return None
    here_s = mqtt.time_func() - message.timestamp
    return float(max(0, topics.EXPIRES_AFTER_S - left_s) + here_s)


def _is_numbered(topic: str) -> bool:
    try:
        return topics.parse(topic)[1].numbered
    except ValueError:
        return True  # to be kept aside


class Receiver:
    """Runs the intake. `run` is the whole life of its thread."""

    def __init__(
        self, address: BrokerAddress, intake: Intake, wall_s: Callable[[], float], *, beside: bool = False
    ) -> None:
        """beside: takes its share of events and evidence off another process, which hears all the rest (MQTT 5).

        Raises OSError where a file of `address` can't be read or used.
        """
        self._address, self._intake, self._wall_s, self._beside = address, intake, wall_s, beside
        self._inbox: queue.Queue[mqtt.MQTTMessage] = queue.Queue(maxsize=10_000)
        self._client = self._make_client()
        self.connected = threading.Event()
        self._fault, self._asked_at_s = "", float("-inf")
        self.connections = 0  # made so far
        self._fresh = threading.Event()  # a connection was made, and the nodes have not been greeted over it

    def run(self, stop: threading.Event) -> None:
        """Takes messages in until `stop`. A database that is away is tried again; nothing is acknowledged meanwhile."""
        client = self._client
        client.reconnect_delay_set(1, 30)
        properties = None
        if self._address.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
            properties.SessionExpiryInterval = 0 if self._beside else _SESSION_S
        client.connect_async(
            self._address.host,
            self._address.port,
            keepalive=20,
            clean_start=False if properties else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        client.loop_start()
        try:
            while not stop.is_set():
                self._greet(client)
                self._ask(client)
                batch = self._batch()
                verdicts = self._verdicts(batch, stop)
                if not stop.is_set():
                    self._acknowledge(client, batch, verdicts)
        finally:
            client.disconnect()
            client.loop_stop()

    def send_still(self, node: str, camera: str) -> bool:
        """Asks a node for a fresh picture; False where the broker is away."""
        if not self.connected.is_set():
            return False
        now_s = self._wall_s()
        command = CommandMessage(command_id=str(uuid.uuid4()), command="send_still", camera=camera, at_s=now_s)
        payload = codec.encode(topics.COMMAND, "console", command, now_s)
        self._client.publish(topics.COMMAND.of(node), payload, qos=topics.COMMAND.qos)
        return True

    def leave(self, topic: topics.Topic, node: str, payload: bytes) -> bool:
        """Leaves a box with the broker what counts from now on; False where that is away."""
        if not self.connected.is_set():
            return False
        told = self._client.publish(topic.of(node), payload, topic.qos, retain=topic.retained)
        return told.rc == mqtt.MQTT_ERR_SUCCESS

    def _make_client(self) -> mqtt.Client:
        v5 = self._address.protocol == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gatehouse-console-{uuid.uuid4()}" if self._beside else "gatehouse-console",
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            clean_session=None if v5 else False,
            manual_ack=True,
        )
        client.username_pw_set("console", self._address.password_file.read_text(encoding="utf-8").strip())
        if self._address.tls:
            ca_file = str(self._address.ca_file) if self._address.ca_file else None
            client.tls_set_context(ssl.create_default_context(cafile=ca_file))
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._on_subscribe()
        client.on_connect_fail = lambda _client, _data: self._on_connect_fail(sys.exception())
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _client, _data, message: self._inbox.put(message)
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._tell_fault(f"the broker refuses the console: {reason}; check GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE")
            return
        self._fault = ""
        of_nodes = [topic for topic in topics.TOPICS if topic.written_by == "node"]
        shared = [topic for topic in of_nodes if topic.numbered] if self._address.protocol == "5" else []
        if shared:  # a session from before this was so
            client.unsubscribe([topic.of_every_node for topic in shared])
        client.subscribe(
            [(f"{_SHARE if topic in shared else ''}{topic.of_every_node}", topic.qos) for topic in of_nodes]
        )

    def _on_subscribe(self) -> None:
        """From here on the broker hands on what nodes say; what they told a moment before nobody may have heard."""
        self.connections += 1
        self._fresh.set()
        self.connected.set()
        log.info("connected to the broker")

    def _on_connect_fail(self, error: BaseException | None) -> None:
        """In paho's thread, while it handles the error; it tries again by itself."""
        why, place = getattr(error, "strerror", None) or error, f"{self._address.host}:{self._address.port}"
        cure = "check GATEHOUSE_CONSOLE_BROKER_HOST, _PORT, _TLS and _CA_FILE, and that it runs; it is tried again"
        self._tell_fault(f"the broker at {place} can't be reached ({why}); {cure}")

    def _tell_fault(self, fault: str) -> None:
        if fault != self._fault:  # a fault that lasts is told once
            log.error(fault)
        self._fault = fault

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.connected.is_set():
            log.warning("the broker is gone: %s", reason)
        self.connected.clear()

    def _greet(self, client: mqtt.Client) -> None:
        """Acknowledges nothing to every outbox: a node that has waited in vain hears that it can send again."""
        if self._beside or not self._fresh.is_set():
            return
        self._fresh.clear()
        try:
            known = self._intake.outboxes()
        except SQLAlchemyError:
            return  # the nodes send again by themselves, later
        for node, outbox_id in known:
            hello = AcknowledgementMessage(outbox_id=outbox_id, committed=(), refused=())
            client.publish(topics.ACK.of(node), codec.encode(topics.ACK, "console", hello, self._wall_s()), qos=1)

    def _ask(self, client: mqtt.Client) -> None:
        """Asks the nodes for what is missing, again and again until it comes or they say that it never will."""
        now_s = self._wall_s()
        if self._beside or not self.connected.is_set() or 0 <= now_s - self._asked_at_s < ASK_S:
            return
        self._asked_at_s = now_s
        try:
            missed = self._intake.wanted()
        except SQLAlchemyError:
            return
        for one in missed:
            spans = tuple(NumberSpan(first=first, last=last) for first, last in one.spans)
            question = AcknowledgementMessage(outbox_id=one.outbox_id, committed=(), refused=(), wanted=spans)
            payload = codec.encode(topics.ACK, "console", question, now_s)
            client.publish(topics.ACK.of(one.node), payload, qos=topics.ACK.qos)

    def _verdicts(self, batch: list[mqtt.MQTTMessage], stop: threading.Event) -> list[Verdict | None]:
        """Takes a batch in as a whole; each alone where that fails, so that one holds up no other."""
        if self._beside:
            for one in batch:
                if not _is_numbered(one.topic):
                    self._intake.overhear(one.topic, waited_s(one))
            batch = [one for one in batch if _is_numbered(one.topic)]
        if not batch:
            return []
        try:
            return self._intake.take_all([(one.topic, bytes(one.payload), waited_s(one)) for one in batch])
        except (SQLAlchemyError, OverflowError, ValueError):
            return [self._verdict(message, stop) for message in batch]

    def _verdict(self, message: mqtt.MQTTMessage, stop: threading.Event) -> Verdict | None:
        """Takes one message in, however long the database is away; one that it can't hold is refused for good.

        Raises what even its refusal raises: that is a fault of this program.
        """
        payload, fault = bytes(message.payload), ""
        while not stop.is_set():
            try:
                if fault:
                    return self._intake.refuse(message.topic, payload, fault)
                return self._intake.take(message.topic, payload, waited_s(message))
            except _AWAY as error:
                log.error("the database is away (%s); messages wait", type(error).__name__)
                stop.wait(_RETRY_S)
            except (SQLAlchemyError, OverflowError, ValueError) as error:
                if fault:
                    raise
                fault = f"can't be stored: {type(error).__name__}"
                log.error("a message %s", fault)
        return None

    def _batch(self) -> list[mqtt.MQTTMessage]:
        try:
            batch = [self._inbox.get(timeout=0.2)]
        except queue.Empty:
            return []
        while len(batch) < _BATCH and not self._inbox.empty():
            batch.append(self._inbox.get_nowait())
        return batch

    def _acknowledge(self, client: mqtt.Client, batch: list[mqtt.MQTTMessage], verdicts: list[Verdict | None]) -> None:
        for message in batch:
            client.ack(message.mid, message.qos)
        by_outbox: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            if verdict is not None:
                by_outbox[verdict.node, verdict.outbox_id].append(verdict)
        for (node, outbox_id), told in by_outbox.items():
            answer = AcknowledgementMessage(
                outbox_id=outbox_id,
                committed=tuple(one.sequence for one in told if one.refused_because is None),
                refused=tuple(
                    Refusal(sequence=one.sequence, reason=one.refused_because[:300])
                    for one in told
                    if one.refused_because is not None
                ),
            )
            client.publish(topics.ACK.of(node), codec.encode(topics.ACK, "console", answer, self._wall_s()), qos=1)
