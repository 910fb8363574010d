"""Faults on command for a server that runs in another process: one line in, one line out, over a local socket.

    CAMERA FAULT on [for=SECONDS] [amount=NUMBER]
    CAMERA FAULT off
    list

answered by `done`, by `CAMERA: FAULT FAULT; CAMERA: none`, or by `error: ` and what is wrong. Only the user whose
server it is can reach the socket.
"""

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.virtual_camera.faults import FaultOrder
from edge.virtual_camera.rtsp_server import RtspServer, RunningServer

PORT = 8554  # RTSP, where nobody says otherwise
_TIMEOUT_S = 5.0
_MAX_LINE_BYTES = 1000


class ControlError(Exception):
    """The server can't be reached, or refuses; the text says why and what to do."""


def control_path(port: int) -> Path:
    """Where the server on that RTSP port listens for commands."""
    return Path(tempfile.gettempdir()) / f"gatehouse-virtual-camera-{os.getuid()}" / f"{port}.sock"


def carry_out(server: RtspServer, line: str) -> str:
    """Does what a line says, in the server's event loop, and answers."""
    words = line.split()
    if words == ["list"]:
        return "; ".join(f"{name}: {' '.join(sorted(server.faults(name))) or 'none'}" for name in server.cameras)
    try:
        server.order(_order(words))
    except KeyError:
        return f"error: there is no camera {words[0]!r}; there is {', '.join(server.cameras)}"
    except ValueError as error:
        return f"error: {error}"
    return "done"


def _order(words: list[str]) -> FaultOrder:
    usage = "write: CAMERA FAULT on [for=SECONDS] [amount=NUMBER], or CAMERA FAULT off, or list"
    if len(words) < 3 or words[2] not in ("on", "off"):
        raise ValueError(usage)
    numbers: dict[str, float] = {}
    for word in words[3:]:
        name, _, number = word.partition("=")
        if name not in ("for", "amount") or name in numbers:
            raise ValueError(usage)
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ValueError(f"{number!r} is no number; {usage}") from None
    return FaultOrder(words[0], words[1], words[2] == "on", numbers.get("for"), numbers.get("amount"))


class ControlSocket:
    """Takes commands for one server. Start it in the server's event loop, after the server."""

    def __init__(self, server: RtspServer) -> None:
        self._server = server
        self._listener: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self) -> Path:
        """Listens; returns where. Raises ControlError."""
        path = control_path(self._server.port)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            found = path.parent.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                raise ControlError(f"{path.parent} is not a folder of yours alone; remove it")
            path.unlink(missing_ok=True)  # of a killed server: the port is ours, so the socket is too
            self._listener = await asyncio.start_unix_server(self._talk, path, limit=_MAX_LINE_BYTES)
        except OSError as error:
            raise ControlError(
                f"{path}: {error.strerror or error}; set TMPDIR to a folder that you can write"
            ) from error
        self._path = path
        return path

    async def stop(self) -> None:
        """Stops listening."""
        if self._listener is not None and self._path is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):  # ValueError: a line without end
            while line := await reader.readline():
                writer.write((carry_out(self._server, line.decode("utf-8", "replace")) + "\n").encode())
                await writer.drain()
        writer.close()


@contextmanager
def take_commands(running: RunningServer) -> Iterator[None]:
    """Takes commands for a server that runs in a thread, while the block runs. Raises ControlError."""

    async def listen(server: RtspServer) -> ControlSocket:
        control = ControlSocket(server)
        await control.start()
        return control

    control = running.run(listen)
    try:
        yield
    finally:
        running.run(lambda _: control.stop())


def command(port: int, line: str) -> str:
    """Says one line to the server on that RTSP port; its answer. Raises ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_TIMEOUT_S)
        try:
            client.connect(str(control_path(port)))
            client.sendall(line.encode() + b"\n")
            with client.makefile("r", encoding="utf-8") as replies:
                answer = replies.readline().strip()
        except OSError as error:
            raise ControlError(
                f"no virtual camera of yours listens on port {port} ({error.strerror or error}); {_others(port)}"
            ) from error
    if not answer or answer.startswith("error: "):
        raise ControlError(answer.removeprefix("error: ") or "the server went away without an answer")
    return answer


def _others(port: int) -> str:
    """What to do where nothing listens on `port`."""
    found = control_path(port).parent.glob("*.sock")
    ports = sorted(int(path.stem) for path in found if path.stem.isdecimal())
    ports = [port for port in ports if _listens(port)]
    if ports:
        return f"say --port {' or '.join(map(str, ports))}, where others of yours listen"
    return "start some with `gatehouse edge virtual-camera serve` or `gatehouse demo`"


def _listens(port: int) -> bool:
    """A killed server leaves its socket behind, deaf."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        return client.connect_ex(str(control_path(port))) == 0
