"""What a node writes while nobody is in its picture: `python tests/system/idle_writes.py --folder DIR --seconds 60`.

DIR is on the disk to be looked at. Of the processes it counts what the kernel does (/proc/PID/io); where DIR is on a
disk of its own, with nothing else on it, also what reaches that disk, the file system's own journal included.
"""

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).parent))
from node_site import ListeningConsole, Site, wait_for

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.sources import open_sources

SETTLED_SEGMENTS = 3  # by then everything has begun that begins


@dataclass(frozen=True)
class Writes:
    """Within `seconds`. changed: files of the state folder, recordings apart, that are not as they were.

    written_bytes: of both processes, to files on a disk. recorded_bytes: video among them. disk_bytes: of the device.
    """

    seconds: float
    recorded_bytes: int
    supervisor_bytes: int
    worker_bytes: int
    disk_bytes: int | None
    changed: list[str]


def written_bytes(process: int) -> int:
    """What a process has made the kernel write to disks."""
    rows = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
    return int(rows["write_bytes"]) - int(rows["cancelled_write_bytes"])


def disk_bytes(folder: Path) -> int | None:
    """What the disk below `folder` has written; None where the kernel does not tell."""
    number = folder.stat().st_dev
    path = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(path.read_text().split()[6]) * 512 if path.exists() else None


def measure(site: Site, node: int, worker: int, seconds: float) -> Writes:
    """Watches a running node for so long."""
    state = site.folder / "state"

    def recorded() -> int:
        return sum(path.stat().st_size for path in (state / "recordings").rglob("*.mp4"))

    def others() -> dict[str, tuple[int, int]]:
        files = (path for path in state.rglob("*") if path.is_file() and "recordings" not in path.parts)
        return {str(path.relative_to(state)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    os.sync()
    before = recorded(), written_bytes(node), written_bytes(worker), disk_bytes(site.folder)
    files, began_s = others(), time.monotonic()
    time.sleep(seconds)  # the measurement itself
    os.sync()
    took_s = time.monotonic() - began_s
    after = recorded(), written_bytes(node), written_bytes(worker), disk_bytes(site.folder)
    of_disk = None if before[3] is None or after[3] is None else after[3] - before[3]
    now = others()
    changed = sorted(name for name in files.keys() | now.keys() if files.get(name) != now.get(name))
    return Writes(took_s, *(after[i] - before[i] for i in range(3)), of_disk, changed)


def idle_node(site: Site, address: str, segment_s: float = 2) -> tuple[int, int, ListeningConsole]:
    """Starts a node before a camera; the processes of supervisor and worker once it sees and has settled."""
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(address)
    file = site.folder / "edge.yaml"
    file.write_text(file.read_text().replace("segment_s: 2", f"segment_s: {segment_s}"))
    node = site.start_node()
    wait_for(lambda: any(one.state == "sees" for told in console.health for one in told.cameras), 60, "a picture")
    recordings = site.folder / "state/recordings"
    wait_for(lambda: len(list(recordings.rglob("*.mp4"))) > SETTLED_SEGMENTS, 60, "closed segments")
    return node.pid, site.workers(node)[0], console


def main(
    folder: Annotated[Path, typer.Option(help="on the disk to be looked at")],
    seconds: Annotated[float, typer.Option(help="for how long to look")] = 60.0,
    segment_s: Annotated[float, typer.Option(help="recording.segment_s")] = 4.0,
) -> None:
    """Print what an idle node with one drawn camera writes, and what that makes in an hour."""
    network = next((Path(__file__).resolve().parents[2] / "models/weights").glob("person_416.onnx"))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        site = Site(Path(place), network)
        camera = VirtualCamera("gate", open_sources(["drawn:empty:day:1"])[0])
        with serve_cameras([camera], SystemClock()) as server:
            try:
                node, worker, console = idle_node(site, server.url("gate"), segment_s)
                found = measure(site, node, worker, seconds)
                console.close()
            finally:
                site.stop()
    hourly = 3600 / found.seconds / 1e6
    rows = {"video": found.recorded_bytes, "supervisor": found.supervisor_bytes, "worker": found.worker_bytes}
    for name, size in {**rows, "disk, all": found.disk_bytes}.items():
        told = (
            "not told" if size is None else f"{size * hourly:10.1f} MB an hour ({size} bytes in {found.seconds:.0f} s)"
        )
        print(f"{name:12} {told}")
    print(f"in {found.seconds:.0f} s; files besides the video that changed:", ", ".join(found.changed) or "none")


if __name__ == "__main__":
    typer.run(main)
