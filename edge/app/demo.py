"""`gatehouse demo`: a whole school on this machine: broker, console, cameras over real RTSP, a node."""

import json
import multiprocessing
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml

from edge.adapters.system_clock import SystemClock
from edge.app.detector import DetectorError, find_model
from edge.config.environment import child_environment, model_override
from edge.config.schema import DetectorSection
from edge.virtual_camera.media import MediaError
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.sources import load

app = typer.Typer(add_completion=False, help="One school on this machine, end to end.")

SITE, NODE = "Trường Tiểu học Kim Đồng", "demo"
DWELL_S = 8.0
PATIENCE_S = 120.0
# name, what people read, drawn scene
CAMERAS = (
    ("front-gate", "Cổng chính", "drawn:loiterer:day:3"),
    ("side-gate", "Cổng phụ", "drawn:return:dusk:5"),
    ("street", "Đường trước trường", "drawn:gathering:rain:7"),
    ("back-fence", "Hàng rào phía sau", "drawn:pole:night_ir:9"),
)
SCENE_S = 45.0
FORECOURT = [[0.34, 0.56], [0.63, 0.56], [0.69, 0.79], [0.29, 0.79]]  # of the drawn gates: where people wait
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


class DemoError(Exception):
    """The demo can't run; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Ports:
    broker: int
    console: int
    rtsp: int


class _Stage:
    """Starts the parts in order, says what it does, ends them in reverse."""

    def __init__(self, folder: Path, quiet: bool) -> None:
        self.folder, self._quiet, self._clock = folder, quiet, SystemClock()
        self._begun_s = self._clock.monotonic_s()

    def say(self, text: str) -> None:
        """A line of progress, with the seconds since the start."""
        typer.echo(f"[{self._clock.monotonic_s() - self._begun_s:5.1f} s] {text}", err=self._quiet)

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic_s() - self._begun_s

    @contextmanager
    def process(self, name: str, words: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A `gatehouse` command in the background; its words go to a file in the folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "gatehouse", *words]
            running = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()

    def wait_for_port(self, port: int, process: subprocess.Popen[bytes], name: str) -> None:
        """Until something listens there. Raises DemoError with the end of its log where it does not."""
        pause = threading.Event()
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if process.poll() is not None:
                break
            pause.wait(0.1)
        log = (self.folder / f"{name}.log").read_text(errors="replace")[-600:]
        raise DemoError(f"the {name} did not start; its last words:\n{log}")


@app.callback(invoke_without_command=True)
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="do not wait for a browser")] = False,
    until_alert: Annotated[bool, typer.Option("--until-alert", help="end at the first alert with a clip")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the alert as JSON")] = False,
    source: Annotated[str, typer.Option(metavar="RTSP-or-FILE", help="a camera or a video of your own")] = "",
    folder: Annotated[Path, typer.Option(help="where to keep everything; emptied at the start")] = Path("var/demo"),
) -> None:
    """Run broker, console, cameras and a node until Ctrl-C (or the first alert)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        alert = _run(folder, source, until_alert=until_alert or (headless and as_json), quiet=as_json)
    except (DemoError, DetectorError, MediaError, OSError) as error:
        typer.echo(f"gatehouse demo: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("stopped", err=as_json)
        return
    if as_json:
        typer.echo(json.dumps(alert, ensure_ascii=False))


def _run(folder: Path, source: str, *, until_alert: bool, quiet: bool) -> dict[str, Any]:
    model = _model()
    folder = _fresh(folder)
    stage, ports = _Stage(folder, quiet), _Ports(_free(18883), _free(8080), _free(8554))
    with ExitStack() as stack:
        environment = child_environment(
            GATEHOUSE_CONSOLE_FOLDER=str(folder / "console"),
            GATEHOUSE_CONSOLE_PORT=str(ports.console),
            GATEHOUSE_CONSOLE_BROKER_PORT=str(ports.broker),
            GATEHOUSE_CONSOLE_BROKER_TLS="false",
            GATEHOUSE_CONSOLE_BROKER_PROTOCOL=_protocol(),
            GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE=str(folder / "broker/secrets/console.password"),
        )
        cameras = _cameras(stage, stack, source, ports.rtsp)
        stage.say("starting the broker")
        _gatehouse("broker", "init", str(folder / "broker"), "--loopback", "--port", str(ports.broker))
        _gatehouse("broker", "add-node", str(folder / "broker"), NODE)
        broker = stack.enter_context(stage.process("broker", ["broker", "run", str(folder / "broker")], environment))
        stage.wait_for_port(ports.broker, broker, "broker")
        stage.say("starting the console")
        token = str(folder / "node.token")
        _gatehouse("console", "add-node", NODE, "--site", SITE, "--token-file", token, environment=environment)
        console = stack.enter_context(stage.process("console", ["console", "serve"], environment))
        stage.wait_for_port(ports.console, console, "console")
        stage.say(f"starting the node, which looks for people with {model}")
        _write_config(folder, ports, cameras, model, source)
        words = ["edge", "run", "--config", str(folder / "edge.yaml")]
        node = stack.enter_context(stage.process("edge", words, environment))
        link = _welcome_link(folder)
        if until_alert:
            return _first_alert(stage, ports, link, node)
        stage.say(f"open this once to sign in: {link}")
        stage.say(f"somebody who stays {DWELL_S:.0f} s in front of a camera raises an alert; Ctrl-C ends the demo")
        node.wait()
        raise DemoError(f"the node ended by itself; see {folder}/edge.log")


def _model() -> str:
    """The network to use: the default, or what GATEHOUSE_MODEL names. Raises DemoError."""
    try:
        entry, path = find_model(DetectorSection())
    except DetectorError as error:
        raise DemoError(str(error)) from error
    return str(path.resolve()) if model_override() else entry.name


def _cameras(stage: _Stage, stack: ExitStack, source: str, port: int) -> list[tuple[str, str, str]]:
    """Name, label and address of each camera; starts the virtual ones."""
    if source.startswith(("rtsp://", "rtsps://")):
        return [("camera", "Camera", source)]
    rows = [("camera", "Camera", source)] if source else list(CAMERAS)
    stage.say(f"preparing {len(rows)} camera(s)" + ("" if source else ": drawing four school gates (some 20 s)"))
    texts = [text for _, _, text in rows]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        clips = list(pool.map(load, texts, ["h264"] * len(texts), [SCENE_S] * len(texts)))
    virtual = [VirtualCamera(name, clip) for (name, _, _), clip in zip(rows, clips, strict=True)]
    server = stack.enter_context(serve_cameras(virtual, SystemClock(), port))
    return [(name, label, server.url(name)) for name, label, _ in rows]


def _write_config(folder: Path, ports: _Ports, cameras: list[tuple[str, str, str]], model: str, source: str) -> None:
    document = {
        "node": {"name": NODE, "state_dir": "node"},
        "broker": {
            "port": ports.broker,
            "tls": False,
            "password_file": f"broker/secrets/{NODE}.password",
            "protocol": _protocol(),
        },
        "console": {"url": f"http://127.0.0.1:{ports.console}", "token_file": "node.token"},
        "detector": {"model": model},
        "cameras": [
            {
                "name": name,
                "label": label,
                "url": url,
                "recording": {"max_bytes": 200_000_000, "segment_s": 2, "pre_s": 5, "post_s": 5},
                "zones": [{"name": "gate", "label": "Trước cổng", "polygon": WHOLE if source else FORECOURT}],
                "rules": [{"kind": "loitering", "zone": "gate", "dwell_s": DWELL_S, "severity": "high"}],
            }
            for name, label, url in cameras
        ],
    }
    (folder / "edge.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def _first_alert(stage: _Stage, ports: _Ports, link: str, node: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Signs in as a person would and waits for an alert whose clip has come. Raises DemoError after PATIENCE_S."""
    address, password, pause = f"http://127.0.0.1:{ports.console}", secrets.token_urlsafe(16), threading.Event()
    stage.say("waiting for the first alert with its clip")
    with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as browser:
        form = {"name": "demo", "password": password, "again": password}
        browser.post(link, data=form)
        while stage.age_s < PATIENCE_S and node.poll() is None:
            for alert in browser.get("/api/alerts").raise_for_status().json():
                clip = next((f for f in alert["files"] if f["role"] == "clip" and f["stored_at_s"]), None)
                if clip:
                    film = browser.get(f"/api/alerts/{alert['event_id']}/files/{clip['name']}").raise_for_status()
                    stage.say(f"{alert['event']['rule']} at {alert['camera_label']}, clip of {len(film.content)} bytes")
                    return dict(alert)
            pause.wait(0.5)
    raise DemoError(f"no alert with a clip came within {PATIENCE_S:.0f} s; see the logs in {stage.folder}")


def _welcome_link(folder: Path) -> str:
    log = folder / "console.log"
    found = [word for word in log.read_text().split() if "/welcome/" in word]
    if not found:
        raise DemoError(f"the console printed no sign-in link; see {log}")
    return found[0]


def _gatehouse(*words: str, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "gatehouse", *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DemoError(result.stderr.strip())


def _protocol() -> str:
    """MQTT 5 with mosquitto; the embedded broker speaks 3.1.1."""
    return "5" if shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin") else "3.1.1"


def _fresh(folder: Path) -> Path:
    """An empty folder. Only one that an earlier demo made is emptied. Raises DemoError."""
    mark = folder / ".gatehouse-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise DemoError(f"{folder} is not empty and was not made by the demo; name another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    return folder.resolve()


def _free(port: int) -> int:
    """`port`, or a free one where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
