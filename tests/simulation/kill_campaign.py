"""Processes of a whole Gatehouse killed at random instants while events flow: nothing lost, doubled or unreadable.

    python tests/simulation/kill_campaign.py --kills 500 --seed 7

A real broker, console, supervisor and a worker for each of two cameras, before which people come and go. The same seed
kills the same parts after the same pauses. What people did is read from the video afterwards, not from the node: each
visit that was watched for long enough must be exactly one alert of each rule. Exits with 1 where a figure is missed.
"""

import argparse
import random
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from kill_verdict import Blow, Verdict
from site_reckoning import CAMERAS, FPS, GAP_S, Reckoning, cameras
from whole_site import Progress, WholeSite, wait_for, watched_site

from console.store import tables
from edge.virtual_camera.rtsp_server import RunningServer

PARTS = {"worker": 4, "supervisor": 2, "node": 2, "broker": 1, "console": 1}  # and how often each is chosen
AGAIN_SHARE = 0.15  # of kills that are followed by another within seconds, while all is just coming back
PAUSE_S = 4.0  # the longest between a site that watches again and the next kill
RESTART_S = 0.1  # as systemd's own default; see gatehouse-edge.service
TAIL_S = 1.2  # of a recording that a kill may take, and some


class Campaign:
    """Kills, and then the reckoning."""

    def __init__(self, site: WholeSite, server: RunningServer, seed: int) -> None:
        self._site, self._server, self._random, self._progress = site, server, random.Random(seed), Progress()
        self.verdict = Verdict()

    def run(self, kills: int, until_s: float) -> Verdict:
        """kills: how many at least. until_s: UTC seconds at which no other one is begun."""
        while self.verdict.kills < kills and time.time() < until_s:
            time.sleep(self._random.uniform(0.0, PAUSE_S))
            self.verdict.blows.append(self._strike())
            self._progress.say(f"{self.verdict.kills} of {kills} kills, {self._heard()} events at the console")
        reckoning = Reckoning(self._site, self._progress)
        self.verdict.found = reckoning.run(self._server)
        for camera, shown_s in reckoning.shown.items():
            self._reckon_video(camera, shown_s, reckoning.settled_at_s)
        return self.verdict

    def _strike(self) -> Blow:
        struck: list[tuple[str, float]] = []
        cameras: set[str] = set()
        while True:
            part = self._random.choices(list(PARTS), list(PARTS.values()))[0]
            which, again = self._random.random(), self._random.random() < AGAIN_SHARE
            after_s = self._random.uniform(0.2, 3.0)
            at_s = time.time()
            cameras |= self._kill(part, which)
            struck.append((part, at_s))
            if not again:
                break
            time.sleep(after_s)
        parts, moments = (tuple(column) for column in zip(*struck, strict=True))
        if cameras:
            wait_for(lambda: self._watched_since(cameras, moments[-1]), 90, f"watching again after {parts}")
        watching_s = time.time() - moments[0]
        wait_for(lambda: self._site.heard_since(moments[-1]), 90, f"the console hears again after {parts}")
        return Blow(parts, tuple(sorted(cameras)), moments, watching_s, time.time() - moments[0])

    def _kill(self, part: str, which: float) -> set[str]:
        """Kills one part, and starts it again where nobody else would; names the cameras that go blind."""
        site, everything = self._site, set(CAMERAS)
        if part == "worker":
            workers = site.pids("workers")
            if not workers:  # they are just being started
                return self._kill("supervisor", which)
            pid = workers[int(which * len(workers))]
            name = _camera_of(site.folder / "state" / "workers", pid)
            site.kill([pid])
            return {name} if name else everything
        main = "supervisor" if part == "node" else part
        site.kill([*site.pids(main), *(site.pids("workers") if part == "node" else [])])
        time.sleep(RESTART_S)
        site.start_part(main)
        return everything if main == "supervisor" else set()

    def _watched_since(self, cameras: set[str], at_s: float) -> bool:
        """Whether a picture taken after `at_s` was looked at, and is recorded, of each camera."""
        figures = self._site.figures() or {}
        told = [figures.get(name, {}) for name in cameras]
        fresh = all(one.get("last_frame_timestamp_seconds", 0.0) > at_s for one in told)
        return fresh and all(one["sees"] == 1.0 and one["recording"] == 1.0 for one in told)

    def _heard(self) -> int:
        with self._site.database.read() as connection:
            return len(connection.execute(tables.event.select()).all())

    def _reckon_video(self, camera: str, shown_s: list[float], settled_at_s: float) -> None:
        """Each gap is the latest blow's after whose lost end it begins, and before all was watched again."""
        blows = [blow for blow in self.verdict.blows if camera in blow.cameras]
        missing_s = dict.fromkeys(blows, 0.0)
        for a, b in pairwise(shown_s):
            if b - a <= GAP_S or a >= settled_at_s:
                continue
            near = [blow for blow in blows if blow.at_s[0] - TAIL_S <= a <= blow.at_s[0] + blow.watching_s]
            if near:
                missing_s[near[-1]] += b - a - 1 / FPS
            else:
                self.verdict.unexplained_s.append((camera, round(a, 2), round(b - a, 2)))
        self.verdict.missing_s += [(blow, camera, found) for blow, found in missing_s.items()]


def _camera_of(folder: Path, pid: int) -> str | None:
    """The camera whose worker holds a file there; None where it has only just started."""
    from edge.app.hold import holder

    return next((path.name for path in folder.iterdir() if holder(path) == pid), None)


def campaign(folder: Path, seed: int, kills: int, minutes: float) -> Verdict:
    """folder: empty. minutes: no kill is begun later than so long after the start."""
    with watched_site(folder, cameras()) as (site, server):
        return Campaign(site, server, seed).run(kills, time.time() + 60 * minutes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=180.0, help="no kill is begun later")
    parser.add_argument("--keep", type=Path, help="an empty folder in which everything stays, logs too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = campaign(folder, chosen.seed, chosen.kills, chosen.minutes)
    print(f"seed {chosen.seed}: {verdict.table()}")
    for told in verdict.missed:
        print(f"MISSED: {told}")
    return 1 if verdict.missed else 0


if __name__ == "__main__":
    sys.exit(main())
