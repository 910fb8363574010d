"""`gatehouse demo`: a camera of one's own without a secret in a list of processes; bad arguments are told."""

import importlib
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import pytest
import yaml
from typer.testing import CliRunner

import gatehouse
from edge.app import demo
from edge.app.demo import DemoError, sign_in_of
from edge.app.demo_school import DWELL_S, GATES, Ports, own_camera, write_config
from edge.app.demo_stage import LAST_LINES, Stage, how_it_ended
from edge.config.environment import child_environment
from edge.virtual_camera.scene import DrawnScene
from edge.virtual_camera.sources import open_sources
from edge.virtual_camera.truth import inside, stays_of


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
    write_config(tmp_path, Ports(1, 2, 3), "5", "default", [(own_camera(address), address, sign_in)])
    text = (tmp_path / "edge.yaml").read_text()
    assert "hunter2" not in text
    assert yaml.safe_load(text)["cameras"][0]["username"] == "mai@x"


@pytest.mark.parametrize("source", ["rtsp://cam/a", "film@home.mp4", "drawn:loiterer:day:1", ""])
def test_a_source_without_a_sign_in_stays_as_it_is(source):
    assert sign_in_of(source, None) == (source, {})
    assert sign_in_of(source.replace("rtsp", "RTSP"), None) == (source, {})


@pytest.mark.parametrize(
    ("source", "with_file", "told"),
    [
        ("rtsp://u:hunter2@cam/a", False, "everyone on this machine can read a password"),
        ("rtsp://u@cam/a", False, "go together"),
        ("rtsp://cam/a", True, "go together"),
        ("rtsp://u@cam/a", True, "there is no such file"),
        ("rtsp://[::1", False, "write it like rtsp://"),
        ("rtsp://", False, "names no camera"),
        ("rtsp://cam:99999/a", False, "out of range"),
        ("rtsp://u:hunter2@cam:99999/a", False, "out of range"),
        ("http://cam/a", False, "give a video file, or an address like rtsp://"),
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
        told = rf"the {dead} ended by itself with return code 2; its last words:\n[\s\S]*no-such-command"
        with pytest.raises(DemoError, match=told):
            stage.check()


def test_the_last_words_are_whole_lines(tmp_path):
    stage = Stage(tmp_path, quiet=True)
    (tmp_path / "node.log").write_text("".join(f"line {number} {'x' * 200}\n" for number in range(50)))
    *words, where = stage.last_words("node").splitlines()
    assert [line.split()[:2] for line in words] == [["line", str(number)] for number in range(50 - LAST_LINES, 50)]
    assert str(tmp_path / "node.log") in where


def test_a_part_that_is_killed_is_told_with_its_signal(tmp_path):
    stage = Stage(tmp_path, quiet=True)
    with stage.process("node", ["demo", "--help"], child_environment()) as process:
        process.kill()
        process.wait(10)
        with pytest.raises(DemoError, match="the node was ended by SIGKILL; "):
            stage.check()
    assert how_it_ended(-64 - 1) == "was ended by signal 65"


def test_a_second_demo_does_not_empty_the_folder_of_the_first(run, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_model", lambda: "some-network")
    with demo._fresh(tmp_path / "held") as folder:
        (folder / "evidence").touch()
        assert "already runs" in run("--folder", "held")
        assert (folder / "evidence").exists()
    with demo._fresh(tmp_path / "held") as folder:
        assert not (folder / "evidence").exists()


def test_a_demo_rings_soon_and_then_leaves_people_their_peace():
    """By the truth of the drawn gates: who stays in front of them, and when."""
    begins_s, length_s = [], 600.0
    for camera, scene in zip(GATES, open_sources([gate.source for gate in GATES]), strict=True):
        assert scene.picture_count / scene.fps == length_s
        coarse = DrawnScene(replace(scene.spec, fps=2.0))
        zone = [tuple(corner) for corner in camera.polygon]
        seen = [replace(one, in_zone=inside(zone, one.footpoint)) for one in coarse.truth().presences]
        stays = [stay for stay in stays_of(seen, 2.0, "gate", grace_s=2.0) if stay.dwell_s >= DWELL_S]
        assert stays, camera.name
        if camera.rule["kind"] == "crowd":  # rings once for all of them
            assert len(stays) >= camera.rule["people"]
            stays = stays[:1]
        begins_s.append([stay.enter_s for stay in stays])
    assert begins_s[0][0] < 10
    assert sum(map(len, begins_s)) <= 6  # in ten minutes
    assert all(after[0] - before[-1] > 90 for before, after in pairwise(begins_s))


def test_ctrl_c_while_it_loads_shows_no_trace(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["gatehouse", "demo"])
    monkeypatch.setattr(importlib, "import_module", interrupted)
    with pytest.raises(SystemExit) as end:
        gatehouse.main()
    assert end.value.code == 130
