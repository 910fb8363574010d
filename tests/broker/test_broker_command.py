"""`gatehouse broker`: what it makes, and what it refuses with a cure and without a trace."""

import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
from paho.mqtt import MQTTException, publish
from typer.testing import CliRunner

from broker.cli import app


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("host", ["gatehouse.example.org", "192.0.2.7", "2001:db8::1", "a"])
def test_a_folder_is_made_with_keys_for_this_account_only(tmp_path, host):
    folder = tmp_path / "broker"
    assert run("init", folder, "--host", host).exit_code == 0
    assert run("add-node", folder, "kim-dong-1").exit_code == 0
    secrets = [*(folder / "secrets").iterdir(), folder / "passwords", folder / "acl", folder / "tls" / "server.key"]
    assert len(secrets) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    folders = [folder, folder / "secrets", folder / "tls"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    again = run("init", folder)
    assert (again.exit_code, "already holds a broker" in again.output) == (2, True)


@pytest.mark.parametrize("host", ["", "a b", "a\nlistener 1", "-x", "x" * 70, "a/b"])
def test_a_host_that_is_none_is_refused(tmp_path, host):
    result = run("init", tmp_path / "b", "--host", host)
    assert (result.exit_code, "is no host" in result.output) == (2, True)
    assert not (tmp_path / "b").exists()


def test_other_mistakes_are_told(tmp_path):
    (tmp_path / "file").touch()
    for words, told in [
        (("init", tmp_path / "file"), "is a file; name a folder"),
        (("init", tmp_path / "file" / "x"), "name another folder"),
        (("init", tmp_path / "b", "--port", "70000"), "65535"),
        (("add-node", tmp_path / "none", "x"), "holds no broker"),
        (("run", tmp_path / "none"), "holds no broker"),
    ]:
        result = run(*words)
        assert result.exit_code == 2, words
        assert told in result.output, result.output
    assert not (tmp_path / "none").exists()
    run("init", tmp_path / "b", "--loopback")
    password = (tmp_path / "b" / "secrets" / "console.password").read_text()
    for name, told in [
        ("a/b", "can't be a name"),
        ("a\n", "can't be a name"),
        ("console", "the console's own account"),
    ]:
        assert told in run("add-node", tmp_path / "b", name).output
    assert (tmp_path / "b" / "secrets" / "console.password").read_text() == password
    for out in (tmp_path / "file", tmp_path / "file" / "x"):
        result = run("contract", "--out", out)
        assert (result.exit_code, "name another folder" in result.output) == (2, True)


MOSQUITTO = any(shutil.which("mosquitto", path=path) for path in (None, "/usr/sbin:/usr/local/sbin"))


@pytest.mark.parametrize("installed", [True, False], ids=["mosquitto", "embedded"])
def test_a_port_that_is_taken_is_told(tmp_path, monkeypatch, installed):
    if installed and not MOSQUITTO:
        pytest.skip("mosquitto is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run("init", tmp_path / "b", "--loopback", "--port", taken.getsockname()[1])
        if not installed:
            monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
        result = run("run", tmp_path / "b")
    assert result.exit_code == 2
    assert "another --port" in result.output


@pytest.mark.system
@pytest.mark.skipif(not MOSQUITTO, reason="mosquitto is not installed")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_its_end_is_the_end_of_mosquitto(tmp_path, how):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run("init", tmp_path / "b", "--loopback", "--port", port)
    command = [sys.executable, "-m", "gatehouse", "broker", "run", str(tmp_path / "b")]
    broker = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        until_signed_in(port, tmp_path / "b", "console")
        run("add-node", tmp_path / "b", "kim-dong-1")
        broker.send_signal(signal.SIGHUP)
        until_signed_in(port, tmp_path / "b", "kim-dong-1")
        broker.send_signal(how)
        broker.communicate(timeout=20)  # to the end of its words: nobody else holds them
    finally:
        broker.kill()  # where something above failed
        broker.wait(20)
    assert broker.returncode == (0 if how == signal.SIGTERM else -how)
    socket.create_server(("127.0.0.1", port)).close()


def until_signed_in(port, folder, account):
    password = (folder / "secrets" / f"{account}.password").read_text().strip()
    deadline_s = time.monotonic() + 20
    refused = True
    while refused and time.monotonic() < deadline_s:
        try:
            publish.single("x", port=port, hostname="127.0.0.1", auth={"username": account, "password": password})
            refused = False
        except (OSError, MQTTException):
            time.sleep(0.05)
    assert not refused
