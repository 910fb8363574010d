"""What processes and their threads take of the machine, as Linux tells it in /proc (see proc(5))."""

import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NAME_BYTES = 15
_KIB = 1024


def name_thread(name: str) -> None:
    """Tells the system what the calling thread is called: for `top -H`, profilers and `thread_seconds`."""
    with suppress(OSError):  # not Linux
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_bytes(name.encode()[:_NAME_BYTES])


def thread_seconds(process: int) -> dict[str, float]:
    """Processor seconds that the threads of a process have used so far, by their names; ended ones are not in it."""
    used: defaultdict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{process}/task").glob("*"):
        with suppress(OSError):  # it has just ended
            ran_ns = int((task / "schedstat").read_text().split()[0])
            used[(task / "comm").read_text().strip()] += ran_ns / 1e9
    return used


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process. rss_bytes: all its pages in memory. pss_bytes: pages shared with n processes count 1/n."""

    rss_bytes: int
    pss_bytes: int


def memory_of(process: int) -> Memory:
    """Raises OSError where the process is gone."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size.split()[0]) * _KIB for name, _, size in (line.partition(":") for line in lines)}
    return Memory(sizes["Rss"], sizes["Pss"])
