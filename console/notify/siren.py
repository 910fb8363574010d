"""One try to sound a siren: a word over MQTT to a relay, which counts as told only where somebody has heard it."""

import json
import ssl
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker.contract import topics
from console.domain.delivery import SIREN_S
from console.notify.apprise_sender import TryFailedError

TEST_S = 2
_PATIENCE_S = 10.0
_NOBODY_LISTENS = 16  # MQTT 5: "no matching subscribers"


@dataclass(frozen=True, slots=True)
class SirenBroker:
    """Where sirens listen: the broker of the boxes, with the console's account."""

    host: str
    port: int
    tls: bool
    ca_file: Path | None
    password_file: Path


class SirenSender:
    """Sounds sirens. A connection of its own for each: the one that hears the boxes is not for waiting on."""

    def __init__(self, broker: SirenBroker | None) -> None:
        """broker: None where the console has none."""
        self._broker = broker

    def send(self, name: str, *, is_test: bool, is_end: bool = False) -> None:
        """Returns once the relay's broker has handed it on. is_end: be silent. Raises TryFailedError.

        Each sounding says after how many seconds the relay ends it by itself: an end that is lost rings no night long.
        """
        if self._broker is None:
            raise TryFailedError("no_broker")
        said: list[Any] = []
        answered = threading.Event()

        def tell(word: Any) -> None:
            said.append(word)
            answered.set()

        client = self._client(self._broker)
        seconds = TEST_S if is_test else SIREN_S
        order = {"state": "off"} if is_end else {"state": "on", "seconds": seconds, "test": is_test}
        payload = json.dumps(order)

        def sound(_client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                tell(str(reason))
            else:
                client.publish(topics.siren(name), payload, qos=1)

        client.on_connect = sound
        client.on_publish = lambda _c, _d, _mid, reason, _p: tell(reason)
        try:
            client.connect_async(self._broker.host, self._broker.port, keepalive=20)
            client.loop_start()
            if not answered.wait(_PATIENCE_S):
                raise TryFailedError("broker_silent")
        finally:
            client.disconnect()
            client.loop_stop()
        self._judge(said[0])

    @staticmethod
    def _judge(word: Any) -> None:
        if isinstance(word, str):
            raise TryFailedError("broker_refuses", word)
        if word.value == _NOBODY_LISTENS:
            raise TryFailedError("siren_away")
        if word.is_failure:
            raise TryFailedError("broker_refuses", str(word))

    @staticmethod
    def _client(broker: SirenBroker) -> mqtt.Client:
        try:
            password = broker.password_file.read_text(encoding="utf-8").strip()
            context = ssl.create_default_context(cafile=str(broker.ca_file) if broker.ca_file else None)
        except OSError as error:
            raise TryFailedError("broker_files", str(error.strerror or error)) from None
        name = f"gatehouse-siren-{uuid.uuid4().hex[:8]}"
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("console", password)
        if broker.tls:
            client.tls_set_context(context)
        return client
