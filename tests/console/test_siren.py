"""A siren sounds over a real mosquitto with TLS, and counts as told only where its relay has heard it."""

import json
import queue
import socket
import subprocess
import sys
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from ports import free_port

from broker import installation
from broker.contract import topics
from console.notify.apprise_sender import TryFailedError
from console.notify.siren import SirenBroker, SirenSender

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
    with pytest.raises(TryFailedError, match="not connected"):
        sirens.send("gate", is_test=False)
    relays = [relay(folder, port, account, "gate") for account in ("siren-gate", "siren-yard", "n1")]
    sirens.send("gate", is_test=False)
    sirens.send("gate", is_test=True)
    (_, heard), *others = relays
    assert heard.get(timeout=10) == {"state": "on", "seconds": 30, "test": False}
    assert heard.get(timeout=10) == {"state": "on", "seconds": 2, "test": True}
    with pytest.raises(TryFailedError, match="not connected"):  # nobody else was heard by mistake, either
        sirens.send("yard", is_test=False)
    assert all(one.empty() for _, one in others)
    for client, _ in relays:
        client.disconnect()
        client.loop_stop()
    secret.write_text("wrong\n")
    with pytest.raises(TryFailedError, match="refuses the console"):
        sirens.send("gate", is_test=False)
