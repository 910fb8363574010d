"""Real parts that several groups of tests share."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a private PostgreSQL server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's own folder: a second pytest run at the same time takes the right to look into that away.
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
    as_other: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tools, data = found[-1].parent, folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*as_other, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    run(str(tools / "initdb"), "-A", "trust", "-E", "UTF8", "-U", "gatehouse", "-D", str(data))
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run(str(tools / "pg_ctl"), "-w", "-D", str(data), "-o", options, "-l", str(folder / "log"), "start")
    yield f"postgresql://gatehouse@127.0.0.1:{port}/postgres"
    stop = [str(tools / "pg_ctl"), "-w", "-m", "fast", "-D", str(data), "stop"]
    subprocess.run([*as_other, *stop], check=False, stdout=subprocess.DEVNULL, cwd="/")
    shutil.rmtree(folder, ignore_errors=True)
