"""`gatehouse edge virtual-camera`: cameras to try things on, without a ladder."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.system_clock import SystemClock
from edge.config.load import read_secret
from edge.virtual_camera.digest import Account
from edge.virtual_camera.draw_command import draw
from edge.virtual_camera.faults import PICTURE_FAULTS, STREAM_FAULTS
from edge.virtual_camera.media import MediaError
from edge.virtual_camera.rtsp_server import RtspServer, VirtualCamera
from edge.virtual_camera.sources import load

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Cameras to try things on, without a ladder.")


app.command()(draw)


@app.command()
def serve(
    camera: Annotated[
        list[str], typer.Option(metavar="NAME=SOURCE", help="a video file, or drawn:STORY:LIGHT:SEED; repeatable")
    ],
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 8554,
    username: Annotated[str | None, typer.Option(help="user that cameras ask for")] = None,
    password_file: Annotated[Path | None, typer.Option(help="file with the password")] = None,
) -> None:
    """Play videos as RTSP cameras, in a loop. Type `NAME FAULT on` or `NAME FAULT off` to make and mend faults."""
    try:
        account = Account(username, read_secret(password_file)) if username and password_file else None
        if (username is None) != (password_file is None):
            raise MediaError("--username and --password-file go together")
        cameras = [_camera(text, account) for text in camera]
        asyncio.run(_serve(RtspServer(cameras, SystemClock(), host, port), host, [one.name for one in cameras]))
    except (MediaError, OSError) as error:
        typer.echo(f"gatehouse edge virtual-camera serve: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        pass


def _camera(text: str, account: Account | None) -> VirtualCamera:
    name, equals, path = text.partition("=")
    if not equals or not name or "/" in name:
        raise MediaError(f"--camera {text!r}: write it as NAME=FILE or NAME=drawn:loiterer:day:1")
    return VirtualCamera(name, load(path), account=account)


async def _serve(server: RtspServer, host: str, names: list[str]) -> None:
    await server.start()
    for name in names:
        typer.echo(f"rtsp://{host}:{server.port}/{name}")
    typer.echo(f"faults: {' '.join(STREAM_FAULTS + PICTURE_FAULTS)}")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            typer.echo(_switch(server, line.split()))
        await asyncio.Event().wait()  # no terminal: serve until killed
    finally:
        await server.stop()


def _switch(server: RtspServer, words: list[str]) -> str:
    if len(words) != 3 or words[2] not in ("on", "off"):
        return "write: NAME FAULT on|off"
    try:
        server.fault(words[0], words[1], words[2] == "on")
    except KeyError:
        return f"there is no camera {words[0]!r}"
    except (ValueError, MediaError) as error:
        return str(error)
    return "done"
