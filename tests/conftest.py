"""What every test may use, and a loud word on what was not checked."""

from collections import Counter
from pathlib import Path

import pytest

SHARED_ASSETS = Path(__file__).resolve().parents[2] / "shared" / "assets"


@pytest.fixture(scope="session")
def shared_assets() -> Path:
    """Folder of real videos, networks and truth beside the clone; the test is skipped, and counted, without it."""
    if not SHARED_ASSETS.exists():
        pytest.skip("shared/assets is not beside this clone")
    return SHARED_ASSETS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what a green run did not check, by reason."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section(f"NOT CHECKED: {reasons.total()} tests were skipped", yellow=True)
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5} x {reason.removeprefix('Skipped: ')}")
