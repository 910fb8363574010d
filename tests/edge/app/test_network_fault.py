"""A network that can't be used is told with all other problems of the file, in its place, by every command."""

import tomllib

import pytest
from typer.testing import CliRunner

from edge.app import run_command
from edge.app.cli import app
from models.add import add
from models.registry import Registry

CONFIG = """
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: 1, tls: false, password_file: secret}}
console: {{url: "http://127.0.0.1:1", token_file: secret}}
detector:
  model: {model}
cameras:
  - name: gate
    url: rtsp://127.0.0.1:1/gate
    {more}
"""
COMMANDS = {
    "run": ["run", "--config", "edge.yaml"],
    "check": ["check", "--config", "edge.yaml"],
    "replay": ["replay", "video.mp4", "--config", "edge.yaml"],
}


@pytest.fixture
def networks(tmp_path, monkeypatch, bright_network):
    """The user's networks, one of them sound: `bright`. The working directory is a new one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("s\n")
    folder = tmp_path / "data" / "gatehouse" / "models"
    add(Registry(folder), bright_network)
    return folder


def told(command, model, more="colour: red"):
    with open("edge.yaml", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(model=model, more=more))
    result = CliRunner().invoke(app, COMMANDS[command])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("yolo99", "there is no network 'yolo99'"),
        ("nowhere.onnx", "nowhere.onnx can't be read: No such file"),
        (".onnx", "can't be read"),
        ("secret.onnx", "is in no manifest; let it be looked at first: gatehouse models add"),
    ],
)
def test_an_unknown_network_is_told_with_the_rest(networks, tmp_path, command, model, words):
    (tmp_path / "secret.onnx").write_text("no network")
    output = told(command, model)
    assert f"line 6: detector.model: {words}" in output or ("line 6: detector.model: " in output and words in output)
    assert "line 10: cameras[0].colour: unknown key" in output
    assert "2 problem(s)" in output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_network_that_is_not_what_its_entry_says_is_told_with_the_rest(networks, command):
    (file,) = networks.glob("*.onnx")
    content = file.read_bytes()
    file.write_bytes(content + b"x")
    assert "line 6: detector.model: " in (output := told(command, "bright")), output
    assert "its SHA-256 differs" in output
    file.unlink()
    assert "is not here; get it" in told(command, "bright")
    file.write_bytes(content)
    manifest = networks / "manifest.toml"
    assert tomllib.loads(manifest.read_text())["model"][0]["person_class"] == 0
    manifest.write_text(manifest.read_text().replace("person_class = 0", "person_class = 1"))
    output = told(command, "bright")
    assert "line 6: detector.model: class 1 of network 'bright' is 'dog', no person" in output
    assert "unknown key" in output


@pytest.mark.parametrize("command", ["run", "replay"])
def test_a_bad_network_alone_is_told_in_its_place(networks, command):
    assert "line 6: detector.model: there is no network" in told(command, "yolo99", more="")


@pytest.mark.parametrize(("socket", "ended_with"), [(None, 2), ("/run/systemd/notify", 0)])
def test_a_service_records_all_the_same_where_only_the_network_is_bad(
    networks, monkeypatch, caplog, socket, ended_with
):
    """A driver that an update took away must not take the recording along."""

    class Recording:
        def __init__(self, *_args, **_named):
            pass

        def run(self, meanwhile):
            meanwhile()

    monkeypatch.setattr(run_command, "Supervisor", Recording)
    monkeypatch.setattr(run_command, "notify_socket", lambda: socket)
    with open("edge.yaml", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(model="bright\n  provider: tensorrt", more=""))
    result = CliRunner().invoke(app, COMMANDS["run"])
    assert result.exit_code == ended_with, result.output
    told = caplog.text if socket else result.output
    assert "detector.provider: tensorrt is not installed here" in told
    assert ("the cameras are recorded all the same" in told) == (socket is not None)


def test_the_check_still_tries_the_rest_where_only_the_network_is_bad(networks):
    output = told("check", "yolo99", more="")
    assert "there is no network 'yolo99'" in output
    assert "at line 6: detector.model" in output
    assert "nothing listens on port 1" in output


def test_a_network_named_by_the_environment_is_called_by_its_name(networks, monkeypatch):
    monkeypatch.setenv("GATEHOUSE_MODEL", "yolo98")
    assert "GATEHOUSE_MODEL=yolo98: there is no network 'yolo98'" in told("run", "default")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_provider_that_is_not_here_is_told_with_the_rest(networks, command):
    output = told(command, "bright\n  provider: tensorrt")
    assert "line 7: detector.provider: tensorrt is not installed here: on a Jetson" in output
    assert "cpu, auto" in output
    assert "2 problem(s)" in output
    assert "detector.provider: " in told(command, "bright\n  provider: gpu")
