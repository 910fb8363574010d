"""What every test may use, and a loud word on what was not checked."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_network import make_bright_network
from ports import free_port

SHARED_ASSETS = Path(__file__).resolve().parents[2] / "shared" / "assets"


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Commands that a test runs in this process keep their files for themselves; the next test begins as usual."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def shared_assets() -> Path:
    """Folder of real videos, networks and truth beside the clone; the test is skipped, and counted, without it."""
    if not SHARED_ASSETS.exists():
        pytest.skip("shared/assets is not beside this clone")
    return SHARED_ASSETS


@pytest.fixture(scope="session")
def bright_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONNX file of a YOLOv8-shaped network that sees one person in every bright picture, and nobody in a dark one."""
    path = tmp_path_factory.mktemp("network") / "bright.onnx"
    make_bright_network(path)
    return path


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
    port = free_port()
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what a green run did not check, by reason."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section(f"NOT CHECKED: {reasons.total()} tests were skipped", yellow=True)
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5} x {reason.removeprefix('Skipped: ')}")
