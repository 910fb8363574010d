"""`gatehouse demo`: a camera of one's own without a secret in a list of processes; bad arguments are told."""

import subprocess
from contextlib import ExitStack

import pytest
import yaml
from typer.testing import CliRunner

from edge.app import demo
from edge.app.demo import DemoError, sign_in_of
from edge.app.demo_stage import Stage
from edge.config.environment import child_environment


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)

    def invoke(*words):
        result = CliRunner().invoke(demo.app, ["--headless", "--json", *map(str, words)])
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit), result.exception
        return result.output

    return invoke


def test_a_sign_in_stands_in_the_configuration_by_its_file_only(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    address, sign_in = sign_in_of("rtsps://mai%40x@cam.example:322/a?b", secret)
    assert address == "rtsps://cam.example:322/a?b"
    assert sign_in == {"username": "mai@x", "password_file": str(secret)}
    demo._write_config(tmp_path, demo._Ports(1, 2, 3), [("camera", "Camera", address)], "default", sign_in)
    text = (tmp_path / "edge.yaml").read_text()
    assert "hunter2" not in text
    assert yaml.safe_load(text)["cameras"][0]["username"] == "mai@x"


@pytest.mark.parametrize("source", ["rtsp://cam/a", "film@home.mp4", "drawn:loiterer:day:1", ""])
def test_a_source_without_a_sign_in_stays_as_it_is(source):
    assert sign_in_of(source, None) == (source, {})


@pytest.mark.parametrize(
    ("source", "with_file", "told"),
    [
        ("rtsp://u:hunter2@cam/a", False, "everyone on this machine can read a password"),
        ("rtsp://u@cam/a", False, "go together"),
        ("rtsp://cam/a", True, "go together"),
        ("rtsp://u@cam/a", True, "there is no such file"),
        ("rtsp://[::1", False, "write it like rtsp://"),
    ],
)
def test_sign_ins_that_cant_be_used_are_refused(tmp_path, source, with_file, told):
    with pytest.raises(DemoError, match=told) as error:
        sign_in_of(source, tmp_path / "nothing" if with_file else None)
    assert "hunter2" not in str(error.value)


def test_a_network_that_is_not_there_is_told(run, monkeypatch):
    monkeypatch.setenv("GATEHOUSE_MODEL", "nothing.onnx")
    assert "nothing.onnx can't be read" in run()


@pytest.mark.parametrize("source", ["nothing.mp4", ".", "text.mp4", "drawn:nobody:day:1", "drawn:loiterer"])
def test_a_source_that_is_none_is_told(run, tmp_path, monkeypatch, source):
    monkeypatch.setattr(demo, "_model", lambda: "some-network")
    (tmp_path / "text.mp4").write_text("no video")
    assert "gatehouse demo: " in run("--source", source)


def test_a_folder_that_was_not_made_by_the_demo_is_left_alone(run, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_model", lambda: "some-network")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "was not made by the demo" in run("--folder", "mine")
    assert "name another --folder" in run("--folder", "mine/thesis.txt")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("dead", ["broker", "console", "node"])
def test_a_part_that_dies_is_named_with_its_last_words(tmp_path, dead):
    stage = Stage(tmp_path, quiet=True)
    with ExitStack() as stack:
        for name in {"broker", "console", "node"} - {dead}:
            stage._running[name] = subprocess.Popen(["sleep", "600"])
            stack.callback(stage._running[name].kill)
        stack.enter_context(stage.process(dead, ["no-such-command"], child_environment())).wait(60)
        with pytest.raises(DemoError, match=rf"the {dead} ended by itself; its last words:[\s\S]*no-such-command"):
            stage.check()


def test_a_second_demo_does_not_empty_the_folder_of_the_first(run, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_model", lambda: "some-network")
    with demo._fresh(tmp_path / "held") as folder:
        (folder / "evidence").touch()
        assert "already runs" in run("--folder", "held")
        assert (folder / "evidence").exists()
    with demo._fresh(tmp_path / "held") as folder:
        assert not (folder / "evidence").exists()
