"""What is free within a process goes back to the machine."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from types import SimpleNamespace
from edge.adapters.memory_return import EVERY_S, MemoryReturn
from edge.adapters.processor_use import memory_of

clock = SimpleNamespace(now_s=0.0, monotonic_s=lambda: clock.now_s)
back = MemoryReturn(clock)
held, kept = [], []
for _ in range(2000):
    held.append(bytearray(60_000))
    kept.append(bytearray(600))  # lies above it
held.clear()
free = memory_of(os.getpid()).rss_bytes
back.turn()
early = memory_of(os.getpid()).rss_bytes
clock.now_s += EVERY_S
back.turn()
print(free - early, free - memory_of(os.getpid()).rss_bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps it")
def test_what_a_small_piece_lies_above_goes_back_each_minute():
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    early, late = map(int, told.stdout.split())
    assert early < 10_000_000
    assert late > 80_000_000
