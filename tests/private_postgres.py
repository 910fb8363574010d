"""A PostgreSQL server of one's own, on loopback, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port


@contextmanager
def private_postgres(*, safe: bool = False) -> Iterator[str | None]:
    """Its URL; None where PostgreSQL is not installed. safe: what is committed is on the disk, as in real life."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        yield None
        return
    # Not below pytest's own folder: a second pytest run at the same time takes the right to look into that away.
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
    as_other: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    tools, data = found[-1].parent, folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*as_other, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    run(str(tools / "initdb"), "-A", "trust", "-E", "UTF8", "-U", "gatehouse", "-D", str(data))
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    options += "" if safe else " -c fsync=off"
    run(str(tools / "pg_ctl"), "-w", "-D", str(data), "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://gatehouse@127.0.0.1:{port}/postgres"
    finally:
        stop = [str(tools / "pg_ctl"), "-w", "-m", "fast", "-D", str(data), "stop"]
        subprocess.run([*as_other, *stop], check=False, stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)
