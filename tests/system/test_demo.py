"""`gatehouse demo`: one command from a camera to an alert with a clip, and plain words where it can't."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from node_site import somebody

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.files import open_file
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from models.add import add
from models.registry import Registry

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Somebody (a bright picture, for the made network) for 14 s, nobody for 4 s."""
    path = tmp_path_factory.mktemp("film") / "gate.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "20", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(180):
            picture = somebody(number) if number < 140 else np.full((96, 128, 3), 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def demo(tmp_path, bright_network):
    """Runs `gatehouse demo` in a folder that has nothing beside it, with the made network as GATEHOUSE_MODEL."""
    add(Registry(tmp_path / "data" / "gatehouse" / "models"), bright_network)
    here = tmp_path / "alone" / "gatehouse"
    here.mkdir(parents=True)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "GATEHOUSE_MODEL": str(bright_network)}

    def run(*words: str, **changed: str | None) -> subprocess.Popen[str]:
        given = {name: value for name, value in {**environment, **changed}.items() if value is not None}
        command = [sys.executable, "-m", "gatehouse", "demo", "--headless", *words]
        return subprocess.Popen(command, cwd=here, env=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return run


def test_a_file_becomes_a_camera_and_its_loiterer_an_alert_with_a_clip(demo, film):
    process = demo("--until-alert", "--json", "--source", str(film))
    out, progress = process.communicate(timeout=200)
    assert process.returncode == 0, progress
    alert = json.loads(out)
    assert alert["event"]["rule"] == "loitering"
    assert alert["event"]["dwell_s"] >= 8
    assert {"clip", "snapshot", "snapshot_boxes"} <= {file["role"] for file in alert["files"]}
    assert "starting the console" in progress


def test_a_camera_with_a_password_is_read_and_the_password_stays_out_of_sight(demo, film, tmp_path):
    account = Account("guard", "s3cret word")
    with serve_cameras([VirtualCamera("gate", open_file(film), account=account)], SystemClock()) as server:
        (tmp_path / "secret").write_text("s3cret word")
        url = server.url("gate").replace("rtsp://", "rtsp://guard@")
        process = demo("--until-alert", "--json", "--source", url, "--password-file", str(tmp_path / "secret"))
        out, progress = process.communicate(timeout=200)
    assert process.returncode == 0, progress
    assert "s3cret" not in out + progress
    folder = tmp_path / "alone" / "gatehouse" / "var" / "demo"
    told = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".log", ".yaml")]
    assert told
    assert not [path for path in told if "s3cret" in path.read_text(errors="replace")]


def test_a_wrong_password_is_named_at_once(demo, film, tmp_path):
    (tmp_path / "secret").write_text("wrong")
    with serve_cameras(
        [VirtualCamera("gate", open_file(film), account=Account("guard", "right"))], SystemClock()
    ) as server:
        url = server.url("gate").replace("rtsp://", "rtsp://guard@")
        process = demo("--until-alert", "--source", url, "--password-file", str(tmp_path / "secret"))
        _, progress = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "password" in progress
    assert "Traceback" not in progress


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])  # the last: out of memory, say
def test_it_stops_and_leaves_nothing_running(demo, film, tmp_path, how):
    process = demo("--source", str(film))
    lines = iter(process.stdout.readline, "")
    assert any("open this once to sign in: http://127.0.0.1:" in line for line in lines)
    recordings = tmp_path / "alone" / "gatehouse" / "var" / "demo" / "node" / "recordings" / "camera"
    _until(lambda: any(recordings.glob("*.mp4")))
    if how == signal.SIGHUP:
        process.stdout.close()  # gone with its terminal
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == (-how if how == signal.SIGKILL else 0)
    if how == signal.SIGKILL:
        _until(lambda: not _running(tmp_path))
    assert not _running(tmp_path)
    assert [path.name for path in recordings.iterdir() if "-" not in path.stem] == []  # none is left open


def test_faults_reach_its_cameras(demo, film):
    process = demo("--source", str(film))
    lines = iter(process.stdout.readline, "")
    told = next(line for line in lines if "make a camera fail" in line)
    words = told.split("gatehouse ")[-1].split()
    assert words[:5] == ["edge", "virtual-camera", "fault", "camera", "stall"]
    where = words[5:]
    for more, answer in ((words, "done"), ([*words[:3], "list", *where], "camera: stall")):
        done = subprocess.run([sys.executable, "-m", "gatehouse", *more], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == answer
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def _running(folder: Path) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in _words(path)]


def _until(holds) -> None:
    deadline_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _words(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
