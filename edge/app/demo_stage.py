"""The processes of a demo: started in order, ended in reverse, their words kept."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from edge.adapters.system_clock import SystemClock


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
        """A `gatehouse` command in the background; its words go to a file in the folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "gatehouse", *words]
            running = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._running[name] = running
        try:
            yield running
        finally:
            del self._running[name]
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()

    def wait_for_port(self, port: int, process: subprocess.Popen[bytes], name: str) -> None:
        """Until something listens there. Raises DemoError with the end of its log where it does not."""
        pause = threading.Event()
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if process.poll() is not None:
                break
            pause.wait(0.1)
        raise DemoError(f"the {name} did not start; its last words:\n{self.last_words(name)}")

    def check(self) -> None:
        """Raises DemoError with the last words of a part that ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoError(f"the {name} ended by itself; its last words:\n{self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """The end of what a process said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-600:]
