"""What is at the console in the end, against what the node wrote down and what the video shows of people."""

import os
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from whole_site import CAMERA_ACCOUNT, NODE, Progress, WholeSite, wait_for

from console.store import deliveries, nodes, tables
from edge.adapters.segments import list_segments, open_segment
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.virtual_camera.media import Clip, PictureList, encode
from edge.virtual_camera.rtsp_server import RunningServer, VirtualCamera

CAMERAS = ("gate", "yard")
RULES = ("loitering", "intrusion")
FPS, DARK_S = 10.0, 20  # nobody for longer than any gap that is bridged, also while nobody watches
WATCHED_S = 4.0  # two seconds more than the slower of the two rules needs
APART_S = 8.0  # pictures of somebody further apart are two visits
GAP_S = 0.25  # from picture to picture are 0.1 s


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody before a camera, as the video shows. UTC seconds; watched_s: the longest time without a gap."""

    begins_at_s: float
    ends_at_s: float
    watched_s: float


@dataclass
class Found:
    """What the reckoning found. lost, doubled, unreadable: one sentence for each."""

    visits: int = 0
    events: int = 0
    clips: int = 0
    messages: int = 0
    segments: int = 0
    late: int = 0
    clipless: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """What must hold and does not."""
        named = {"lost": self.lost, "doubled": self.doubled, "unreadable": self.unreadable}
        return [f"{len(found)} {name}: {'; '.join(found[:5])}" for name, found in named.items() if found]

    def table(self) -> str:
        return "\n".join(
            [
                f"{self.visits} visits on the video, {self.messages} messages, {self.events} events at the console",
                f"marked late {self.late}",
                f"events lost {len(self.lost)}, doubled {len(self.doubled)}",
                f"clips {self.clips}, segments {self.segments}, unreadable {len(self.unreadable)}",
                f"events without a clip, each with its reason: {dict(self.clipless)}",
            ]
        )


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


class Reckoning:
    """`found` after `run`; `shown` are the moments of all recorded pictures by camera, `settled_at_s` when it began."""

    def __init__(self, site: WholeSite, progress: Progress) -> None:
        self._site, self._progress = site, progress
        self.found = Found()
        self.shown: dict[str, list[float]] = {}
        self.settled_at_s = 0.0

    def run(self, server: RunningServer) -> Found:
        """Lets everything come to an end, and looks at what is there."""
        self._settle(server)
        self._progress.say("looking at every clip and every segment", now=True)
        self._reckon_messages()
        self._reckon_clips()
        for name in CAMERAS:
            pictures = self._pictures(name)
            self.shown[name] = [at_s for at_s, _ in pictures]
            self._reckon_visits(name, visits(pictures))
        return self.found

    def _settle(self, server: RunningServer) -> None:
        """Stops the node in good order, which closes what is open; another one, that sees nothing, delivers it."""
        self._progress.say("waiting until everything is closed and delivered", now=True)
        self.settled_at_s = time.time()
        site = self._site
        for name in CAMERAS:
            server.fault(name, "stall")
        site.end_part("supervisor")
        site.start_part("supervisor")
        outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")

        def done() -> bool:
            figures = outbox.figures()
            waits = figures.rows + figures.uploads + figures.clip_jobs
            return not waits and not any(outbox.orphans(name) or outbox.owed_snapshots([name]) for name in CAMERAS)

        try:
            wait_for(done, 180, "everything to be delivered")
            site.kill([*site.pids("supervisor"), *site.pids("workers")])  # nothing comes after it
        except AssertionError:
            self.found.lost.append(f"not delivered within 180 s: {outbox.figures()}")
        outbox.close()

    def _reckon_messages(self) -> None:
        with sqlite3.connect(self._site.folder / "state/outbox.sqlite") as db:
            (written,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
            (refused,) = db.execute("SELECT count(*) FROM refused").fetchone()
        found, folders = self.found, os.listdir(self._site.folder / "state/evidence")
        found.messages = written
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
            found.late = sum(row.late for row in connection.execute(tables.event.select()))
        found.events = len(known)
        if (gone, highest, aside, refused) != (0, written, 0, 0):
            found.lost.append(f"messages: {written=} {highest=} {gone=} {aside=} {refused=}")
        found.lost += [f"event {name} has evidence and is not at the console" for name in set(folders) - known]
        found.doubled += [f"event {key} rang {times} times" for key, times in opened.items() if times != 1]

    def _reckon_clips(self) -> None:
        found = self.found
        files = self._site.folder / "console/evidence/files"
        with self._site.database.read() as connection:
            rows = connection.execute(tables.evidence_file.select()).all()
            why = connection.execute(tables.evidence.select()).all()
            events = {row.event_id for row in connection.execute(tables.event.select())}
        listed = [row for row in rows if row.listed]
        found.clipless.update(row.missing_code for row in why if row.missing_code)
        proven = {row.event_id for row in listed if row.role == "clip"} | {r.event_id for r in why if r.missing_code}
        found.lost += [f"event {event_id} has no clip and no reason" for event_id in events - proven]
        for row in listed:
            path = files / row.sha256[:2] / row.sha256
            if row.stored_at_s is None or not path.exists():
                found.lost.append(f"{row.role} of {row.event_id} never came")
            elif row.role == "clip":
                found.clips += 1
                if (fault := _fault_of(path, row.ends_at_s - row.begins_at_s)) is not None:
                    found.unreadable.append(f"clip of {row.event_id}: {fault}")

    def _pictures(self, camera: str) -> list[tuple[float, bool]]:
        """All that was recorded, decoded: UTC seconds of each picture, and whether somebody is on it."""
        shown: list[tuple[float, bool]] = []
        for segment in list_segments(self._site.folder / "state/recordings" / camera):
            self.found.segments += 1
            try:
                with open_segment(segment) as container:
                    for picture in container.decode(video=0):
                        bright = picture.to_ndarray(format="gray").mean() > 100
                        shown.append((segment.begins_at_s + float(picture.pts * picture.time_base), bool(bright)))
            except (av.FFmpegError, IndexError) as error:
                if segment.ends_at_s is not None:  # the last one was open when the node was killed
                    self.found.unreadable.append(f"{segment.path.name}: {error}")
        return sorted(shown)

    def _reckon_visits(self, camera: str, seen: list[Visit]) -> None:
        with self._site.database.read() as connection:
            rows = connection.execute(tables.event.select().where(tables.event.c.camera == camera)).all()
        told = [(row.opened_at_s, rule) for row in rows for rule in RULES if f'"rule": "{rule}"' in row.message_json]
        over = [visit for visit in seen if visit.ends_at_s < self.settled_at_s - 5.0]
        self.found.visits += len(over)
        for visit in over:
            for rule in RULES:
                number = sum(
                    visit.begins_at_s - 2.0 <= at_s <= visit.ends_at_s + 2.0 for at_s, kind in told if kind == rule
                )
                name = f"{rule} before {camera} at {visit.begins_at_s:.1f}, watched for {visit.watched_s:.1f} s"
                if number > 1:
                    self.found.doubled.append(f"{name}: {number} alerts")
                if number == 0 and visit.watched_s >= WATCHED_S:
                    self.found.lost.append(name)


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


def visits(shown: list[tuple[float, bool]]) -> list[Visit]:
    """What pictures, oldest first, show: (UTC seconds, whether somebody is there)."""
    found: list[list[float]] = []
    for at_s, somebody in shown:
        if somebody:
            if not found or at_s - found[-1][-1] > APART_S:
                found.append([])
            found[-1].append(at_s)
    return [Visit(seen_s[0], seen_s[-1], _longest_s(seen_s)) for seen_s in found]


def _longest_s(seen_s: list[float]) -> float:
    longest_s, since_s = 0.0, seen_s[0]
    for before_s, at_s in pairwise(seen_s):
        if at_s - before_s > GAP_S:
            since_s = at_s
        longest_s = max(longest_s, at_s - since_s)
    return longest_s
