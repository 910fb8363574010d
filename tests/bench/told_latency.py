"""From an event that a box publishes to the mail at the server, in seconds: real mosquitto, console and SMTP.

python tests/bench/told_latency.py [NUMBER]
"""

import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import paho.mqtt.client as mqtt
from aiosmtpd.controller import Controller
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

sys.path.insert(0, str(Path(__file__).parents[1]))

import subprocess

from ports import free_port

from broker import installation
from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.app.factory import build
from console.app.settings import Settings
from console.app.system_clock import wall_s
from console.domain.alert import Severity
from console.domain.channel import ChannelKind
from console.domain.escalation import Duty, Ladder, LadderStep
from console.store import channels, ladders, nodes
from console.store.channels import Address, Contact
from console.store.ladders import SiteLadder


class Mailbox:
    """Notes when each mail came."""

    def __init__(self) -> None:
        self.came_at_s: list[float] = []
        self.came = threading.Event()

    async def handle_DATA(self, _server, _session, _envelope):
        self.came_at_s.append(time.monotonic())
        self.came.set()
        return "250 OK"


def main(number: int) -> None:
    """Prints p50, p95 and the longest, in seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        installation.make_folder(folder / "broker", "127.0.0.1", port, loopback=True)
        installation.add_account(folder / "broker", "n1")
        command = [sys.executable, "-m", "gatehouse", "broker", "run", str(folder / "broker")]
        broker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        box = Mailbox()
        server = Controller(box, hostname="127.0.0.1", port=free_port())
        server.start()
        secrets = folder / "broker" / "secrets"
        settings = Settings(
            folder=folder / "console",
            broker_port=port,
            broker_tls=False,
            broker_password_file=secrets / "console.password",
        )
        console = build(settings, wall_s)
        _set_up(console, server.port)
        console.start()
        assert console.receiver is not None
        assert console.receiver.connected.wait(20)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "n1", protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("n1", (secrets / "n1.password").read_text().strip())
        client.connect("127.0.0.1", port)
        client.loop_start()
        took = [_one(client, box, at) for at in range(number)]
        took.sort()
        at = {share: took[min(number - 1, int(share * number))] for share in (0.5, 0.95)}
        print(
            f"{number} alerts, event published -> mail at the server: p50 {at[0.5]:.2f} s, p95 {at[0.95]:.2f} s, "
            f"longest {took[-1]:.2f} s"
        )
        console.stop()
        server.stop()
        broker.kill()


def _set_up(console, smtp_port: int) -> None:
    seal = console.web.state.context.seal
    with console.database.write() as connection:
        nodes.add(connection, "n1", "School", "", wall_s())
        address = f"mailto://127.0.0.1:{smtp_port}?from=g@example.org&to={{to}}"
        way = channels.add(connection, seal, 1, "Mail", ChannelKind.EMAIL, address)
        who = channels.keep_contact(connection, Contact(0, 1, "Hùng", "vi", (Address(way, "hung@example.org"),)))
        ladder = Ladder((LadderStep("Guard", 0.0, (Duty(who),)),))
        ladders.keep(connection, SiteLadder(0, 1, frozenset(Severity), ladder))


def _one(client: mqtt.Client, box: Mailbox, at: int) -> float:
    box.came.clear()
    now_s = wall_s()
    facts = {"event_id": str(uuid.uuid4()), "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=now_s, captured_at_s=now_s, dwell_s=60)
    begun_s = time.monotonic()
    client.publish(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, now_s, "box", at + 1), qos=1)
    assert box.came.wait(30)
    return box.came_at_s[-1] - begun_s


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
