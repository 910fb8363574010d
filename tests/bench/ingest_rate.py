"""How many events a second the console takes in: a real broker, a real console, boxes that tell of events by seed.

    python tests/bench/ingest_rate.py --rate 1000 --seconds 60 --processes 2 --database postgresql

The events open (`--revisions 3`: and grow, and close) before `--boxes` of eight cameras. Printed: lost, doubled, out of
order within a camera, and how long after it was told an event stood in the database (p50, p95, most). Exits with 1
where one is lost, doubled or out of order, or where the console did not keep up.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parents[1]))

from ports import free_port
from private_postgres import private_postgres

from broker import installation
from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.store import deliveries, nodes
from console.store.changes import KEEP
from console.store.database import Database, open_database
from console.store.schema import migrate
from console.store.tables import change, event

CAMERAS = 8
STEPS = ("open", "updated", "closed")
PLACES = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
SETTLE_S = 30.0
KEPT_UP_S = 5.0
MUST_BE_NONE = ("lost", "doubled", "out_of_order")


@dataclass
class Told:
    """What the boxes told: UTC seconds at which each event was first told, by its id, in order for each camera."""

    at_s: dict[str, float] = field(default_factory=dict)
    of_camera: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))


class Boxes:
    """Many boxes on one connection, which no broker's rule allows: the broker of this measurement asks for no names."""

    def __init__(self, port: int, names: list[str], revisions: int) -> None:
        self._names, self._steps, self.told = names, STEPS[:revisions], Told()
        self._sequence = dict.fromkeys(names, 0)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "boxes", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.max_inflight_messages_set(1000)
        self._properties = Properties(PacketTypes.PUBLISH)
        self._properties.MessageExpiryInterval = topics.EXPIRES_AFTER_S
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def tell(self, number: int) -> None:
        """All that is told of one event."""
        name, camera = self._names[number % len(self._names)], number // len(self._names) % CAMERAS
        event_id, now_s = str(uuid.UUID(int=number + 1)), time.time()
        self.told.of_camera[name, camera].append(event_id)
        self.told.at_s[event_id] = now_s
        for revision, state in enumerate(self._steps, 1):
            facts = {"event_id": event_id, "revision": revision, "state": state, "rule": "loitering", "zone": "fence"}
            times = {"opened_at_s": now_s, "captured_at_s": now_s, "dwell_s": 30.0 * revision}
            times |= {"closed_at_s": now_s} if state == "closed" else {}
            message = EventMessage(**facts, camera=f"camera-{camera}", **times)
            self._sequence[name] += 1
            payload = codec.encode(topics.EVENT, name, message, now_s, f"of-{name}", self._sequence[name])
            self._send(name, self._sequence[name], payload)

    def _send(self, name: str, _sequence: int, payload: bytes) -> None:
        self._client.publish(topics.EVENT.of(name), payload, qos=1, properties=self._properties)

    def close(self) -> None:
        """Waits for what is on its way."""
        self._client.disconnect()
        self._client.loop_stop()


def make_boxes(database: Database, count: int) -> list[str]:
    """Their names; each at a school of its own."""
    migrate(database)
    names = [f"box-{number}" for number in range(count)]
    with database.write() as connection:
        for name in names:
            nodes.add(connection, name, f"School of {name}", "", time.time())
    return names


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Mosquitto as Gatehouse sets it up, but that it takes everybody. Its port."""
    port = free_port()
    installation.make_folder(folder, "127.0.0.1", port, loopback=True)
    conf = folder / "mosquitto.conf"
    kept = [line for line in conf.read_text().splitlines() if not line.startswith(("password_file", "acl_file"))]
    conf.write_text("\n".join(kept).replace("allow_anonymous false", "allow_anonymous true") + "\nuser root\n")
    with subprocess.Popen([shutil.which("mosquitto", path=PLACES) or "mosquitto", "-c", conf]) as running:
        time.sleep(1.0)
        try:
            yield port
        finally:
            running.terminate()


@contextmanager
def console(
    folder: Path, broker_port: int, database: str, processes: int, web_port: int = 0
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """`processes` that take in, of which the first serves pages as well, on `web_port` or any other."""
    web_port = web_port or free_port()
    settings = {
        "FOLDER": folder / "console",
        "DATABASE": database,
        "PORT": web_port,
        "BROKER_PORT": broker_port,
        "BROKER_TLS": "false",
        "BROKER_PASSWORD_FILE": folder / "broker/secrets/console.password",
    }
    environment = {**os.environ, **{f"GATEHOUSE_CONSOLE_{name}": str(value) for name, value in settings.items()}}
    running = []
    for words in [["serve"], *[["ingest"]] * (processes - 1)]:
        command = [Path(sys.executable).with_name("gatehouse"), "console", *words]
        with (folder / f"{len(running)}.log").open("wb") as log:
            running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log))
    try:
        for number, one in enumerate(running):
            wait_until_it_hears(one, folder / f"{number}.log")
        yield running
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(20)


def wait_until_it_hears(process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises RuntimeError where it ends instead, or takes a minute."""
    for _ in range(600):
        if "connected to the broker" in log.read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(log.read_text())


def tell_all(boxes: Boxes, rate: float, seconds: float, first: int = 0) -> float:
    """Tells of `rate` events a second, from number `first` on; returns how many a second it were."""
    began_s, number = time.monotonic(), 0
    while (now_s := time.monotonic() - began_s) < seconds:
        while number < now_s * rate:
            boxes.tell(first + number)
            number += 1
        time.sleep(0.002)
    return number / (time.monotonic() - began_s)


def taken_in(database: Database, revision: int) -> int:
    """Events of which that revision is here."""
    with database.read() as connection:
        query = select(func.count()).select_from(event).where(event.c.revision >= revision)
        return int(connection.execute(query).scalar_one())


def wait_until_all_are_in(database: Database, count: int, revision: int) -> float:
    """Seconds that it took; ends when nothing more comes for `SETTLE_S`."""
    began_s = changed_s = time.monotonic()
    before = -1
    while (now := taken_in(database, revision)) < count and time.monotonic() - changed_s < SETTLE_S:
        if now != before:
            before, changed_s = now, time.monotonic()
            print(f"\r{now} of {count} are in", end="", file=sys.stderr)
        time.sleep(0.2)
    return time.monotonic() - began_s


def reckon(database: Database, told: Told) -> dict[str, float]:
    """Lost, doubled, out of order; seconds from being told to standing in the database."""
    with database.read() as connection:
        rows = connection.execute(select(event.c.event_id, event.c.received_at_s)).all()
        rang = connection.execute(select(func.count()).where(change.c.what == "opened")).scalar_one()
        feed = connection.execute(select(func.count()).select_from(change)).scalar_one()
        for one in deliveries.listing_aside(connection):
            print(f"\naside {one.times} time(s): {one.reason}", file=sys.stderr)
    came_s = {row.event_id: row.received_at_s for row in rows}
    order = [[came_s[one] for one in of_camera if one in came_s] for of_camera in told.of_camera.values()]
    waits_s = np.array([came_s[one] - at_s for one, at_s in told.at_s.items() if one in came_s])
    return {
        "lost": len(told.at_s.keys() - came_s.keys()),
        "doubled": len(rows) - len(came_s) + (max(0, rang - len(told.at_s)) if feed < KEEP else 0),
        "out_of_order": int(sum((np.diff(times) < 0).sum() for times in order)),
        "p50_s": float(np.median(waits_s)),
        "p95_s": float(np.percentile(waits_s, 95)),
        "most_s": float(waits_s.max()),
    }


def measure(
    database: str, rate: float, seconds: float, boxes: int, revisions: int = 1, processes: int = 1
) -> dict[str, float] | None:
    """The figures; None where PostgreSQL is not installed. database: sqlite or postgresql."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address: str | None = f"sqlite:///{folder / 'console.sqlite'}"
        if database == "postgresql":
            address = stack.enter_context(private_postgres(safe=True))
        if address is None:
            return None
        rows = open_database(address)
        names = make_boxes(rows, boxes)
        port = stack.enter_context(broker(folder / "broker"))
        stack.enter_context(console(folder, port, address, processes))
        telling = Boxes(port, names, revisions)
        told = tell_all(telling, rate, seconds)
        behind_s = wait_until_all_are_in(rows, len(telling.told.at_s), revisions)
        telling.close()
        found = reckon(rows, telling.told)
        if found["lost"]:
            print(
                "\n", *((folder / f"{number}.log").read_text()[-3000:] for number in range(processes)), file=sys.stderr
            )
        rows.close()
    return {"told_each_s": told, "behind_s": behind_s, **found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--revisions", type=int, default=1, choices=(1, 2, 3))
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    said = parser.parse_args()
    found = measure(said.database, said.rate, said.seconds, said.boxes, said.revisions, said.processes)
    if found is None:
        print("NOT CHECKED: PostgreSQL is not installed")
        return 77
    print(
        f"{said.database}, {said.processes} process(es), {said.boxes} boxes, each event told {said.revisions} time(s),"
        f" for {said.seconds:.0f} s"
    )
    print(", ".join(f"{name} {value:.2f}".removesuffix(".00") for name, value in found.items()))
    return 0 if found["behind_s"] < KEPT_UP_S and not any(found[name] for name in MUST_BE_NONE) else 1


if __name__ == "__main__":
    sys.exit(main())
