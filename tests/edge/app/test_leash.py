"""What is started on a leash ends with whoever holds it, and with nothing else."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

# Says when the leash is on, then becomes another program, as the broker does.
CHILD = """
import os, sys
from edge.app.leash import end_with
end_with(0)
print("on", flush=True)
os.execvp("sleep", ["sleep", "600"])
"""
HOLDER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


def on_a_leash() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"on\n"
    return process


def test_letting_go_ends_it():
    with on_a_leash() as process:
        process.stdin.close()
        assert process.wait(10) == -signal.SIGTERM


def test_one_let_go_before_it_was_on_ends_too():
    ours, theirs = os.pipe()
    os.close(theirs)
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=ours, stdout=subprocess.PIPE) as process:
        assert process.wait(10) == -signal.SIGTERM
    os.close(ours)


def test_the_end_of_the_thread_that_started_it_is_not_its_end():
    started = []
    thread = threading.Thread(target=lambda: started.append(on_a_leash()))
    thread.start()
    thread.join()
    with started[0] as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.stdin.close()
        assert process.wait(10) == -signal.SIGTERM


def test_killing_the_holder_ends_it():
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, CHILD], stdout=subprocess.PIPE)
    with holder:
        pid = int(holder.stdout.readline())
        assert holder.stdout.readline() == b"on\n"
        assert Path(f"/proc/{pid}").exists()
        holder.kill()
        assert holder.stdout.read() == b""  # it held the other end, too: read until both are gone
