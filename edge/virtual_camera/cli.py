"""`gatehouse edge virtual-camera`: cameras to try things on, without a ladder."""

import asyncio
import errno
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge.adapters.system_clock import SystemClock
from edge.config.load import read_secret
from edge.virtual_camera.access_unit import Codec, MediaError
from edge.virtual_camera.control import PORT, ControlError, ControlSocket, carry_out, command
from edge.virtual_camera.digest import Account
from edge.virtual_camera.draw_command import draw
from edge.virtual_camera.faults import FAULTS
from edge.virtual_camera.rtsp_server import RtspServer, VirtualCamera
from edge.virtual_camera.sources import open_sources, split_ahead

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Cameras to try things on, without a ladder.")


app.command()(draw)


@app.command()
def serve(
    camera: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=SOURCE",
            help="a video FILE[@SECONDS], or drawn:STORY:LIGHT:SEED[:WIDTHxHEIGHT][@BEGIN-END/LENGTH]; repeatable",
        ),
    ],
    sub: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SOURCE", help="what its sub-stream NAME/sub plays; repeatable")
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = PORT,
    username: Annotated[str | None, typer.Option(help="user that cameras ask for")] = None,
    password_file: Annotated[Path | None, typer.Option(help="file with the password")] = None,
    codec: Annotated[Literal["h264", "h265"], typer.Option(help="of drawn scenes; files keep theirs")] = "h264",
) -> None:
    """Play videos and drawn scenes as RTSP cameras, in a loop.

    Type `NAME FAULT on` or `NAME FAULT off` to make and mend faults, or use `fault` from another terminal.
    """
    try:
        account = _account(username, password_file)
        cameras = _cameras(camera, sub or [], account, "hevc" if codec == "h265" else "h264")
        asyncio.run(_serve(RtspServer(cameras, SystemClock(), host, port), host))
    except UnicodeError:  # a host of which a part is empty or has 64 letters
        typer.echo(f"gatehouse edge virtual-camera serve: there is no host {host!r}; say another --host", err=True)
        raise typer.Exit(2) from None
    except (MediaError, ControlError) as error:
        typer.echo(f"gatehouse edge virtual-camera serve: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def fault(
    camera: Annotated[str, typer.Argument(help="name of the camera, or `list` to see what is wrong now")],
    name: Annotated[str, typer.Argument(metavar="FAULT", help=f"one of: {', '.join(FAULTS)}")] = "",
    off: Annotated[bool, typer.Option("--off", help="mend it")] = False,
    for_s: Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="mends itself after that")] = None,
    amount: Annotated[
        float | None, typer.Option(help="of damage: share of packets, 0 to 1; of jump: seconds, also negative")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="RTSP port of the running server")] = PORT,
) -> None:
    """Make or mend a fault of a camera that `serve` or `gatehouse demo` plays in another terminal."""
    more = [f"{key}={value:g}" for key, value in (("for", for_s), ("amount", amount)) if value is not None]
    words = ["list"] if camera == "list" and not name else [camera, name or "?", "off" if off else "on", *more]
    try:
        if any(not word or set(word) & set(" \t\r\n") for word in words):
            raise ControlError("names of cameras and faults have no spaces")
        typer.echo(command(port, " ".join(words)))
    except ControlError as error:
        typer.echo(f"gatehouse edge virtual-camera fault: {error}", err=True)
        raise typer.Exit(2) from None


def _account(username: str | None, password_file: Path | None) -> Account | None:
    if not username or not password_file:
        if username is not None or password_file is not None:
            raise MediaError("--username and --password-file go together")
        return None
    try:
        return Account(username, read_secret(password_file))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise MediaError(
            f"--password-file {password_file} can't be read ({why}); name a file with the password alone"
        ) from error


def _cameras(cameras: list[str], sub_streams: list[str], account: Account | None, codec: Codec) -> list[VirtualCamera]:
    played, also = _named("--camera", cameras), _named("--sub", sub_streams)
    if lost := sorted(also.keys() - played.keys()):
        raise MediaError(f"--sub {lost[0]}=...: there is no --camera {lost[0]}=...")
    begun = {name: split_ahead(source) for name, source in played.items()}
    opened = open_sources([*(source for source, _ in begun.values()), *also.values()])
    mains, subs = dict(zip(played, opened, strict=False)), dict(zip(also, opened[len(played) :], strict=True))
    return [VirtualCamera(name, main, subs.get(name), account, codec, begun[name][1]) for name, main in mains.items()]


def _named(option: str, texts: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for text in texts:
        name, equals, source = text.partition("=")
        if not equals or not name or set(name) & set("/ \t"):
            raise MediaError(f"{option} {text!r}: write it as NAME=FILE or NAME=drawn:loiterer:day:1, NAME without / ")
        if name in named:
            raise MediaError(f"{option} {name}=... stands twice; give each camera a name of its own")
        named[name] = source
    return named


def _why_deaf(host: str, port: int, error: OSError) -> str:
    """Why nobody can listen there, and what to do."""
    cures = {
        errno.EADDRINUSE: f"port {port} is taken; stop what listens there, or say --port (0 takes a free one)",
        errno.EACCES: f"port {port} is not for you; say a --port above 1023",
        errno.EADDRNOTAVAIL: f"{host} is no address of this machine; say another --host",
    }
    if isinstance(error, socket.gaierror):
        return f"there is no host {host!r}; say another --host"
    return cures.get(error.errno or 0, f"{host} port {port} can't be listened on: {error.strerror}")


async def _serve(server: RtspServer, host: str) -> None:
    try:
        await server.start()
    except OSError as error:
        raise MediaError(_why_deaf(host, server.port, error)) from error
    control = ControlSocket(server)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ended.set)
    try:
        await control.start()
        for name in server.cameras:
            typer.echo(f"rtsp://{f'[{host}]' if ':' in host else host}:{server.port}/{name}")
        typer.echo(f"faults: {' '.join(FAULTS)}")
        sys.stdout.flush()
        # A thread that nobody waits for: reading from a terminal can't be interrupted.
        if _at_the_keyboard():
            threading.Thread(target=_listen, args=(server, loop), name="commands", daemon=True).start()
        await ended.wait()
    finally:
        await control.stop()
        await server.stop()


def _at_the_keyboard() -> bool:
    """Whether what is typed is for this process: reading in the background would stop it."""
    if sys.stdin is None or sys.stdin.closed:
        return False
    return not sys.stdin.isatty() or os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _listen(server: RtspServer, loop: asyncio.AbstractEventLoop) -> None:
    """Carries out what is typed, until there is no more."""

    def answer(line: str) -> None:
        typer.echo(carry_out(server, line))
        sys.stdout.flush()

    # Without a buffer: its lock, held by a thread that waits for a line, would end the interpreter in an error.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as typed:
        for line in iter(typed.readline, b""):
            if line.strip() and not loop.is_closed():
                loop.call_soon_threadsafe(answer, line.decode("utf-8", "replace"))
