"""Processes of a whole Gatehouse killed at random instants while events flow: nothing lost, doubled or unreadable.

    python tests/simulation/kill_campaign.py --kills 500 --seed 7

A real broker, console, supervisor and a worker for each of two cameras, before which people come and go. The same seed
kills the same parts after the same pauses. What people did is read from the video afterwards, not from the node: each
visit that was watched for long enough must be exactly one alert of each rule. Exits with 1 where a figure is missed.
"""

import argparse
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from kill_verdict import GAP_S, Blow, Verdict, Visit, visits
from whole_site import CAMERA_ACCOUNT, NODE, Progress, WholeSite, wait_for, watched_site

from console.store import deliveries, nodes, tables
from edge.adapters.segments import list_segments, open_segment
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.virtual_camera.media import Clip, PictureList, encode
from edge.virtual_camera.rtsp_server import RunningServer, VirtualCamera

PARTS = {"worker": 4, "supervisor": 2, "node": 2, "broker": 1, "console": 1}  # and how often each is chosen
AGAIN_SHARE = 0.15  # of kills that are followed by another within seconds, while all is just coming back
PAUSE_S = 4.0  # the longest between a site that watches again and the next kill
RESTART_S = 0.1  # as systemd's own default; see gatehouse-edge.service
FPS, DARK_S = 10.0, 20  # nobody for longer than any gap that is bridged, also while nobody watches
WATCHED_S = 4.0  # two seconds more than the slower of the two rules needs
TAIL_S = 1.2  # of a recording that a kill may take, and some
RULES = ("loitering", "intrusion")


def cameras() -> list[VirtualCamera]:
    """Two, before which people come and stay for 8 s and for 10 s; nobody comes at the same time for long."""
    chance = np.random.default_rng(1)
    walls = np.kron(chance.integers(-25, 25, (12, 16)), np.ones((8, 8), int))[..., None].repeat(3, axis=2)
    grain = chance.integers(-3, 4, (10, 96, 128, 3))  # or the camera would be told as frozen

    def picture(number: int, level: int) -> np.ndarray:
        return (walls + grain[number % 10] + level).astype(np.uint8)

    def person(number: int) -> np.ndarray:
        seen, arm_px = picture(number, 190), 54 + 2 * abs(number % 18 - 9)
        seen[20:40, arm_px : arm_px + 6] = 60  # what never moves is nobody
        return seen

    def clip(person_s: int) -> Clip:
        nobody = [picture(number, 40) for number in range(round(FPS) * DARK_S)]
        return encode(PictureList([*map(person, range(round(FPS) * person_s)), *nobody], FPS))

    return [
        VirtualCamera("gate", clip(8), account=CAMERA_ACCOUNT),
        VirtualCamera("yard", clip(10), account=CAMERA_ACCOUNT, ahead_s=11.0),
    ]


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
        self._settle()
        self._reckon()
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
        site, everything = self._site, {"gate", "yard"}
        if part == "worker":
            workers = site.pids("workers")
            if not workers:  # they are just being started
                return everything
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

    def _settle(self) -> None:
        """Lets nothing new come, and waits until what is open is closed and the console has all of it."""
        self._progress.say("that was the last; waiting until everything is closed and delivered", now=True)
        self._settled_at_s = time.time()
        for name in ("gate", "yard"):
            self._server.fault(name, "stall")
        outbox = SqliteOutbox(self._site.folder / "state/outbox.sqlite")

        def done() -> bool:
            figures = outbox.figures()
            waits = figures.rows + figures.uploads + figures.clip_jobs
            return not waits and not any(outbox.orphans(name) for name in ("gate", "yard"))

        try:
            wait_for(done, 180, "everything to be delivered")
            self._site.kill([*self._site.pids("supervisor"), *self._site.pids("workers")])  # nothing comes after it
        except AssertionError:
            self.verdict.lost.append(f"not delivered within 180 s: {outbox.figures()}")
        outbox.close()

    def _reckon(self) -> None:
        self._progress.say("looking at every clip and every segment", now=True)
        self._reckon_messages()
        self._reckon_clips()
        for name in ("gate", "yard"):
            shown = self._pictures(name)
            self._reckon_video(name, [at_s for at_s, _ in shown])
            self._reckon_visits(name, visits(shown))

    def _reckon_messages(self) -> None:
        with sqlite3.connect(self._site.folder / "state/outbox.sqlite") as db:
            (written,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
            (refused,) = db.execute("SELECT count(*) FROM refused").fetchone()
        verdict, folders = self.verdict, os.listdir(self._site.folder / "state/evidence")
        verdict.messages = written
        with self._site.database.read() as connection:
            node = nodes.find(connection, NODE)
            assert node is not None
            gone = deliveries.absent(connection, node.id, None).missing
            highest = connection.execute(tables.outbox.select()).one().highest
            aside = deliveries.count_aside(connection)
            known = {row.event_id for row in connection.execute(tables.event.select())}
            opened = Counter(
                row.key for row in connection.execute(tables.change.select().where(tables.change.c.what == "opened"))
            )
        verdict.events = len(known)
        if (gone, highest, aside, refused) != (0, written, 0, 0):
            verdict.lost.append(f"messages: {written=} {highest=} {gone=} {aside=} {refused=}")
        verdict.lost += [f"event {name} has evidence and is not at the console" for name in set(folders) - known]
        verdict.doubled += [f"event {key} rang {times} times" for key, times in opened.items() if times != 1]

    def _reckon_clips(self) -> None:
        verdict = self.verdict
        files = self._site.folder / "console/evidence/files"
        with self._site.database.read() as connection:
            rows = connection.execute(tables.evidence_file.select()).all()
            why = connection.execute(tables.evidence.select()).all()
            events = {row.event_id for row in connection.execute(tables.event.select())}
        listed = [row for row in rows if row.listed]
        verdict.clipless.update(row.missing_code for row in why if row.missing_code)
        proven = {row.event_id for row in listed if row.role == "clip"} | {r.event_id for r in why if r.missing_code}
        verdict.lost += [f"event {event_id} has no clip and no reason" for event_id in events - proven]
        for row in listed:
            path = files / row.sha256[:2] / row.sha256
            if row.stored_at_s is None or not path.exists():
                verdict.lost.append(f"{row.role} of {row.event_id} never came")
            elif row.role == "clip":
                verdict.clips += 1
                if (fault := _fault_of(path, row.ends_at_s - row.begins_at_s)) is not None:
                    verdict.unreadable.append(f"clip of {row.event_id}: {fault}")

    def _pictures(self, camera: str) -> list[tuple[float, bool]]:
        """All that was recorded, decoded: UTC seconds of each picture, and whether somebody is on it."""
        shown: list[tuple[float, bool]] = []
        for segment in list_segments(self._site.folder / "state/recordings" / camera):
            self.verdict.segments += 1
            try:
                with open_segment(segment) as container:
                    for picture in container.decode(video=0):
                        bright = picture.to_ndarray(format="gray").mean() > 100
                        shown.append((segment.begins_at_s + float(picture.pts * picture.time_base), bool(bright)))
            except (av.FFmpegError, IndexError) as error:
                if segment.ends_at_s is not None:  # the last one was open when the node was killed
                    self.verdict.unreadable.append(f"{segment.path.name}: {error}")
        return sorted(shown)

    def _reckon_video(self, camera: str, shown_s: list[float]) -> None:
        """Each gap is the latest blow's after whose lost end it begins, and before all was watched again."""
        blows = [blow for blow in self.verdict.blows if camera in blow.cameras]
        missing_s = dict.fromkeys(blows, 0.0)
        for a, b in pairwise(shown_s):
            if b - a <= GAP_S or a >= self._settled_at_s:
                continue
            near = [blow for blow in blows if blow.at_s[0] - TAIL_S <= a <= blow.at_s[0] + blow.watching_s]
            if near:
                missing_s[near[-1]] += b - a - 1 / FPS
            else:
                self.verdict.unexplained_s.append((camera, round(a, 2), round(b - a, 2)))
        self.verdict.missing_s += [(blow, camera, found) for blow, found in missing_s.items()]

    def _reckon_visits(self, camera: str, seen: list[Visit]) -> None:
        with self._site.database.read() as connection:
            rows = connection.execute(tables.event.select().where(tables.event.c.camera == camera)).all()
        told = [(row.opened_at_s, rule) for row in rows for rule in RULES if f'"rule": "{rule}"' in row.message_json]
        over = [visit for visit in seen if visit.ends_at_s < self._settled_at_s - 5.0]
        self.verdict.visits += len(over)
        for visit in over:
            for rule in RULES:
                number = sum(
                    visit.begins_at_s - 2.0 <= at_s <= visit.ends_at_s + 2.0 for at_s, kind in told if kind == rule
                )
                name = f"{rule} before {camera} at {visit.begins_at_s:.1f}, watched for {visit.watched_s:.1f} s"
                if number > 1:
                    self.verdict.doubled.append(f"{name}: {number} alerts")
                if number == 0 and visit.watched_s >= WATCHED_S:
                    self.verdict.lost.append(name)


def _camera_of(folder: Path, pid: int) -> str | None:
    """The camera whose worker holds a file there; None where it has only just started."""
    from edge.app.hold import holder

    return next((path.name for path in folder.iterdir() if holder(path) == pid), None)


def _fault_of(path: Path, length_s: float) -> str | None:
    """What is wrong with a clip that should be so long; None where all of it can be decoded."""
    try:
        with av.open(str(path)) as container:
            shown_s = [float(picture.pts * picture.time_base) for picture in container.decode(video=0)]
    except av.FFmpegError as error:
        return str(error)
    if not shown_s or shown_s != sorted(set(shown_s)):
        return f"{len(shown_s)} pictures, not one after the other"
    return None if shown_s[-1] - shown_s[0] > length_s - 1.5 else f"{shown_s[-1] - shown_s[0]:.1f} of {length_s:.1f} s"


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
