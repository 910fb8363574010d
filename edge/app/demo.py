"""`gatehouse demo`: a whole school on this machine: broker, console, cameras over real RTSP, a node."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import httpx
import typer

from edge.adapters.system_clock import SystemClock
from edge.app.camera_check import look_at_stream
from edge.app.demo_school import DWELL_S, GATES, NODE, SITE, DemoCamera, Ports, own_camera, write_config
from edge.app.demo_stage import DemoError, Stage
from edge.app.detector import DetectorError, find_model
from edge.app.hold import hold
from edge.config.document import ConfigError
from edge.config.environment import child_environment, model_override
from edge.config.load import load_config
from edge.config.schema import DetectorSection
from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.control import PORT, ControlError, take_commands
from edge.virtual_camera.media import Loop, PictureSource
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.sources import open_sources

app = typer.Typer(add_completion=False, help="One school on this machine, end to end.")

RTSP = ("rtsp://", "rtsps://")
PATIENCE_S = 240.0  # time for the second of the drawn stories, should a slow machine miss the first
LINK_S = 30.0
MARK = ".gatehouse-demo"  # in a folder that a demo made; locked while one runs there


@app.callback(invoke_without_command=True)
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="do not wait for a browser")] = False,
    until_alert: Annotated[bool, typer.Option("--until-alert", help="end at the first alert with a clip")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the alert as JSON")] = False,
    source: Annotated[str, typer.Option(metavar="RTSP-or-FILE", help="a camera or a video of your own")] = "",
    password_file: Annotated[Path | None, typer.Option(help="the camera's password, for rtsp://USER@...")] = None,
    folder: Annotated[Path, typer.Option(help="where to keep everything; emptied at the start")] = Path("var/demo"),
) -> None:
    """Run broker, console, cameras and a node until Ctrl-C (or the first alert)."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # hung up: its terminal was closed
        signal.signal(number, signal.default_int_handler)
    os.umask(0o077)  # as for what it starts; its log holds the link of the first administrator
    try:
        source, sign_in = sign_in_of(source, password_file)
        alert = _run(folder, source, sign_in, until_alert=until_alert or (headless and as_json), quiet=as_json)
    except (DemoError, ConfigError, DetectorError, MediaError, ControlError) as error:
        typer.echo(f"gatehouse demo: {error}", err=True)
        raise typer.Exit(2) from None
    except BrokenPipeError:  # nobody reads what it says
        raise
    except OSError as error:
        typer.echo(f"gatehouse demo: {error.filename or folder}: {error.strerror}; name another --folder", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        _say_farewell(sys.stderr if as_json else sys.stdout)
        return
    if as_json:
        typer.echo(json.dumps(alert, ensure_ascii=False))


def _say_farewell(out: TextIO) -> None:
    try:
        typer.echo("stopped", file=out)
    except OSError:  # its terminal is gone; Python would stumble over the unsaid word once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def sign_in_of(source: str, password_file: Path | None) -> tuple[str, dict[str, str]]:
    """The address without its user, and the keys of a camera's section that sign in to it. Raises DemoError."""
    if not source.lower().startswith(RTSP):
        if "://" in source:
            raise DemoError(f"--source {source}: give a video file, or an address like rtsp://camera.example/stream")
        parts = SplitResult("", "", source, "", "")
    else:
        parts = _address(source)
    if parts.password is not None:
        raise DemoError(
            "everyone on this machine can read a password in an address: write --source rtsp://USER@HOST/... and give "
            "--password-file FILE"
        )
    username = parts.username
    if (username is None) != (password_file is None):
        raise DemoError("--password-file FILE and a user in --source rtsp://USER@HOST/... go together")
    if username is None or password_file is None:
        return urlunsplit(parts), {}
    if not password_file.is_file():
        raise DemoError(f"--password-file {password_file}: there is no such file; put the camera's password into it")
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return address, {"username": unquote(username), "password_file": str(password_file.resolve())}


def _address(source: str) -> SplitResult:
    """Raises DemoError, whose text never holds the address: it may hold a password."""
    try:
        parts = urlsplit(source)
        wrong = "" if parts.hostname and parts.port != 0 else "it names no camera"
    except ValueError as error:
        wrong = str(error)
    if wrong:
        raise DemoError(f"--source can't be used ({wrong}); write it like rtsp://camera.example:554/stream")
    return parts


def _run(folder: Path, source: str, sign_in: dict[str, str], *, until_alert: bool, quiet: bool) -> dict[str, Any]:
    model = _model()
    with ExitStack() as stack:
        folder = stack.enter_context(_fresh(folder))
        stage, ports = Stage(folder, quiet), Ports(_free(18883), _free(8080), _free(PORT))
        played = _played(stage, source)
        _start_broker(stage, stack, ports)
        _start_console(stage, stack, ports)
        cameras = _cameras(stage, stack, source, sign_in, played, ports.rtsp)
        config = write_config(folder, ports, _protocol(), model, cameras)
        if source.startswith(RTSP):
            stage.say("trying the camera")
            _try(config)
        stage.say(f"starting the node, which looks for people with {model}")
        stack.enter_context(stage.process("node", ["edge", "run", "--config", str(config)], child_environment()))
        link = _welcome_link(stage)
        if until_alert:
            return _first_alert(stage, ports, link)
        if played:
            stage.say(f"make a camera fail from another terminal: {_fault_command(next(iter(played)), ports.rtsp)}")
        rhythm = "" if source else "; the first comes within half a minute, then one every two minutes or so"
        stage.say(f"somebody who stays {DWELL_S:.0f} s in front of a camera raises an alert{rhythm}")
        stage.say(f"open this once to sign in: {link}")
        stage.say("Ctrl-C ends the demo")
        pause = threading.Event()
        while True:
            stage.check()
            pause.wait(0.5)


def _model() -> str:
    """The network to use: the one in the box, or GATEHOUSE_MODEL. Raises DetectorError."""
    entry, path = find_model(DetectorSection())
    return str(path.resolve()) if model_override() else entry.name


def _played(stage: Stage, source: str) -> dict[DemoCamera, Loop | PictureSource]:
    """What the virtual cameras are to play; nothing where the user has a camera. Raises MediaError."""
    if source.startswith(RTSP):
        return {}
    cameras = [own_camera(source)] if source else list(GATES)
    stage.say("opening the video" if source else f"painting {len(cameras)} school gates")
    return dict(zip(cameras, open_sources([camera.source for camera in cameras]), strict=True))


def _start_broker(stage: Stage, stack: ExitStack, ports: Ports) -> None:
    folder = stage.folder / "broker"
    stage.say("starting the broker")
    _gatehouse("broker", "init", str(folder), "--loopback", "--port", str(ports.broker))
    _gatehouse("broker", "add-node", str(folder), NODE)
    stack.enter_context(stage.process("broker", ["broker", "run", str(folder)], child_environment()))
    stage.wait_for_port(ports.broker, "broker")


def _start_console(stage: Stage, stack: ExitStack, ports: Ports) -> None:
    environment = child_environment(
        GATEHOUSE_CONSOLE_FOLDER=str(stage.folder / "console"),
        GATEHOUSE_CONSOLE_PORT=str(ports.console),
        GATEHOUSE_CONSOLE_BROKER_PORT=str(ports.broker),
        GATEHOUSE_CONSOLE_BROKER_TLS="false",
        GATEHOUSE_CONSOLE_BROKER_PROTOCOL=_protocol(),
        GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE=str(stage.folder / "broker/secrets/console.password"),
    )
    stage.say("starting the console")
    token = str(stage.folder / "node.token")
    _gatehouse("console", "add-node", NODE, "--site", SITE, "--token-file", token, environment=environment)
    stack.enter_context(stage.process("console", ["console", "serve"], environment))
    stage.wait_for_port(ports.console, "console")


def _cameras(
    stage: Stage,
    stack: ExitStack,
    source: str,
    sign_in: dict[str, str],
    played: dict[DemoCamera, Loop | PictureSource],
    port: int,
) -> list[tuple[DemoCamera, str, dict[str, str]]]:
    """Each camera with its address and how it is signed in to; starts the virtual ones. Raises ControlError."""
    if not played:
        return [(own_camera(source), source, sign_in)]
    virtual = [VirtualCamera(camera.name, one) for camera, one in played.items()]
    server = stack.enter_context(serve_cameras(virtual, SystemClock(), port))
    stack.enter_context(take_commands(server))
    stage.say(f"cameras play at {server.url('')}: {', '.join(camera.name for camera in played)}")
    return [(camera, server.url(camera.name), {}) for camera in played]


def _fault_command(camera: DemoCamera, port: int) -> str:
    """A command that people can copy."""
    this = sys.argv[0] if Path(sys.argv[0]).name == "gatehouse" else "gatehouse"
    elsewhere = "" if port == PORT else f" --port {port}"
    return f"{this} edge virtual-camera fault {camera.name} stall{elsewhere}"


def _try(config: Path) -> None:
    """Looks at a real camera once. Raises DemoError with what is wrong and how to mend it."""
    camera = load_config(config).cameras[0]
    verdict = look_at_stream(camera, sub=False, clock=SystemClock()).verdict
    if not verdict.works:
        raise DemoError(f"{camera.url}: {verdict.text}")


def _first_alert(stage: Stage, ports: Ports, link: str) -> dict[str, Any]:
    """Signs in as a person would and waits for an alert whose clip has come. Raises DemoError after PATIENCE_S."""
    stage.say("waiting for the first alert with its clip")
    try:
        with httpx.Client(base_url=(address := f"http://127.0.0.1:{ports.console}"), trust_env=False) as browser:
            password, pause = secrets.token_urlsafe(16), threading.Event()
            form = {"name": "demo", "password": password, "again": password}
            browser.post(link, data=form, headers={"Origin": address})
            while stage.age_s < PATIENCE_S:
                stage.check()
                alert = _with_clip(stage, browser)
                if alert is not None:
                    return alert
                pause.wait(0.5)
    except httpx.HTTPError as error:
        threading.Event().wait(1.0)  # one that is just dying has said its last words by then
        stage.check()
        raise DemoError(f"the console does not answer: {error}") from error
    raise DemoError(
        f"no alert with a clip came within {PATIENCE_S:.0f} s; the node's last words:\n{stage.last_words('node')}"
    )


def _with_clip(stage: Stage, browser: httpx.Client) -> dict[str, Any] | None:
    """The first alert whose clip can be fetched. Raises httpx.HTTPError."""
    for alert in browser.get("/api/alerts").raise_for_status().json():
        clip = next((f for f in alert["files"] if f["role"] == "clip" and f["stored_at_s"]), None)
        if clip:
            film = browser.get(f"/api/alerts/{alert['event_id']}/files/{clip['name']}").raise_for_status()
            stage.say(f"{alert['event']['rule']} at {alert['camera_label']}, clip of {len(film.content)} bytes")
            return dict(alert)
    return None


def _welcome_link(stage: Stage) -> str:
    """The console's first link; its port answers a moment before it is printed. Raises DemoError."""
    pause, log = threading.Event(), stage.folder / "console.log"
    for _ in range(round(LINK_S / 0.1)):
        stage.check()
        found = [line for line in log.read_text(errors="replace").splitlines(keepends=True) if "/welcome/" in line]
        if found and found[0].endswith("\n"):  # whole
            return found[0].split()[-1]
        pause.wait(0.1)
    raise DemoError(f"the console printed no sign-in link; see {log}")


def _gatehouse(*words: str, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "gatehouse", *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DemoError(result.stderr.strip())


def _protocol() -> str:
    """MQTT 5 with mosquitto; the embedded broker speaks 3.1.1."""
    return "5" if shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin") else "3.1.1"


@contextmanager
def _fresh(folder: Path) -> Iterator[Path]:
    """An empty folder, held while the demo runs. Only one that an earlier demo made is emptied. Raises DemoError."""
    mark = folder / MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise DemoError(f"{folder} is not empty and was not made by the demo; name another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = hold(mark)
    except BlockingIOError:
        raise DemoError(f"a demo already runs in {folder}; stop it, or name another --folder") from None
    with held:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != mark:
                path.unlink()
        yield folder.resolve()


def _free(port: int) -> int:
    """`port`, or a free one where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
