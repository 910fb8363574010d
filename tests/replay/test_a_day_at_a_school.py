"""A day at a school, as a story: what rang, what did not, and why.

The calendar of a province and of its school is merged, written out, sent as bytes, kept on the box's disk and read back
after a restart; the people walk through the real tracker, stays and rules, armed by it and by the box's own file.
`pytest -s tests/replay/test_a_day_at_a_school.py` tells it.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from broker.contract import codec, topics
from console.domain.alert import Severity
from console.domain.armed_schedule import compiled
from console.domain.calendar import Calendar, Day, DayKind, Order, OwnDays, Period, Scope, day_of, merged, period_at
from console.ingest.schedule_sender import schedule_message
from console.store.public_holidays import public_holidays
from edge.adapters.schedule_file import calendar_path, read_calendar, write_schedule
from edge.app.build import watched_rule
from edge.config.schema import CameraSection
from edge.core.appearance import BINS
from edge.core.calendar import NO_CALENDAR
from edge.core.detection import Detections
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch
from edge.core.zone import Zone

SITE = ZoneInfo("Asia/Ho_Chi_Minh")
SIZE = (640, 480)
FPS = 2.0
BOX = """
- name: gate
  url: rtsp://192.0.2.1/
  zones: [{name: pavement, polygon: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}]
  rules:
    - {kind: loitering, zone: pavement, dwell_s: 120, severity: medium}
    - {kind: crowd, zone: pavement, people: 4, hold_s: 20, severity: low}
- name: fence
  url: rtsp://192.0.2.2/
  zones: [{name: back-fence, polygon: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}]
  rules: [{kind: loitering, zone: back-fence, dwell_s: 120, severity: medium}]
- name: yard
  url: rtsp://192.0.2.3/
  zones: [{name: yard, polygon: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}]
  rules:
    - {kind: intrusion, zone: yard, severity: high, armed: [{begins: "19:00", ends: "05:00"}]}
- name: roof
  url: rtsp://192.0.2.4/
  zones: [{name: roof, polygon: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}]
  rules: [{kind: intrusion, zone: roof, severity: critical, follows_calendar: false}]
"""
PROVINCE = Calendar(
    days=(OwnDays(date(2026, 12, 24), date(2026, 12, 24), DayKind.HOLIDAY, "Nghỉ của tỉnh"),),
    orders={(Scope("loitering"), Period.AFTER_HOURS): Order(True, 60.0, Severity.HIGH)},
)
SCHOOL = Calendar(
    days=(OwnDays(date(2026, 12, 5), date(2026, 12, 5), DayKind.SPECIAL_DAY, "Hội chợ xuân"),),
    orders={
        (Scope("loitering", "box", "fence", "back-fence"), Period.LESSONS): Order(True, 45.0, Severity.HIGH),
        (Scope("loitering", "box", "fence", "back-fence"), Period.DROP_OFF): Order(True, 300.0),
    },
)


@dataclass(frozen=True)
class Scene:
    """begins: at the school. rings: what must ring, as (seconds after the beginning, rule, severity)."""

    begins: str
    camera: str
    who: str
    people: int
    stay_s: int
    rings: tuple[tuple[float, str, str], ...]
    why: str


STORY = (
    Scene("2026-11-30 06:50", "gate", "a mother waits for a friend", 1, 200, (), "drop-off: loitering is off"),
    Scene("2026-11-30 06:55", "gate", "five parents talk", 5, 40, (), "drop-off: crowds are off"),
    Scene(
        "2026-11-30 07:28", "gate", "a father stays on", 1, 260, ((240.0, "loitering", "medium"),),
        "from 07:30 on he has the 120 s that the box gives; seconds before it was armed don't count",
    ),
    Scene(
        "2026-11-30 07:28", "fence", "a man stands at the fence", 1, 150, ((120.0, "loitering", "high"),),
        "300 s at drop-off, 45 s from 07:30 on: his 120 s counted on, so it rings that second",
    ),
    Scene("2026-11-30 09:10", "yard", "pupils play", 4, 20, (), "break: the yard keeps the box's hours, from 19:00 on"),
    Scene(
        "2026-11-30 10:00", "fence", "a loiterer at the fence", 1, 60, ((45.0, "loitering", "high"),),
        "lessons: 45 s there, by the school's order for this zone",
    ),
    Scene("2026-11-30 10:10", "gate", "a vendor rests", 1, 100, (), "lessons: the gate keeps the box's 120 s"),
    Scene("2026-11-30 16:30", "gate", "parents wait", 5, 200, (), "pick-up: loitering and crowds are off"),
    Scene("2026-11-30 16:30", "roof", "somebody climbs", 1, 10, ((1.0, "intrusion", "critical"),),
          "the box's file keeps this rule out of every calendar"),
    Scene(
        "2026-12-01 02:00", "yard", "an intruder at night", 1, 15, ((1.0, "intrusion", "high"),),
        "after hours: whoever is there",
    ),
    Scene(
        "2026-12-01 02:05", "gate", "the same 60 s as by day", 1, 70, ((60.0, "loitering", "high"),),
        "after hours: 60 s and high, by the province's order",
    ),
    Scene("2026-12-05 09:00", "gate", "guests of the fair", 5, 150, (), "special event: loitering and crowds are off"),
    Scene(
        "2026-12-24 10:00", "yard", "boys climb in", 2, 15, ((1.0, "intrusion", "high"),) * 2,
        "a holiday that the province set: after hours all day, though the box's own hours say no; each of them rings",
    ),
    Scene(
        "2027-01-01 10:00", "yard", "somebody on New Year's Day", 1, 15, ((1.0, "intrusion", "high"),),
        "a public holiday; the console has been away for a month, the box goes on by its disk",
    ),
    Scene(
        "2027-02-10 10:00", "yard", "a caretaker, long after the calendar's end", 1, 15, (),
        "past its end all is as on the box again: the yard is armed from 19:00 on",
    ),
)  # fmt: skip


class Camera:
    """One camera of the box, with its tracker and its people."""

    def __init__(self, section: CameraSection) -> None:
        zones = [Zone(zone.name, zone.polygon, zone.grace_s) for zone in section.zones]
        rules = [watched_rule(rule, "Asia/Ho_Chi_Minh") for rule in section.rules]
        self.watch, self.tracker, self.media_s = CameraWatch("box", section.name, zones, rules), Tracker(), 0.0

    def play(self, scene: Scene, begins_at_s: float, calendar, seed: int) -> list:
        """What rang in a scene: people stand there for so long, then the picture is empty for a minute."""
        random, events = np.random.default_rng(seed), []
        looks = np.stack([random.dirichlet(np.full(BINS, 0.1)) for _ in range(scene.people)]).astype(np.float32)
        for frame in range(round((scene.stay_s + 60) * FPS)):
            passed_s, here = frame / FPS, scene.people if frame <= scene.stay_s * FPS else 0
            x = np.linspace(100, 540, here, dtype=np.float32) + np.float32(passed_s % 7)
            boxes = np.stack([x - 20, np.full(here, 200), x + 20, np.full(here, 300)], axis=1).astype(np.float32)
            found = Detections(boxes, np.full(here, 0.9, np.float32))
            tracks = self.tracker.update(found, self.media_s, looks[:here])
            now = (self.media_s, begins_at_s + passed_s)
            for event in self.watch.update(tracks, SIZE, *now, None, calendar).events:
                if event.state == "open":
                    events.append((passed_s, event.rule, event.severity, event.period))
            self.media_s += 1 / FPS
        self.media_s += 3600.0
        return events


def sent_to_the_box(calendar: Calendar, now_s: float, folder: Path) -> None:
    """The console's way to the disk of the box."""
    schedule = compiled(calendar, public_holidays(2026), SITE, now_s)
    payload = codec.encode(topics.SCHEDULE, "console", schedule_message(schedule, "box"), now_s)
    write_schedule(calendar_path(folder), codec.decode(topics.SCHEDULE.of("box"), payload).message)


def at_s(moment: str) -> float:
    return datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=SITE).timestamp()


def going_on(school: Calendar, moment_s: float, public) -> tuple[Day, str]:
    """The day and the period of a moment, as the console shows them."""
    local = datetime.fromtimestamp(moment_s, SITE)
    day, span = period_at(school, local.date(), local.hour * 60 + local.minute, public)
    return day, span.period


def test_a_day_at_a_school(tmp_path):
    school = merged([PROVINCE, SCHOOL])
    sent_to_the_box(school, at_s("2026-11-30 05:00"), tmp_path)
    sections = {one["name"]: CameraSection.model_validate(one) for one in yaml.safe_load(BOX)}
    cameras = {name: Camera(section) for name, section in sections.items()}
    told, public = [], public_holidays(2026, "en")
    for seed, scene in enumerate(STORY):
        begins_at_s = at_s(scene.begins)
        day, period = going_on(school, begins_at_s, public)
        calendar = read_calendar(calendar_path(tmp_path))  # as a box that starts anew before each scene
        rang = cameras[scene.camera].play(scene, begins_at_s, calendar, seed)
        said = (
            "; ".join(f"{rule} after {s:.0f} s, {severity} ({when})" for s, rule, severity, when in rang) or "nothing"
        )
        kind = day.kind + (f" ({day.name})" if day.name else "")
        told.append((f"{scene.begins}  {kind}, {period}", f"{scene.camera}: {scene.who}, {scene.stay_s} s",
                     f"rang: {said}", f"why: {scene.why}"))  # fmt: skip
        assert [one[1:3] for one in rang] == [one[1:] for one in scene.rings], told[-1]
        assert all(abs(one[0] - wanted[0]) <= 1 for one, wanted in zip(rang, scene.rings, strict=True)), told[-1]
        assert [one[3] for one in rang] == [going_on(school, begins_at_s + one[0], public)[1] for one in rang], told[-1]
        if not scene.rings:  # they are seen, and what is armed would ring; but for who stays too short
            armed = Camera(sections[scene.camera]).play(
                scene, begins_at_s, replace(NO_CALENDAR, clock_wrong=True), seed
            )
            assert bool(armed) == (scene.who != "a vendor rests"), told[-1]
    print("\n" + "\n".join(f"{head}\n    {who}\n    {rang}\n    {why}" for head, who, rang, why in told))


def test_what_rings_without_a_calendar_is_what_the_box_says():
    """The counterpart: the very same people, and only the file of the box."""
    sections = {one["name"]: CameraSection.model_validate(one) for one in yaml.safe_load(BOX)}
    told = ("parents wait", "a loiterer at the fence", "boys climb in")
    by_the_box = {
        scene.who: [one[1] for one in Camera(sections[scene.camera]).play(scene, at_s(scene.begins), NO_CALENDAR, 1)]
        for scene in STORY
        if scene.who in told
    }
    assert by_the_box == dict(zip(told, (["crowd", *["loitering"] * 5], [], []), strict=True))


def test_the_lunar_new_year_reaches_the_box(tmp_path):
    """Two weeks that move each year, without anybody having typed a date."""
    sent_to_the_box(merged([SCHOOL]), at_s("2027-01-18 05:00"), tmp_path)
    assert day_of(merged([]), date(2027, 2, 8), public_holidays(2027)).kind == DayKind.HOLIDAY
    calendar = read_calendar(calendar_path(tmp_path))
    orders = {
        day: {(one.rule, one.place): one.armed for one in calendar.plans[calendar.plan_at(at_s(f"{day} 10:00"))]}
        for day in ("2027-02-03", "2027-02-08")
    }
    assert ("intrusion", None) not in orders["2027-02-03"]
    assert orders["2027-02-08"]["intrusion", None] is True
