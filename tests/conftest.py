"""What every test may use, and a loud word on what was not checked."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_network import make_bright_network
from private_postgres import private_postgres

# Where a shell runs the tests in the background it ignores Ctrl-C for them, and for all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
    with private_postgres() as url:
        if url is None:
            pytest.skip("PostgreSQL is not installed")
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what a green run did not check, by reason."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section(f"NOT CHECKED: {reasons.total()} tests were skipped", yellow=True)
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5} x {reason.removeprefix('Skipped: ')}")
