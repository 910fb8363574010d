"""Every RTSP fault in turn, and then faults at random for an hour: the right words at the console, and nothing grows.

    python tests/simulation/rtsp_fault_hour.py --minutes 60 --seed 7

A real broker, console, supervisor and a worker for each of two cameras, with a door before each camera. Each fault must
come to the console's wall in the words for it and go from there after it was mended, while the other camera is never
blind and no process starts anew. Meanwhile memory, threads and descriptors of every process are taken down. Exits with
1 where something is missed.
"""

import argparse
import html
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import camera_door
from camera_door import CameraDoor
from site_reckoning import cameras
from whole_site import NODE, Progress, WholeSite, watched_site

from console.store import cameras as store_cameras
from console.web.words import WORDS
from edge.adapters.processor_use import memory_of
from edge.virtual_camera.faults import PICTURE_FAULTS, STREAM_FAULTS
from edge.virtual_camera.rtsp_server import RunningServer

SAMPLE_S = 5.0
TOLD_WITHIN_S, BACK_WITHIN_S = 60.0, 60.0  # who was refused is asked again after at most 30 s
# Words that are right for a fault of the camera; those of the door are named by theirs. None: it passes unsaid.
RIGHT: dict[str, tuple[str | None, ...]] = {
    "stall": ("stalled",),
    "cut": ("end_of_stream", "connection_lost"),
    "refuse": ("wrong_password",),
    "damage": ("damaged_stream", "no_pictures", "picture_size_unknown"),
    "jump": (None,),
    **{name: (name,) for name in camera_door.FAULTS},
}
MOST_GROWTH_BYTES, MOST_GROWTH = 4e6, 0.05  # of memory from the second quarter of the time to the last
MOST_MORE = 3  # threads, descriptors


@dataclass(frozen=True, slots=True)
class Told:
    """What the console said of a fault, and after how many seconds; how many after its end it was all well again."""

    fault: str
    code: str
    told_s: float
    back_s: float
    wrong: str = ""


@dataclass
class Samples:
    """Of one process: when (seconds), resident bytes, threads, open descriptors."""

    rows: list[tuple[float, int, int, int]] = field(default_factory=list)

    def quarters(self, column: int) -> tuple[float, float]:
        """Median of the second quarter of the time and of the last."""
        values = np.array([row[column] for row in self.rows], float)
        quarter = max(1, len(values) // 4)
        return float(np.median(values[quarter : 2 * quarter])), float(np.median(values[-quarter:]))

    def slope_per_hour(self, column: int) -> float:
        """By least squares over the last three quarters."""
        rows = np.array(self.rows[len(self.rows) // 4 :], float)
        return float(np.polyfit(rows[:, 0], rows[:, column], 1)[0] * 3600) if len(rows) > 2 else 0.0


class FaultHour:
    """The faults and the reckoning."""

    def __init__(self, site: WholeSite, server: RunningServer, doors: dict[str, CameraDoor], seed: int) -> None:
        self._site, self._server, self._doors, self._random = site, server, doors, random.Random(seed)
        self._progress, self._cookie = Progress(), site.sign_in()
        self._processes = self._listing()
        self.samples = {name: Samples() for name in self._processes}
        self.told: list[Told] = []
        self.random_faults = 0
        self.missed: list[str] = []
        self._due_s = 0.0

    def each_in_turn(self, faults: list[str]) -> None:
        for fault in faults:
            told = self._one(fault)
            self.told.append(told)
            if told.wrong:
                self.missed.append(f"{fault}: {told.wrong}")
            self._progress.say(f"{fault}: {told.code or 'nothing said'} after {told.told_s:.1f} s, "
                               f"well again after {told.back_s:.1f} s {told.wrong}", now=True)  # fmt: skip

    def at_random(self, until_s: float) -> None:
        """until_s: monotonic seconds."""
        while (left_s := until_s - time.monotonic()) > 0:
            camera = self._random.choice(sorted(self._doors))
            fault = self._random.choice([*STREAM_FAULTS, *PICTURE_FAULTS, *camera_door.FAULTS])
            lasts_s, pause_s = self._random.uniform(0.5, 12.0), self._random.uniform(0.0, 8.0)
            self._switch(camera, fault, on=True)
            self._sleep(min(lasts_s, left_s))
            self._switch(camera, fault, on=False)
            self._sleep(min(pause_s, left_s))
            self.random_faults += 1
            self._progress.say(f"{self.random_faults} faults at random, {left_s / 60:.0f} min left")
        for camera in self._doors:
            if self._wait(lambda camera=camera: self._said(camera)[0] == "sees", 180.0) is None:
                self.missed.append(f"{camera} does not see again after all: {self._said(camera)}")
        self._check_processes("in the hour")

    def reckon(self) -> None:
        """Whether anything grows."""
        for name, samples in self.samples.items():
            for column, what in ((2, "threads"), (3, "descriptors")):
                early, late = samples.quarters(column)
                if late > early + MOST_MORE:
                    self.missed.append(f"{name}: {early:.0f} {what} became {late:.0f}")
            early, late = samples.quarters(1)
            if late > early + max(MOST_GROWTH_BYTES, MOST_GROWTH * early):
                self.missed.append(f"{name}: {early / 1e6:.1f} MB became {late / 1e6:.1f} MB")

    def table(self) -> str:
        lines = [f"{'fault':20} {'the console says':22} {'after':>7} {'well again after':>17}"]
        lines += [f"{t.fault:20} {t.code or '-':22} {t.told_s:6.1f}s {t.back_s:16.1f}s {t.wrong}" for t in self.told]
        lines += [f"then {self.random_faults} faults at random; second quarter of the time -> last, slope"]
        for name, samples in self.samples.items():
            memory, threads, files = (samples.quarters(column) for column in (1, 2, 3))
            slope_mb = samples.slope_per_hour(1) / 1e6
            lines.append(
                f"{name:12} {memory[0] / 1e6:7.1f} -> {memory[1] / 1e6:7.1f} MB ({slope_mb:+.1f} MB/h)"
                f"  threads {threads[0]:.0f} -> {threads[1]:.0f} ({samples.slope_per_hour(2):+.1f}/h)"
                f"  descriptors {files[0]:.0f} -> {files[1]:.0f} ({samples.slope_per_hour(3):+.1f}/h)"
            )
        return "\n".join(lines)

    def _one(self, fault: str) -> Told:
        camera, other = "gate", "yard"
        right, before = RIGHT[fault], time.monotonic()
        seen: set[tuple[str, str]] = set()

        def told() -> str:
            if fault == "cut":  # once is over before anybody could read of it
                self._server.fault(camera, "cut")
            seen.add(self._said(other))
            return self._said(camera)[1]

        self._switch(camera, fault, on=True)
        code = self._wait(lambda: told() in right, TOLD_WITHIN_S) if right != (None,) else self._wait(told, 8.0)
        said, told_s = self._said(camera)[1], time.monotonic() - before
        wrong = ""
        if right == (None,):
            wrong = f"nothing is wrong, and it says {said}" if code else ""
        elif code is None:
            wrong = f"it says {said or 'nothing'}"
        elif WORDS["fault"][said] not in html.unescape(self._site.page("/", self._cookie)):
            wrong = f"the wall does not say {WORDS['fault'][said]!r}"
        self._switch(camera, fault, on=False)
        mended_s = time.monotonic()
        if self._wait(lambda: self._said(camera)[0] == "sees", BACK_WITHIN_S) is None:
            wrong = f"{wrong} does not come back: {self._said(camera)}"
        if any(state == "blind" or reason in (said, *right) for state, reason in seen - {("sees", "")}):
            wrong = f"{wrong} the other camera was {seen}"
        self._check_processes(fault)
        return Told(fault, said, told_s, time.monotonic() - mended_s, wrong)

    def _switch(self, camera: str, fault: str, *, on: bool) -> None:
        if fault in camera_door.FAULTS:
            self._doors[camera].stand(fault if on else "")
        else:
            amount = 0.9 if fault == "damage" and on else None
            self._server.fault(camera, fault, on, amount=amount)

    def _said(self, camera: str) -> tuple[str, str]:
        """State and reason of a camera as the console has them."""
        with self._site.database.read() as connection:
            found = next(one for one in store_cameras.listing(connection) if (one.node, one.name) == (NODE, camera))
        return found.state, found.reason_code

    def _wait(self, condition, seconds: float) -> object | None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if result := condition():
                return result
            self._sleep(0.3)
        return None

    def _sleep(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            if time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + SAMPLE_S
                self._sample()
            time.sleep(min(left_s, 0.25))

    def _listing(self) -> dict[str, int]:
        parts = {part: self._site.pids(part)[0] for part in ("broker", "console", "supervisor")}
        return parts | {f"worker {number}": pid for number, pid in enumerate(sorted(self._site.pids("workers")), 1)}

    def _check_processes(self, when: str) -> None:
        now = self._listing()
        if now != self._processes:
            self.missed.append(f"{when}: a process was started anew ({self._processes} became {now})")
            self._processes = now

    def _sample(self) -> None:
        for name, pid in self._processes.items():
            status, files = Path(f"/proc/{pid}/status"), Path(f"/proc/{pid}/fd")
            try:
                threads = int(
                    next(line for line in status.read_text().splitlines() if line.startswith("Threads")).split()[1]
                )
                row = (time.monotonic(), memory_of(pid).rss_bytes, threads, len(list(files.iterdir())))
            except OSError:
                continue  # it has died; told elsewhere
            self.samples[name].rows.append(row)


@contextmanager
def watched_through_doors(folder: Path) -> Iterator[tuple[WholeSite, RunningServer, dict[str, CameraDoor]]]:
    """A whole site, and the doors before its cameras."""
    doors: dict[str, CameraDoor] = {}

    def door(url: str) -> str:
        parts = urlsplit(url)
        name = parts.path.strip("/")
        doors[name] = CameraDoor(("127.0.0.1", parts.port or 554))
        return f"rtsp://127.0.0.1:{doors[name].port}/{name}"

    with watched_site(folder, cameras(), door) as (site, server):
        try:
            yield site, server, doors
        finally:
            for one in doors.values():
                one.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="of faults at random, after each in turn")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--fault", action="append", choices=sorted(RIGHT), help="in turn; default: all")
    parser.add_argument("--keep", type=Path, help="an empty folder in which everything stays, logs too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with watched_through_doors(folder) as (site, server, doors):
            hour = FaultHour(site, server, doors, chosen.seed)
            hour.each_in_turn(chosen.fault or list(RIGHT))
            for samples in hour.samples.values():
                samples.rows.clear()
            hour.at_random(time.monotonic() + 60 * chosen.minutes)
            hour.reckon()
    print(f"seed {chosen.seed}, {chosen.minutes:g} min\n{hour.table()}")
    for told in hour.missed:
        print(f"MISSED: {told}")
    return 1 if hour.missed else 0


if __name__ == "__main__":
    sys.exit(main())
