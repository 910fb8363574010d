"""Several processes take in together what the boxes tell."""

import random
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from ingest_rate import (
    MUST_BE_NONE,
    PLACES,
    Boxes,
    broker,
    console,
    make_boxes,
    measure,
    reckon,
    taken_in,
    tell_all,
)
from private_postgres import private_postgres

from broker.contract import codec, topics
from console.app.cli import app
from console.store.database import open_database

pytestmark = pytest.mark.system


def test_two_processes_lose_double_and_disorder_nothing():
    if shutil.which("mosquitto", path=PLACES) is None:
        pytest.skip("mosquitto is not installed")
    found = measure("postgresql", rate=40, seconds=3, boxes=3, revisions=3, processes=2)
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    assert {name: found[name] for name in MUST_BE_NONE} == dict.fromkeys(MUST_BE_NONE, 0)


class PatientBoxes(Boxes):
    """Boxes that keep what they told until the console has acknowledged it, and tell it again, as real ones do."""

    def __init__(self, port: int, names: list[str], revisions: int) -> None:
        self.kept: dict[tuple[str, int], bytes] = {}
        self._door = threading.Lock()
        super().__init__(port, names, revisions)
        self._client.on_message = lambda _c, _d, message: self._hear(message.topic, bytes(message.payload))
        self._client.subscribe([(topics.ACK.of(name), 1) for name in names])

    def _hear(self, topic: str, payload: bytes) -> None:
        received = codec.decode(topic, payload)
        assert not received.message.refused
        with self._door:
            for number in received.message.committed:
                self.kept.pop((received.node, number), None)

    def _send(self, name: str, sequence: int, payload: bytes) -> None:
        with self._door:
            self.kept[name, sequence] = payload
        super()._send(name, sequence, payload)

    def tell_again(self) -> int:
        """What nobody has acknowledged; how much that was."""
        with self._door:
            waiting = list(self.kept.items())
        for (name, sequence), payload in waiting:
            super()._send(name, sequence, payload)
        return len(waiting)


def test_one_of_two_processes_killed_amid_a_flood_loses_and_doubles_nothing(tmp_path):
    if shutil.which("mosquitto", path=PLACES) is None:
        pytest.skip("mosquitto is not installed")
    moment_s = random.Random(7).uniform(1.0, 2.0)
    with private_postgres(safe=True) as address:
        if address is None:
            pytest.skip("PostgreSQL is not installed")
        rows = open_database(address)
        names = make_boxes(rows, 3)
        with broker(tmp_path / "broker") as port, console(tmp_path, port, address, 2) as running:
            boxes = PatientBoxes(port, names, 3)
            tell_all(boxes, 150, moment_s)
            running[1].kill()  # it holds messages that it has not committed
            tell_all(boxes, 150, 1.0, first=len(boxes.told.at_s))
            again = 0
            deadline_s = time.monotonic() + 60
            while boxes.kept:
                assert time.monotonic() < deadline_s, f"{len(boxes.kept)} messages are not acknowledged"
                time.sleep(1.0)
                again += boxes.tell_again()
            boxes.close()
            found = reckon(rows, boxes.told)
            whole = taken_in(rows, 3)
        rows.close()
    print(f"killed after {moment_s:.2f} s of {len(boxes.told.at_s)} events, told again: {again}; {found}")
    assert (found["lost"], found["doubled"], whole) == (0, 0, len(boxes.told.at_s))


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({}, "set postgresql://... for both"),
        ({"BROKER_PROTOCOL": "3.1.1"}, "leave the protocol 5"),
        ({"BROKER_PASSWORD_FILE": ""}, "name the file"),
    ],
)
def test_what_a_second_process_cant_run_with_is_told_with_its_cure(tmp_path, monkeypatch, settings, cure):
    (tmp_path / "password").write_text("secret")
    given = {"FOLDER": tmp_path, "BROKER_PASSWORD_FILE": tmp_path / "password", "BROKER_TLS": "false", **settings}
    for name, value in given.items():
        if value:
            monkeypatch.setenv(f"GATEHOUSE_CONSOLE_{name}", str(value))
    told = CliRunner().invoke(app, ["ingest"])
    assert told.exit_code == 2
    assert cure in told.output
    assert not (tmp_path / "console.sqlite").exists()
