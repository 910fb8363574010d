"""A node's clock set by hours, to and fro, while people come and go: each rings once, at the right time, with its clip.

    python tests/simulation/clock_steps.py --steps 12 --seed 7

A real broker, console and node, whose clock alone is set (libfaketime); monotonic time goes on, as on a real machine.
Some steps come while the node is off: a Raspberry Pi starts in the past, and is set right while it runs. Where people
were is read from the video, whose files' true times tell when. Exits with 1 where a figure is missed, with 77 where
libfaketime is missing.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import av
from site_reckoning import DARK_S, FPS, Found, Reckoning, Visit, cameras
from whole_site import Progress, WholeSite, wait_for, watched_site

from console.store import tables
from edge.adapters.segments import list_segments, open_segment
from edge.virtual_camera.rtsp_server import RunningServer

OFTEN_S = (
    -3 * 3600.0,
    2 * 3600.0,
    -320.0,
    0.0,
)  # by the true time; minutes back is recorded over
FARTHEST_S = 11 * 3600.0  # a day ahead is refused, and told
PAUSE_S = 15.0
OFF_SHARE = 0.3
RESTART_S = 30.0  # what was opened by a clock that was set before it could be told: nobody knows when that was
STARTING_S = 5.0  # on a busy machine, from the first picture to looking at all of them
SHOWN_S = 1.0  # of somebody, at least, on each clip; of who had just come as the node was stopped, what there was


class NoFakeClockError(Exception):
    """libfaketime is not installed."""


class ClockedSite(WholeSite):
    """A site whose node has a clock of its own. steps: true UTC seconds, and what is added from then on."""

    def __init__(self, folder: Path, network: Path, cameras: dict[str, str]) -> None:
        """Raises NoFakeClockError."""
        self._library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
        if self._library is None:
            raise NoFakeClockError("libfaketime is missing (apt-get install faketime): no clock was set")
        self._offset = folder / "clock"
        self.steps: list[tuple[float, float]] = []
        folder.mkdir(exist_ok=True)
        self.set_clock(0.0)
        super().__init__(folder, network, cameras)

    def environment(self, part: str) -> dict[str, str]:
        faked = {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        return {**super().environment(part), **(faked if part == "edge" else {})}

    def set_clock(self, ahead_s: float) -> None:
        """By the true time, from now on."""
        self.steps.append((time.time(), ahead_s))
        new = self._offset.with_name("clock.new")
        new.write_text(f"{ahead_s:+.3f}s")
        new.replace(self._offset)

    def ahead_s(self, true_s: float) -> float:
        """How far the node's clock was ahead then."""
        return self.steps[max(0, bisect_right(self.steps, (true_s, float("inf"))) - 1)][1]


class TrueReckoning(Reckoning):
    """As the video's files were truly written, whatever times they bear. blind: true times with the node off."""

    blind: Sequence[tuple[float, float]] = ()

    def _reckon_visits(self, camera: str, seen: list[Visit]) -> None:
        """Of those who came while the node was off or only starting nobody can say how long they were looked at."""
        watched = [
            visit
            for visit in seen
            if not any(off_s < visit.ends_at_s and visit.begins_at_s < on_s + STARTING_S for off_s, on_s in self.blind)
        ]
        super()._reckon_visits(camera, watched)

    def _pictures(self, camera: str) -> list[tuple[float, bool]]:
        shown: list[tuple[float, bool]] = []
        for segment in list_segments(self._site.folder / "state/recordings" / camera):
            self.found.segments += 1
            with open_segment(segment) as container:
                seen = [
                    (float(picture.pts * picture.time_base), picture.to_ndarray(format="gray").mean() > 100)
                    for picture in container.decode(video=0)
                ]
            ended_s = segment.path.stat().st_mtime  # the last picture is written when the next one, or the end, comes
            shown += [(ended_s - seen[-1][0] + at_s, bool(bright)) for at_s, bright in seen if seen]
        return sorted(shown)


class ClockCampaign:
    """Steps, and then the reckoning. missed: what must hold and does not."""

    def __init__(self, site: ClockedSite, seed: int) -> None:
        self._site, self._random, self._progress = site, random.Random(seed), Progress()
        # When the node was off, true UTC seconds; recording began before anybody looked, the very first time, too.
        self.off: list[tuple[float, float]] = [(float("-inf"), time.time() - STARTING_S)]
        self.missed: list[str] = []

    def run(self, server: RunningServer, steps: int) -> Found:
        for number in range(1, steps + 1):
            time.sleep(self._random.uniform(1.0, PAUSE_S))
            far_s = self._random.uniform(-FARTHEST_S, FARTHEST_S)
            self._step(self._random.choice((*OFTEN_S, far_s)), off=self._random.random() < OFF_SHARE)
            self._progress.say(f"{number} of {steps} steps, the clock is {self._site.steps[-1][1]:+.0f} s off")
        time.sleep(DARK_S)
        reckoning = TrueReckoning(self._site, self._progress)
        reckoning.blind = self.off
        found = reckoning.run(server)
        self.missed += found.missed
        self.missed += self._silent()
        self._look_at_clips()
        return found

    def _step(self, ahead_s: float, *, off: bool) -> None:
        if off:
            off_s = time.time()
            self._site.end_part("supervisor")
        self._site.set_clock(ahead_s)
        if off:
            self._site.start_part("supervisor")
            wait_for(self._site.watching, 90, "a node that watches")
            self.off.append((off_s, time.time()))

    def _silent(self) -> list[str]:
        """Alerts that were taken for old ones, and did not ring."""
        with self._site.database.read() as connection:
            late = connection.execute(tables.event.select().where(tables.event.c.late)).all()
        silent = []
        for row in late:
            if not any(0 < row.received_at_s - off_s < RESTART_S for off_s, _ in self.off):
                silent.append(f"the alert of {row.received_at_s:.1f} before {row.camera} did not ring")
        return silent

    def _look_at_clips(self) -> None:
        """Each shows somebody: not what another hour shows under the same times."""
        files = self._site.folder / "console/evidence/files"
        with self._site.database.read() as connection:
            rows = connection.execute(tables.evidence_file.select()).all()
            events = connection.execute(tables.event.select()).all()
        dwell_s = {one.event_id: float(json.loads(one.message_json)["dwell_s"]) for one in events}
        for row in rows:
            if row.role == "clip" and row.listed and row.stored_at_s is not None:
                with av.open(str(files / row.sha256[:2] / row.sha256)) as container:
                    bright = [picture.to_ndarray(format="gray").mean() > 100 for picture in container.decode(video=0)]
                if sum(bright) / FPS < min(SHOWN_S, dwell_s.get(row.event_id, SHOWN_S)):
                    self.missed.append(f"the clip of {row.event_id} shows nobody ({len(bright)} pictures)")


def campaign(folder: Path, seed: int, steps: int) -> tuple[ClockCampaign, Found]:
    """folder: empty. Raises NoFakeClockError."""
    with watched_site(folder, cameras(), site_kind=ClockedSite) as (site, server):
        running = ClockCampaign(site, seed)
        return running, running.run(server, steps)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="an empty folder in which everything stays, logs too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            running, found = campaign(folder, chosen.seed, chosen.steps)
        except NoFakeClockError as error:
            print(f"NOT CHECKED: {error}")
            return 77
    off = len(running.off)
    print(f"seed {chosen.seed}: the clock set {chosen.steps} times, {off} of them while the node was off")
    print(found.table())
    for told in running.missed:
        print(f"MISSED: {told}")
    return 1 if running.missed else 0


if __name__ == "__main__":
    sys.exit(main())
