"""Each second of a start is video: nothing is loaded before the recording that it does not need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BEHIND = {"httpx", "paho", "onnxruntime", "http.server", "broker.contract.messages", "models.registry"}


@pytest.mark.parametrize(
    ("modules", "later"),
    [
        ("edge.app.cli", {"numpy", "pydantic", "av"}),
        ("edge.app.cli, edge.app.run_command", {"av", "cv2"}),
        ("edge.app.worker_process, edge.app.recorded_cameras", set()),
    ],
    ids=["command", "supervisor", "worker"],
)
def test_what_stands_behind_the_recording_is_loaded_after_it(modules, later):
    """later: what the next step needs and this one does not."""
    told = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=50, check=True)
    assert not (BEHIND | later) & set(loaded.stdout.split())


def test_nothing_is_loaded_while_somebody_is_being_watched():
    """The tracker loaded its assignment at the first person: seconds on a busy box."""
    rooms = ("edge/core", "edge/pipeline", "edge/app/worker.py", "edge/app/event_writer.py", "edge/app/clip_desk.py")
    files = [
        file for room in rooms for file in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    ]
    assert len(files) > 40
    late = [
        f"{file.relative_to(ROOT)}:{inner.lineno}"
        for file in files
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert late == []
