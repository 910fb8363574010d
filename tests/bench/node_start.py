"""How long a node takes from its start, or from a kill, to its first packet on disk and to watching again.

    python tests/bench/node_start.py --runs 9

A real node, with a worker for each of two virtual cameras, is killed and started again, in turn three ways: all of it
after a stop (what a reboot costs beside the machine's own start), the supervisor alone, one worker alone. Medians and
the worst; a machine that does something else meanwhile shows in both.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "simulation"))

from site_reckoning import CAMERAS, cameras
from whole_site import WholeSite, wait_for

from edge.adapters.system_clock import SystemClock
from edge.app.hold import holder
from edge.virtual_camera.rtsp_server import serve_cameras


class NodeAlone(WholeSite):
    """The site's node without a broker and a console to talk to: recording and watching wait for neither."""

    def segments(self, names: Sequence[str]) -> list[set[str]]:
        """Of each camera when its segments begin, as their files say."""
        folders = [self.folder / "state/recordings" / name for name in names]
        return [{path.stem.partition("-")[0] for path in folder.glob("*.mp4")} for folder in folders]

    def watching_since(self, at_s: float, names: Sequence[str]) -> bool:
        """Whether a picture that was taken after `at_s` was looked at, of each camera."""
        told = [(self.figures() or {}).get(name, {}) for name in names]
        fresh = all(one.get("last_frame_timestamp_seconds", 0.0) > at_s for one in told)
        return fresh and all(one["sees"] == 1.0 and one["recording"] == 1.0 for one in told)


def begun_after(node: NodeAlone, how: str, number: int) -> tuple[float, Sequence[str]]:
    """Ends a part and starts it again where nobody else would; returns since when (UTC seconds), and whose cameras."""
    if how == "worker":
        camera = CAMERAS[number % len(CAMERAS)]
        pid = holder(node.folder / "state/workers" / camera)
        at_s = time.time()
        os.kill(pid, signal.SIGKILL)
        return at_s, [camera]
    at_s = time.time()
    if how == "supervisor":
        node.kill(node.pids("supervisor"))
    else:
        node.end_part("supervisor")
        at_s = time.time()
    node.start_part("supervisor")
    return at_s, CAMERAS


def begun(node: NodeAlone, names: Sequence[str], before: list[set[str]]) -> float:
    """When each of the cameras has a segment that it had not `before`, UTC seconds; looked at every 10 ms."""
    for _ in range(6000):
        if all(now - then for now, then in zip(node.segments(names), before, strict=True)):
            return time.time()
        time.sleep(0.01)
    raise AssertionError("nothing is recorded")


def measured(node: NodeAlone, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds to the first packet and to watching, of the slower camera, by what was ended."""
    found: dict[str, list[tuple[float, float]]] = {"start": [], "supervisor": [], "worker": []}
    for number in range(runs):
        for how, results in found.items():
            before = node.segments(CAMERAS)
            at_s, names = begun_after(node, how, number)
            before = [before[CAMERAS.index(name)] for name in names]
            first_s = begun(node, names, before) - at_s
            wait_for(partial(node.watching_since, at_s, names), 60, "a node that watches")
            results.append((first_s, time.time() - at_s))
            time.sleep(2.0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, serve_cameras(cameras(), SystemClock()) as server:
        from made_network import make_bright_network

        network = Path(folder) / "bright.onnx"
        make_bright_network(network)
        node = NodeAlone(Path(folder), network, {name: server.url(name) for name in CAMERAS})
        try:
            node.start_part("supervisor")
            wait_for(node.watching, 60, "a node that watches")
            found = measured(node, runs)
        finally:
            node.stop()
    for how, results in found.items():
        for what, column in zip(("first packet", "watching"), zip(*results, strict=True), strict=True):
            print(
                f"{how:11} {what:13} p50 {statistics.median(column):.2f} s  max {max(column):.2f} s  (n {len(column)})"
            )


if __name__ == "__main__":
    main()
