"""Calls and names that the house does not have, each with what to use instead."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "models", "broker", "console", "gatehouse.py")

CLOCKS = {
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "time.process_time",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
}
MAY_READ_THE_CLOCK = {
    "edge/adapters/system_clock.py",
    "console/app/system_clock.py",
    "broker/certificates.py",  # a certificate's dates, passed in by tests
    "models/cli.py",  # processor seconds, handed to the benchmark
}
MAY_READ_THE_ENVIRONMENT = {"edge/config/environment.py", "console/app/settings.py"}
# The top of a thread or of a process, where a bug is logged and the rest lives on.
MAY_CATCH_EVERYTHING = {"console/app/factory.py", "console/notify/dispatcher.py"}


def sources() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / line for line in listing if line.endswith(".py") and (ROOT / line).exists()]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    return [(dotted(node.func), node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_time_comes_from_the_clock_adapter(path):
    name = str(path.relative_to(ROOT))
    found = [f"{name}:{line} {call}" for call, line in calls(path) if call in CLOCKS]
    assert name in MAY_READ_THE_CLOCK or not found, f"take a clock as an argument: {found}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_environment_is_read_in_the_configuration_only(path):
    name = str(path.relative_to(ROOT))
    found = re.findall(r"os\.environ|os\.getenv", path.read_text())
    assert name in MAY_READ_THE_ENVIRONMENT or not found, f"{name}: read it in the configuration and pass it in"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_is_caught_only_at_the_top_of_a_thread(path):
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or dotted(node.type) == "Exception"):
            assert name in MAY_CATCH_EVERYTHING, f"{name}:{node.lineno} name the errors that you can handle"


def test_files_are_named_by_a_noun():
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "types.py", "misc.py"}
    assert not [path for path in sources() if path.name in vague]


def test_tests_are_no_packages():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_committed():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    telling = re.compile(
        r"https?://[^\s\"')]*(?:py"
        + r"pi|python"
        + r"hosted|npm"
        + r"js)\.|/(?:ho"
        + r"me|ro"
        + r"ot|wo"
        + r"rk)/[a-z]"
    )
    for line in listing.splitlines():
        path = ROOT / line
        if path.suffix in {".png", ".jpg", ".mo", ".onnx", ".pt", ".mp4"} or not path.is_file() or line == "LICENSE":
            continue
        found = telling.search(path.read_text(encoding="utf-8"))
        assert not found, f"{line} holds {found[0] if found else ''}"
