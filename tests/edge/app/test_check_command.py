"""`gatehouse edge check` before real brokers, cameras and HTTP servers: each failure with its true cause and cure."""

import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import typer
from ports import free_port
from typer.testing import CliRunner

from broker import installation
from edge.adapters.av_source import AvSource
from edge.adapters.stream_faults import STALLED, stream_fault
from edge.adapters.system_clock import SystemClock
from edge.app.check_command import _in_time, check
from edge.virtual_camera.digest import Account
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from models.add import add
from models.registry import Registry

TOKEN = "t0ken-of-the-box"
CONFIG = """
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: {broker}, tls: {tls}, {ca}password_file: {password}}}
console: {{url: "{console}", token_file: token}}
cameras:
  - name: gate
    url: {camera}
    {sub}
    username: guard
    password_file: camera-password
    zones: [{{name: at-gate, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]}}]
    rules:
      - {{kind: loitering, zone: at-gate, dwell_s: 60}}
      - {{kind: line_crossing, name: kerb, line: [[0.5, 0.2], [0.5, 0.8]]}}
"""


class Console(http.server.BaseHTTPRequestHandler):
    status, ahead_s = 200, 0.0

    def do_GET(self):
        good = self.path == "/api/node/hello" and self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.send_response(self.server.status if good else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"node": "box", "at_s": time.time() + self.server.ahead_s}).encode())

    def log_message(self, *_): ...


@pytest.fixture
def console():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Console)
    server.status, server.ahead_s = 200, 0.0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A mosquitto with TLS and an account for the node; its folder and port."""
    folder, port = tmp_path_factory.mktemp("broker"), free_port()
    installation.make_folder(folder, "127.0.0.1", port, loopback=False)
    installation.add_account(folder, "box")
    process = subprocess.Popen(
        [sys.executable, "-m", "gatehouse", "broker", "run", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        assert time.monotonic() < deadline, "the broker did not start"
        time.sleep(0.05)
    yield folder, port
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def camera():
    account = Account("guard", "letmein")
    pictures = [np.full((192, 320, 3), 120, np.uint8)] * 60
    wide = encode(PictureList(pictures, 10.0))
    tall = encode(PictureList([picture[:, :192] for picture in pictures], 10.0))
    cameras = [
        VirtualCamera("gate", wide, wide, account),
        VirtualCamera("odd", wide, tall, account),
        VirtualCamera("new", encode(PictureList(pictures, 10.0), "hevc"), None, account),
    ]
    with serve_cameras(cameras, SystemClock()) as server:
        yield server


@pytest.fixture
def site(bright_network, tmp_path, broker, console, camera, monkeypatch):
    """Writes a configuration (all right, but for the words given) and runs the check; returns (exit code, output)."""
    folder, port = broker
    add(Registry(tmp_path / "data" / "gatehouse" / "models"), bright_network)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "camera-password").write_text("letmein\n")

    def run(**changes):
        words = {
            "broker": port,
            "tls": "true",
            "ca": f"ca_file: {folder}/tls/ca.crt, ",
            "password": f"{folder}/secrets/box.password",
            "console": f"http://127.0.0.1:{console.server_address[1]}",
            "camera": camera.url("gate"),
            "sub": f"sub_url: {camera.url('gate/sub')}",
        }
        (tmp_path / "edge.yaml").write_text(CONFIG.format(**{**words, **changes}))
        app = typer.Typer()
        app.command()(check)
        result = CliRunner().invoke(app, ["--config", str(tmp_path / "edge.yaml"), "--out", str(tmp_path / "stills")])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "letmein" not in result.output
        assert TOKEN not in result.output
        return result.exit_code, result.output

    run.folder = tmp_path
    return run


pytestmark = [pytest.mark.system]


FOUND = ["gate main", "gate sub", "broker", "console", "network"]


def test_a_sound_node_passes_and_its_zones_are_on_the_still(site):
    code, output = site()
    assert code == 0, output
    assert re.findall(r"(?m)^ ✓ (\S+(?: \w+)?) {2,}", output) == [*FOUND, "disk"]
    assert "H.264 320x192, 10" in output
    assert "all 6 work" in output
    still = cv2.imread(str(site.folder / "stills" / "gate.jpg")).astype(int)
    assert still.shape == (192, 320, 3)
    plain = still[5, 5]
    assert np.abs(still[19, 40:280] - plain).max(axis=1).min() > 40  # the zone's upper edge
    assert np.abs(still[60:140, 159:162] - plain).max(axis=(1, 2)).min() > 40  # the line


def test_a_camera_with_a_wrong_password_a_wrong_path_or_nobody_there(site, camera):
    (site.folder / "camera-password").write_text("guess")
    code, output = site(sub="")
    assert code == 2
    assert "✗ gate main" in output
    assert "correct `username` and the content of `password_file`" in output
    (site.folder / "camera-password").write_text("letmein")
    code, output = site(camera=camera.url("nothing"), sub="")
    assert code == 2
    assert "has no stream" in output
    code, output = site(camera=f"rtsp://127.0.0.1:{free_port()}/x")
    assert code == 2
    assert "nothing listens on port" in output
    assert "✓ gate sub" in output
    assert (site.folder / "stills" / "gate.jpg").exists()  # of the stream that works


def test_a_camera_that_dies_after_its_first_pictures_does_not_pass(site, monkeypatch):
    run_once = AvSource.run_once

    def dies(self, stop):
        run_once(self, stop)
        return stream_fault(STALLED, "rtsp://127.0.0.1/gate")

    monkeypatch.setattr(AvSource, "run_once", dies)
    code, output = site(sub="")
    assert code == 2
    assert "✗ gate main" in output


def test_a_check_that_does_not_end_keeps_the_table_from_nobody(monkeypatch):
    monkeypatch.setattr("edge.app.check_command.LONGEST_S", 0.2)
    held = threading.Event()

    def hangs():
        held.wait(60)
        return []

    (verdict,) = _in_time("console", hangs)
    held.set()
    assert not verdict.works
    assert "gave no whole answer" in verdict.text


def test_what_works_but_could_be_better_is_said(site, camera, console):
    console.ahead_s = 100.0
    code, output = site(camera=camera.url("odd"), sub=f"sub_url: {camera.url('odd/sub')}")
    assert code == 0, output
    assert "differ in shape" in output
    assert "clock is -100 s off" in output
    code, output = site(camera=camera.url("new"), sub="")
    assert code == 0, output
    assert "H.265 clips play in VLC but not in every browser" in output


def test_a_broker_that_refuses_the_password(site):
    (site.folder / "wrong").write_text("guess")
    code, output = site(password="wrong")
    assert code == 2
    assert "✗ broker" in output
    assert "gatehouse broker add-node" in output


def test_a_broker_whose_certificate_is_not_trusted(site):
    code, output = site(ca="")
    assert code == 2
    assert "is not trusted" in output
    assert "broker.ca_file" in output


def test_a_broker_that_is_not_there_or_is_something_else(site, console):
    code, output = site(broker=free_port())
    assert code == 2
    assert "start the broker, or correct the port" in output
    code, output = site(broker=console.server_address[1])
    assert code == 2
    assert "does not speak TLS as expected" in output
    code, output = site(broker=console.server_address[1], tls="false")
    assert code == 2
    assert "✗ broker" in output


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "refuses the token"), (403, "enable the node"), (404, "not a Gatehouse console"), (500, "console's log")],
)
def test_a_console_that_refuses_is_named(site, console, status, words):
    console.status = status
    code, output = site()
    assert code == 2
    assert "✗ console" in output
    assert words in output


def test_a_console_that_is_not_there_or_speaks_no_http(site, broker):
    code, output = site(console=f"http://127.0.0.1:{free_port()}")
    assert code == 2
    assert "start the console, or correct the port" in output
    code, output = site(console="https://no-such-console.invalid")
    assert code == 2
    assert "the name no-such-console.invalid is not known here" in output
    code, output = site(console=f"https://127.0.0.1:{broker[1]}")
    assert code == 2
    assert "is not trusted" in output


def test_a_network_that_is_not_here_and_a_folder_that_is_a_file_are_named_with_their_place(site, monkeypatch):
    monkeypatch.setenv("GATEHOUSE_MODEL", "nothing.onnx")
    (site.folder / "state").touch()
    code, output = site(broker=free_port())
    assert code == 2
    assert "✗ network" in output
    assert "nothing.onnx can't be read" in output
    assert "is no folder that this account may write to" in output
    text = (site.folder / "edge.yaml").read_text().splitlines()
    for place, words in [("broker", "broker:"), ("node.state_dir", "node:"), ("detector.model", "")]:
        (told,) = re.findall(rf"at (?:line (\d+): )?{re.escape(place)}\n", output)
        assert (text[int(told) - 1] if told else "").startswith(words)
    assert "3 of 6 need a hand" in output


def test_a_wrong_configuration_is_told_with_code_2(site):
    code, output = site(camera="http://not-rtsp/x")
    assert code == 2
    assert "must look like rtsp://" in output
