"""An hour without broker and console: a real outbox, publisher, uploader, housekeeper, mosquitto and console.

Only the clock is made: a minute of the story takes as long as writing what happens in it. The same seed is the same
hour. `main` prints what was delivered, what was given up, and what staff were told; it ends with an AssertionError at
the first thing that is not as it must be.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))

from apart_site import BEGINS_S, CAMERAS, CLIP_DAYS, HOUR_S, ApartSite, wait_for
from outbox_model import File, Model

from broker.contract.messages import EventMessage, EvidenceFile
from console.domain.alert import is_late
from console.store import alerts, changes, nodes, tables
from console.web.i18n import Languages
from console.web.node_problem import node_problems
from edge.adapters.kept_files import EventLabel, put_label
from edge.adapters.outbox_rows import ClipJob

AROUND_S = 300.0
HEALTH_S, TIDY_S = 15, 60
AROUND = 20  # events before and after the hour, each delivered before the next


@dataclass(slots=True)
class Told:
    """What the node said of its outbox: the story's second, what gave it up so far, and the code words."""

    at_s: float
    gave_up: int
    codes: set[str]


@dataclass
class Report:
    """What the hour came to."""

    rows: int = 0
    written_s: float = 0.0
    delivered_s: float = 0.0
    gone: Counter[str] = field(default_factory=Counter)
    late: int = 0
    told: list[Told] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


class Hour(ApartSite):
    """One node and one console. Raises AssertionError where something is lost, doubled, out of order or not told."""

    def __init__(self, folder: Path, seed: int, events: int, *, small: bool) -> None:
        changes.KEEP = 10**9  # the order is read from the feed
        self.random, self.report = random.Random(seed), Report()
        self.events, self.small = events, small
        limits = (max(200, events * 8 // 5), max(1_000_000, events * 2500)) if small else (10_000_000, 10**12)
        self.picture_bytes = max(20_000, 8_000_000 // events)  # of fewer events, larger ones fill the same room
        super().__init__(folder, *limits)
        self.model = Model(*limits)
        self.plan = self._plan()
        happens = [one for found in self.plan.values() for one in found]
        self._clips = {event for what, event, _ in happens if what == "clip"}
        self._pictures = {event for what, event, _ in happens if what == "pictures"}
        self.steps: dict[str, int] = defaultdict(int)
        self.put: dict[str, list[tuple[str, str]]] = defaultdict(list)  # camera -> (event, state) as written
        self.opened_s: dict[str, float] = {}
        self.files_at_s: dict[str, float] = {}

    def drain(self, what: str) -> None:
        self.clock.run()
        self._tell_health()
        super().drain(what)
        self.model.rows.clear()
        self.model.files.clear()

    def run(self) -> Report:
        """The hour, with five minutes before and after it."""
        self.start_services()
        self.deliver()
        self.clock.set(0.0)
        self._live(0.0, AROUND_S, connected=True)
        self.drain("what was told before the hour")
        self.end_services()
        before = self.model.sequence
        self._live(AROUND_S, AROUND_S + HOUR_S, connected=False)
        self._check_sacrifice()
        self.report.rows = self.model.sequence - before
        began_s = time.monotonic()
        self.start_services()
        self.drain("what the hour left")
        self.report.delivered_s = time.monotonic() - began_s
        self._live(AROUND_S + HOUR_S, 2 * AROUND_S + HOUR_S, connected=True)
        self.drain("what was told after the hour")
        self._check_console()
        self.close()
        return self.report

    # The story

    def _plan(self) -> dict[int, list[tuple[str, str, str]]]:
        """Second -> (what, event, camera), with opening, updates, files and end of each event."""
        plan: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
        for number in range(self.events + AROUND):
            event, camera = str(uuid.UUID(int=self.random.getrandbits(128))), self.random.choice(CAMERAS)
            within = self.random.uniform(AROUND_S, AROUND_S + HOUR_S - 60)
            around = self.random.choice((self.random.uniform(5, AROUND_S - 60), HOUR_S + self.random.uniform(305, 540)))
            opened_s = at_s = int(within if number < self.events else around)
            plan[at_s].append(("open", event, camera))
            for _ in range(self.random.choice((0, 1, 1, 2, 3))):
                at_s += 10
                plan[at_s].append(("updated", event, camera))
                at_s += self.random.randint(2, 9)
            plan[at_s].append(("closed", event, camera))
            kind = number % 20
            if kind in (0, 7):
                plan[opened_s + 1].append(("pictures", event, camera))
            if kind == 0:
                plan[at_s + 8].append(("clip", event, camera))
        return plan

    def _live(self, from_s: float, to_s: float, *, connected: bool) -> None:
        began_s = time.monotonic()
        for second in range(int(from_s), int(to_s)):
            self.clock.set(float(second))
            happens = self.plan.get(second, ())
            for what, event, camera in happens:
                if what in ("pictures", "clip"):
                    self._make_files(what, event, camera)
                else:
                    self._tell(what, event, camera, clip_comes=event in self._clips)
            if happens and connected:
                self.clock.run()
                wait_for(lambda: self.outbox.figures().rows == 0, 30, "the console's word")
            if second % TIDY_S == 0:
                self._tidy()
            if second % HEALTH_S == 0:
                self._tell_health()
        self.report.written_s += time.monotonic() - began_s

    def _tell(self, state: str, event: str, camera: str, *, clip_comes: bool) -> None:
        at_s = self.clock.wall_s()
        revision = sum(one == event for one, _ in self.put[camera][-4000:]) + 1
        self.opened_s.setdefault(event, at_s)
        ended = {"closed_at_s": at_s, "closed_because": "left"} if state == "closed" else {}
        message = EventMessage(
            event_id=event,
            revision=revision,
            state=state,
            rule="loitering",
            camera=camera,
            opened_at_s=self.opened_s[event],
            captured_at_s=at_s,
            **ended,
        )
        clip = ClipJob(event, camera, at_s, at_s - 5, at_s + 5) if state == "open" and clip_comes else None
        self.steps[camera] += 1
        self.outbox.put_step(camera, self.steps[camera], [(message, clip)], at_s)
        self.put[camera].append((event, state))
        self.model.put(state, event)
        if state == "open":
            self.model.coming.add(event)
            if event not in self._pictures:
                self.outbox.snapshots_impossible(event)
        elif state == "closed" and not clip_comes:
            self.model.coming.discard(event)

    def _make_files(self, what: str, event: str, camera: str) -> None:
        at_s, folder = self.clock.wall_s(), self.state / "evidence" / event
        folder.mkdir(parents=True, exist_ok=True)
        put_label(folder, EventLabel(camera, "", self.opened_s[event]))
        roles = (("snapshot", "snapshot.jpg"), ("snapshot_boxes", "boxes.jpg")) if what == "pictures" else ()
        files = []
        for role, name in roles or (("clip", "clip.mp4"),):
            content = self.random.randbytes(self.picture_bytes * (1 if roles else 3))
            (folder / name).write_bytes(content)
            facts = {"media_type": "image/jpeg" if roles else "video/mp4", "begins_at_s": at_s, "ends_at_s": at_s}
            sha256 = hashlib.sha256(content).hexdigest()
            files.append(
                (EvidenceFile(role=role, name=name, bytes=len(content), sha256=sha256, **facts), folder / name)
            )
            self.model.files.append(File(event, bool(roles), len(content), at_s))
        self.files_at_s[event] = at_s
        jobs = [one for one in self.outbox.due_clips([camera], float("inf")) if one.event_id == event]
        done = jobs[0] if what == "clip" else None
        self.outbox.put_evidence(event, camera, files, at_s, done=done)
        for path in folder.iterdir():
            os.utime(path, (at_s, at_s))  # files grow old with the story
        if what == "clip":
            self.model.coming.discard(event)
        self.model.put("list", event, clip=what == "clip")

    def _tidy(self) -> None:
        now_s = self.clock.wall_s()
        self.housekeeper.tidy()
        past = {event for event, at_s in self.files_at_s.items() if now_s - at_s > CLIP_DAYS * 86_400}
        self.model.tidy(past)

    def _tell_health(self) -> None:
        message = self.health.turn((), {"console_unreachable": False, "worker_down": False}, (), 0)
        if message is not None:
            self.publisher.tell_health(message)
            codes = {problem.code for problem in message.node_problems or ()}
            self.report.told.append(Told(self.clock.monotonic_s(), len(self.model.gone), codes))

    # What must be so

    def _check_sacrifice(self) -> None:
        """Exactly what the model gave up is not there, and staff were told before and when."""
        waiting = [row[0] for row in self.outbox._db.execute("SELECT sequence FROM message ORDER BY sequence")]
        assert waiting == [row.sequence for row in self.model.rows]
        uploads = sorted(one.event_id for one in self.outbox.uploads(10**6))
        assert uploads == sorted(file.event for file in self.model.files)
        figures = self.outbox.figures()
        assert (figures.given_up, figures.files_given_up) == (len(self.model.gone), len(self.model.files_gone))
        self.report.gone.update(row.kind for row in self.model.gone)
        self.report.gone.update("picture" if file.is_picture else "clip" for file in self.model.files_gone)
        assert "open" not in self.report.gone
        told = self.report.told
        if not self.small:
            assert not self.report.gone
            assert not any({"outbox_full", "outbox_filling"} & one.codes for one in told)
            return
        assert {"updated", "list", "closed", "picture", "clip"} <= self.report.gone.keys()
        warned = next(index for index, one in enumerate(told) if "outbox_filling" in one.codes)
        assert told[warned].gave_up == 0, "something was given up before anybody was warned"
        gave_up = next(index for index, one in enumerate(told) if one.gave_up)
        assert warned < gave_up
        assert all("outbox_full" in one.codes for one in told[gave_up:])

    def _check_console(self) -> None:
        gone = {row.sequence for row in self.model.gone}
        with self.console.database.read() as connection:
            found = {row.event_id: row for row in connection.execute(select(tables.event))}
            feed = connection.execute(
                select(tables.change.c.key, tables.change.c.what)
                .where(tables.change.c.kind == "alert", tables.change.c.what.in_(("opened", "updated", "closed")))
                .order_by(tables.change.c.id)
            ).all()
            rings = sum(one.rings for one in alerts.count_new(connection))
            problems = node_problems(nodes.find(connection, "box").health)
        assert found.keys() == self.opened_s.keys(), "an opening is not there"
        self._check_order(feed, gone)
        for event, row in found.items():
            assert row.late == is_late(self.opened_s[event], row.received_at_s), f"{event} is not marked as it must"
            in_time = not AROUND_S <= self.opened_s[event] - BEGINS_S < AROUND_S + HOUR_S - 120
            assert in_time or row.late, f"{event} came an hour late and would ring"
            is_before = self.opened_s[event] - BEGINS_S < AROUND_S
            assert not (is_before and row.late), f"{event} came in time and would not ring"
        self.report.late = sum(row.late for row in found.values())
        assert rings == len(found) - self.report.late
        absent = self.absent()
        assert (absent.missing, absent.given_up, absent.lost) == (0, len(gone), 0)
        languages = Languages("Asia/Ho_Chi_Minh")
        self.report.sentences = [
            problem.told(languages.choose(code, ""))
            for code in ("en", "vi")
            for problem in problems
            if problem.code.startswith("outbox")
        ]
        assert bool(self.report.sentences) == self.small

    def _check_order(self, feed: list[tuple[str, str]], gone: set[int]) -> None:
        """Of each camera the console took what was not given up in the order in which it was written, once."""
        camera_of = {event: camera for camera, told in self.put.items() for event, _ in told}
        taken: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for event, what in feed:
            taken[camera_of[event]].append((event, "open" if what == "opened" else what))
        given_up = Counter((row.event, row.kind) for row in self.model.gone)
        for camera, told in self.put.items():
            left, dropped = [], Counter()
            for one in told:  # of several updates the oldest go
                if dropped[one] < given_up[one]:
                    dropped[one] += 1
                else:
                    left.append(one)
            assert taken[camera] == left, f"{camera} is out of order"


def told_at(report: Report, code: str) -> str:
    """When staff were first told `code`, in the hour's own time."""
    first = next((one for one in report.told if code in one.codes), None)
    if first is None:
        return "never"
    return f"{(first.at_s - AROUND_S) / 60:.0f} min into the hour, {first.gave_up} messages given up by then"


def table(events: int, seed: int, small: bool, report: Report) -> str:
    """What an hour came to, in lines."""
    gone = ", ".join(f"{count} {kind}" for kind, count in sorted(report.gone.items()))
    lines = [
        ("outbox", "too small for the hour" if small else "ample"),
        ("events, messages", f"{events}, {report.rows} (seed {seed})"),
        ("written in, delivered in", f"{report.written_s:.0f} s, {report.delivered_s:.0f} s, with the files"),
        ("openings lost, doubled, out of order", "0, 0, 0"),
        ("given up, exactly in the written order", gone or "nothing"),
        ("marked late, ring as new all the same", f"{report.late}, 0"),
        ("told that it fills up", told_at(report, "outbox_filling")),
        ("told that it gives up", told_at(report, "outbox_full")),
        *(("the wall says", sentence) for sentence in report.sentences),
    ]
    return "\n".join(f"{name:<40} {value}" for name, value in lines)


def main() -> int:
    """Both hours; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="within the hour")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--outbox", choices=("ample", "small", "both"), default="both")
    chosen = parser.parse_args()
    for small in (False, True):
        if chosen.outbox not in ("both", "small" if small else "ample"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            hour = Hour(Path(folder), chosen.seed, chosen.events, small=small)
            try:
                report = hour.run()
            except AssertionError as broken:
                print(f"BROKEN (seed {chosen.seed}, small={small}): {broken}")
                raise
            finally:
                hour.close()
        print(table(chosen.events, chosen.seed, small, report), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
