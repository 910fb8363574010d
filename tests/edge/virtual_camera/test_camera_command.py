"""`gatehouse edge virtual-camera serve` and `fault` as two processes of one user."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.cli import app
from edge.virtual_camera.control import control_path, take_commands
from edge.virtual_camera.faults import FAULTS
from edge.virtual_camera.files import open_file
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

ROOT = Path(__file__).resolve().parents[3]
RUN = [sys.executable, "-c", "from edge.virtual_camera.cli import app; app()"]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "gate.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(50):
            picture = np.full((96, 128, 3), 80, np.uint8)
            picture[20:60, number : number + 30] = (200, 80, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def serving(video, tmp_path):
    (tmp_path / "password").write_text("letmein\n")
    options = ["--port", "0", "--username", "guard", "--password-file", str(tmp_path / "password"), "--codec", "h265"]
    cameras = ["--camera", f"gate={video}", "--sub", f"gate={video}", "--camera", "yard=drawn:loiterer:day:1"]
    process = subprocess.Popen(
        [*RUN, "serve", *options, *cameras],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    port = int(re.match(r"rtsp://127\.0\.0\.1:(\d+)/gate$", process.stdout.readline())[1])
    assert process.stdout.readline().endswith("/yard\n")
    assert process.stdout.readline().startswith("faults: stall cut")
    yield process, port
    process.kill()
    process.wait(10)
    control_path(port).unlink(missing_ok=True)


def fault(port, *words):
    result = CliRunner().invoke(app, ["fault", *words, "--port", str(port)])
    return result.exit_code, result.output.strip()


@pytest.mark.system
def test_faults_are_made_from_another_process_and_from_the_keyboard(serving):
    process, port = serving
    assert fault(port, "list") == (0, "gate: none; yard: none")
    assert fault(port, "gate", "black", "--for", "60") == (0, "done")
    assert fault(port, "gate", "damage", "--amount", "0.001") == (0, "done")
    assert fault(port, "list") == (0, "gate: black damage; yard: none")
    url = f"rtsp://guard:letmein@127.0.0.1:{port}"
    with av.open(f"{url}/gate", timeout=(5, 5)) as container:
        frames = islice(container.decode(video=0), 100)
        assert any(frame.to_ndarray(format="gray").mean() < 25 for frame in frames)
    assert fault(port, "gate", "black", "--off") == (0, "done")
    process.stdin.write("gate damage off\nlist\n")
    process.stdin.flush()
    assert [process.stdout.readline().strip() for _ in range(2)] == ["done", "gate: none; yard: none"]
    with av.open(f"{url}/yard", timeout=(10, 10)) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert next(container.decode(video=0)).width == 640


@pytest.mark.system
def test_each_fault_is_made_and_mended_from_another_process(serving):
    _, port = serving
    for name in FAULTS:
        assert fault(port, "yard", name) == (0, "done")
        happens_once = name in ("cut", "jump")
        assert fault(port, "list") == (0, f"gate: none; yard: {'none' if happens_once else name}")
        assert fault(port, "yard", name, "--off") == (0, "done")
    assert fault(port, "list") == (0, "gate: none; yard: none")


@pytest.mark.system
@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_while_somebody_watches(serving, one):
    process, port = serving
    with av.open(f"rtsp://guard:letmein@127.0.0.1:{port}/yard", timeout=(20, 20)) as container:
        frames = container.decode(video=0)
        next(frames)
        process.send_signal(one)
        assert process.wait(10) == 0
    assert process.stderr.read() == ""
    assert not control_path(port).exists()


@pytest.mark.system
def test_wrong_orders_are_told_and_the_server_lives_on(serving):
    process, port = serving
    assert fault(port, "street", "stall") == (2, told("there is no camera 'street'; there is gate, yard"))
    code, text = fault(port, "gate", "fire")
    assert code == 2
    assert "there is no fault 'fire'; one of stall" in text
    assert fault(port, "gate", "stall", "--for", "-1")[0] == 2
    assert fault(port, "gate", "black", "--amount", "1")[0] == 2
    assert fault(port, "gate stall", "on")[0] == 2
    assert fault(port, "list")[0] == 0
    assert process.poll() is None


def told(text):
    return f"gatehouse edge virtual-camera fault: {text}"


@pytest.fixture
def short_folder():
    """A socket's path has at most 107 letters, and pytest's own folders are long."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def test_a_server_in_a_thread_takes_orders_too_and_other_ports_are_named(video, short_folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", short_folder)
    with serve_cameras([VirtualCamera("gate", open_file(video))], SystemClock()) as server, take_commands(server):
        assert fault(server.port, "gate", "black") == (0, "done")
        assert server.faults("gate") == {"black"}
        control_path(7).touch()  # of a killed one
        assert f"say --port {server.port}, where others" in fault(8, "list")[1]
    assert "start some with" in fault(8, "list")[1]


def test_a_port_that_is_taken_is_told_with_the_cure(video):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["serve", "--camera", f"gate={video}", "--port", str(port)])
    assert result.exit_code == 2
    sentence = f"port {port} is taken; stop what listens there, or say --port (0 takes a free one)"
    assert result.output == f"gatehouse edge virtual-camera serve: {sentence}\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_none_of_ours_is_told_with_the_cure(video, host):
    result = CliRunner().invoke(app, ["serve", "--camera", f"gate={video}", "--port", "0", "--host", host])
    assert result.exit_code == 2
    assert "say another --host" in result.output


def test_the_socket_is_for_its_user_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert control_path(8554).parent == tmp_path / f"gatehouse-virtual-camera-{os.getuid()}"
    code, text = fault(8554, "list")
    assert code == 2
    assert "no virtual camera of yours listens on port 8554" in text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--camera", "gate"], "write it as NAME=FILE"),
        (["--camera", "a/b=x.mp4"], "NAME without /"),
        (["--camera", "a=x.mp4"], "x.mp4 can't be played"),
        (["--camera", "a=drawn:opera:day:1"], "stories are"),
        (["--camera", "a=drawn:loiterer:day"], "drawn:STORY:LIGHT:SEED"),
        (["--camera", "a=x.mp4", "--camera", "a=y.mp4"], "stands twice"),
        (["--camera", "a=x.mp4", "--sub", "b=y.mp4"], "there is no --camera b"),
        (["--camera", "a=x.mp4", "--username", "guard"], "go together"),
        (["--camera", "a=x.mp4", "--username", "guard", "--password-file", "/"], "name a file with the password alone"),
        (["--camera", "a=x.mp4", "--username", "g", "--password-file", "/bin/sh"], "it is not text"),
        (["--camera", "a=x.mp4", "--port", "99999"], "65535"),
        (["--camera", "a=x.mp4", "--username", "guard", "--password-file", "none"], "none can't be read (No such file"),
    ],
)
def test_what_can_not_be_served_is_told(options, text):
    result = CliRunner().invoke(app, ["serve", *options])
    assert result.exit_code == 2
    assert text in result.output
    assert "Traceback" not in result.output
