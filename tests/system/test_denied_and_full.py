"""Where this account may not read or write, and where the disk is full: a sentence with place and cure, no trace.

Tests may run as root, which no permission stops: the commands run without the rights that make it so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
CONFIG = """
node: {name: box, state_dir: STATE}
broker: {host: 127.0.0.1, port: 1, tls: false, password_file: SECRET}
console: {url: "http://127.0.0.1:1", token_file: secret}
cameras: [{name: gate, url: "rtsp://127.0.0.1:1/gate"}]
"""


@pytest.fixture
def run(tmp_path):
    """Runs `gatehouse WORDS` in a folder with `dark` (not to be entered), `shut` (not to be written to) and files."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv, which takes root's rights away, is not here")
        prefix = WITHOUT_ROOTS_RIGHTS
    for name in ("dark/in", "shut"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("secret", "locked", "det.txt"):
        (tmp_path / name).write_text("s\n")
    (tmp_path / "det.txt").write_text("1,-1,10,10,20,20,0.9,-1,-1,-1\n")
    denied = CONFIG.replace("STATE", "shut/state").replace("SECRET", "locked")
    (tmp_path / "denied.yaml").write_text(denied)
    (tmp_path / "sound.yaml").write_text(CONFIG.replace("STATE", "state").replace("SECRET", "secret"))
    (tmp_path / "shut").chmod(0o500)
    (tmp_path / "locked").chmod(0)
    (tmp_path / "dark").chmod(0)
    gatehouse = str(Path(sys.executable).with_name("gatehouse"))

    def told(*words: str, **settings: str) -> str:
        environment = {**os.environ, "COLUMNS": "300", "XDG_DATA_HOME": str(tmp_path / "data"), **settings}
        line = [*prefix, gatehouse, *words]
        ended = subprocess.run(
            line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        output = ended.stdout + ended.stderr
        assert ended.returncode == 2, output
        assert "Traceback" not in output
        return output

    yield told
    for name in ("dark", "shut"):
        (tmp_path / name).chmod(0o700)


def test_what_a_node_may_not_read_or_write_is_told_at_once(run):
    for command in ("run", "check"):
        told = run("edge", command, "--config", "denied.yaml")
        for words in (
            "line 2: node.state_dir: ",
            "line 3: broker.password_file: ",
            "Permission denied",
            "2 problem(s)",
        ):
            assert words in told
        assert "the file can't be read: Permission denied" in run("edge", command, "--config", "dark/in/x.yaml")
    told = run("edge", "run", "--config", "sound.yaml", XDG_DATA_HOME="dark/in")
    assert (
        "detector.model: the manifest dark/in/gatehouse/models/manifest.toml can't be read (Permission denied)" in told
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("edge replay dark/in/v.mp4", "name a video file"),
        ("edge track det.txt --fps 5 --out dark/in/o", "can't be written (Permission denied); name another file"),
        ("edge track dark/in/d --fps 5 --out o", "can't be read (Permission denied)"),
        ("edge virtual-camera serve --camera g=dark/in/v.mp4", "name a video file"),
        ("edge virtual-camera serve --camera g=drawn:empty:day:1 --host a..b", "say another --host"),
        ("edge virtual-camera serve --camera g=drawn:empty:day:1 --host 192.0.2.1", "say another --host"),
        ("edge virtual-camera draw --seconds 1 --out shut/x.mp4", "shut/x.mp4 can't be written (Permission denied)"),
        ("models evaluate default --images dark/in", "dark/in can't be read (Permission denied)"),
        ("broker init shut/b", "Permission denied; name another folder"),
        ("broker add-node dark/in box", "Permission denied; name another folder"),
        ("broker contract --out shut/c", "Permission denied; name another folder"),
        ("console add-node q --site x --token-file shut/t", "shut/t: Permission denied; name a place"),
    ],
)
def test_what_other_commands_may_not_read_or_write_is_told(run, words, told):
    assert told in run(*words.split(" "), GATEHOUSE_CONSOLE_FOLDER="console")


def test_what_the_console_may_not_read_or_write_is_told(run):
    assert "GATEHOUSE_CONSOLE_FOLDER" in run("console", "serve", GATEHOUSE_CONSOLE_FOLDER="shut/c")
    told = run("console", "serve", GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE="locked", GATEHOUSE_CONSOLE_PORT="x")
    assert "BROKER_PASSWORD_FILE: locked can't be read (Permission denied)" in told
    assert "GATEHOUSE_CONSOLE_PORT: " in told


@pytest.fixture
def full(tmp_path):
    """A disk of its own without a byte left, mounted at `full`."""
    disk = tmp_path / "full"
    disk.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    mounted = subprocess.run(line, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        with (disk / "fill").open("wb", buffering=0) as file:
            for _ in range(65):
                file.write(bytes(1024))
    except OSError:
        pass
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_leaves_no_halves(full, run, bright_network):
    room = "make room"
    assert "No space left on device" in run("broker", "init", "full/b")
    assert "None" not in run("broker", "contract", "--out", "full/c")
    assert room in run("models", "add", str(bright_network), XDG_DATA_HOME="full/data")
    assert not list(full.rglob("*.part"))
    told = run("console", "add-node", "q", "--site", "x", "--token-file", "full/t", GATEHOUSE_CONSOLE_FOLDER="console")
    assert "full/t: No space left on device" in told
    assert not (full / "t").exists()
    assert "disk has room" in run("console", "serve", GATEHOUSE_CONSOLE_FOLDER="full/console")
    assert room in run("edge", "virtual-camera", "draw", "--seconds", "1", "--out", "full/x.mp4")


def test_a_node_that_begins_on_a_full_disk_says_so_and_goes_on(full, run):
    Path(full.parent / "on-full.yaml").write_text(CONFIG.replace("STATE", "full/state").replace("SECRET", "secret"))
    line = [str(Path(sys.executable).with_name("gatehouse")), "edge", "run", "--config", "on-full.yaml"]
    with subprocess.Popen(line, cwd=full.parent, stderr=subprocess.PIPE, text=True) as node:
        try:
            assert any("look at the disk" in told for told in node.stderr)
            assert any("watching 1 camera" in told for told in node.stderr)
            node.terminate()
            assert node.wait(30) == 0
        finally:
            node.kill()
