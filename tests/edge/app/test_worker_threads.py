"""Whichever thread of a worker dies of a bug: the worker ends with it, and is started anew by its supervisor."""

import subprocess
import sys

WORKER = """
import multiprocessing, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
from edge.app import worker

folder = Path(sys.argv[1])
(folder / "workers").mkdir()
ours, theirs = multiprocessing.Pipe()
ours.close()  # nobody wants a worker
worker.run_worker(SimpleNamespace(node=SimpleNamespace(state_dir=folder)), ["gate"], theirs)
threading.Thread(target=lambda: 1 / 0, name="gate-main").start()
time.sleep(60)
"""


def test_a_reader_that_dies_of_a_bug_is_no_camera_that_is_blind_for_ever(tmp_path):
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 70
    assert "thread gate-main ended by a bug; the worker restarts" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr
