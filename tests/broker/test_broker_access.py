"""The rule of who may write what, and both brokers that hold it."""

import queue
import socket
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from ports import free_port

from broker import access, installation
from broker.contract import topics


def test_a_node_writes_its_own_reports_and_nothing_else():
    assert access.may_write("n1", "gatehouse/v1/nodes/n1/event")
    assert not access.may_write("n1", "gatehouse/v1/nodes/n2/event")
    assert not access.may_write("n1", "gatehouse/v1/nodes/n1/ack")
    assert access.may_read("n1", "gatehouse/v1/nodes/n1/ack")
    assert not access.may_read("n1", "gatehouse/v1/nodes/+/event")
    assert not access.may_read("n1", "gatehouse/v1/nodes/n2/event")


def test_the_console_hears_every_node_and_answers():
    for topic in topics.TOPICS:
        by_console = topic.written_by == "console"
        assert access.may_write("console", topic.of("n1")) == by_console
        assert access.may_read("console", topic.of_every_node) == (not by_console)


@settings(max_examples=100, derandomize=True)
@given(st.text(alphabet="gatehouse/v1nds+#$ ", max_size=40))
def test_nothing_outside_the_table_is_allowed(topic):
    for account in ("console", "n1"):
        assert not access.may_write(account, topic)
        assert not access.may_read(account, topic)


def test_accounts_sign_in_with_their_own_password_only(tmp_path):
    passwords = tmp_path / "passwords"
    for name in ("a", "b"):
        access.add_account(passwords, tmp_path / f"{name}.password", name)
    first = (tmp_path / "a.password").read_text().strip()
    assert access.signs_in(passwords, "a", first)
    assert not access.signs_in(passwords, "b", first)
    assert not access.signs_in(passwords, "nobody", first)
    access.add_account(passwords, tmp_path / "a.password", "a")
    assert not access.signs_in(passwords, "a", first)
    assert (tmp_path / "a.password").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "-x", "é" * 3, "a" * 64])
def test_a_name_that_is_no_topic_level_is_refused(tmp_path, name):
    with pytest.raises(access.AccessError, match="letters"):
        access.add_account(tmp_path / "passwords", tmp_path / "secret", name)


def test_a_second_init_would_lose_accounts_and_is_refused(tmp_path):
    installation.make_folder(tmp_path / "b", "127.0.0.1", 1883, loopback=True)
    with pytest.raises(installation.SetupError, match="already holds a broker"):
        installation.make_folder(tmp_path / "b", "127.0.0.1", 1883, loopback=True)


@pytest.fixture(params=["mosquitto", "mosquitto-tls", "embedded"])
def running_broker(request, tmp_path):
    port, folder = free_port(), tmp_path / "broker"
    tls = request.param == "mosquitto-tls"
    installation.make_folder(folder, "127.0.0.1", port, loopback=not tls)
    for name in ("n1", "n2"):
        installation.add_account(folder, name)
    if tls:  # as made by a version that knew no calendars
        older = [line for line in (folder / "acl").read_text().splitlines() if "/schedule" not in line]
        (folder / "acl").write_text("\n".join(older))
    if request.param == "embedded":
        code = (
            "import asyncio, sys; from pathlib import Path; from broker.embedded import serve;"
            f"asyncio.run(serve('127.0.0.1', {port}, Path(sys.argv[1])))"
        )
        command = [sys.executable, "-c", code, str(folder / "passwords")]
    else:
        command = [sys.executable, "-m", "gatehouse", "broker", "run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, "the broker ended"
            assert time.monotonic() < deadline, "the broker does not listen"
            time.sleep(0.05)
        yield request.param, port, folder
    finally:
        process.kill()
        process.wait(10)


class Peer:
    """A signed-in client that keeps what it hears."""

    def __init__(self, port: int, folder: Path, account: str, *, v5: bool, tls: bool, password: str | None = None):
        version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"test-{account}", protocol=version)
        secret = (folder / "secrets" / f"{account}.password").read_text().strip()
        self.client.username_pw_set(account, secret if password is None else password)
        if tls:
            self.client.tls_set(str(folder / "tls" / "ca.crt"))
        self.heard: queue.Queue[str] = queue.Queue()
        self.states: queue.Queue[bool] = queue.Queue()
        self.subscribed: queue.Queue[object] = queue.Queue()
        self.client.on_message = lambda _c, _u, message: self.heard.put(message.topic)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.states.put(not reason.is_failure)
        self.client.on_subscribe = lambda *args: self.subscribed.put(args)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.signed_in = self.states.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.system
def test_the_broker_enforces_the_rule(running_broker):
    kind, port, folder = running_broker
    options = {"v5": kind != "embedded", "tls": kind == "mosquitto-tls"}
    console = Peer(port, folder, "console", **options)
    node = Peer(port, folder, "n1", **options)
    assert console.signed_in
    assert node.signed_in
    for topic in topics.TOPICS:
        if topic.written_by == "node":
            console.client.subscribe(topic.of_every_node, 1)
            console.subscribed.get(timeout=10)
    for topic in ("gatehouse/v1/nodes/n2/event", "gatehouse/v1/nodes/n1/ack", "other", "gatehouse/v1/nodes/n1/event"):
        node.client.publish(topic, b"{}", qos=1)
    assert console.heard.get(timeout=10) == "gatehouse/v1/nodes/n1/event"
    assert console.heard.empty()
    for box in ("n2", "n1"):
        console.client.publish(topics.SCHEDULE.of(box), b"{}", qos=1, retain=True).wait_for_publish(10)
    node.client.subscribe([(topics.SCHEDULE.of(box), 1) for box in ("n2", "n1")])
    assert node.heard.get(timeout=10) == topics.SCHEDULE.of("n1")  # kept for it, and no other's
    assert node.heard.empty()
    console.close()
    node.close()
    intruder = Peer(port, folder, "n2", **options, password="wrong")
    assert not intruder.signed_in
    intruder.close()


def test_an_older_brokers_rights_are_renewed_and_what_was_added_to_them_stays():
    older = "\n".join(line for line in access.acl_text().splitlines() if "/schedule" not in line)
    older += "\n\n" + access.home_assistant_acl_text()
    renewed = access.with_new_rights(older)
    assert renewed.startswith(older.rstrip())
    assert renewed.count("/schedule") == 2
    assert access.with_new_rights(renewed) == renewed
    assert access.with_new_rights(access.acl_text()) == access.acl_text()
