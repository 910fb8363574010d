"""The processes of a demo: started in order, ended in reverse, their words kept."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from edge.adapters.system_clock import SystemClock

LAST_LINES = 12
STOP_S = 10.0


class DemoError(Exception):
    """The demo can't run; the text says why and what to do."""


class Stage:
    """Starts the parts in order, says what it does, ends them in reverse."""

    def __init__(self, folder: Path, quiet: bool) -> None:
        self.folder, self._quiet, self._clock = folder, quiet, SystemClock()
        self._begun_s = self._clock.monotonic_s()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def say(self, text: str) -> None:
        """A line of progress, with the seconds since the start."""
        typer.echo(f"[{self._clock.monotonic_s() - self._begun_s:5.1f} s] {text}", err=self._quiet)

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic_s() - self._begun_s

    @contextmanager
    def process(self, name: str, words: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A `gatehouse` command in the background; its words go to a file in the folder.

        It ends with the block, and where this process is killed.
        """
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "edge.app.leash", *words]
            running = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.PIPE, start_new_session=True
            )
        with running:  # lets go of the leash and waits at its end
            self._running[name] = running
            try:
                yield running
            finally:
                del self._running[name]
                running.terminate()
                try:
                    running.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    running.kill()

    def wait_for_port(self, port: int, name: str) -> None:
        """Until the part `name` listens there. Raises DemoError with the end of its log where it does not."""
        pause = threading.Event()
        for _ in range(600):
            self.check()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            pause.wait(0.1)
        raise DemoError(f"the {name} did not start within a minute; its last words:\n{self.last_words(name)}")

    def check(self) -> None:
        """Raises DemoError with the last words of a part that ended by itself."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise DemoError(f"the {name} {how_it_ended(code)}; its last words:\n{self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """The last lines of what a process said, whole."""
        path = self.folder / f"{name}.log"
        said = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        return "\n".join(f"  {line}" for line in said[-LAST_LINES:]) + f"\n(all of them: {path})"


def how_it_ended(code: int) -> str:
    """code: a return code as subprocess gives it, negative for a signal."""
    if code >= 0:
        return f"ended by itself with return code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
