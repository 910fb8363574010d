"""How uploads share the line: a limit on average, quiet hours in the site's own time, what is exempt."""

import hashlib
import random
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from broker.contract.messages import EventMessage, EvidenceFile
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.uploader import LEAST_CHUNK_BYTES, URGENT_S, ConsoleAddress, Uploader, UploadLimits
from edge.core.schedule import WeeklySchedule, WeeklySpan

sys.path.insert(0, str(Path(__file__).parent))

from test_uploader import OddConsole

NIGHT = (WeeklySpan(begins="22:00", ends="06:00"),)
BERLIN, HANOI = "Europe/Berlin", "Asia/Ho_Chi_Minh"


def at(zone: str, *moment: int) -> float:
    return datetime(*moment, tzinfo=ZoneInfo(zone)).timestamp()


class StoryClock:
    """Time that passes only while the uploader waits."""

    def __init__(self, wall_s: float) -> None:
        self.now_s = wall_s

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s - 1_000_000_000


class Stop(threading.Event):
    """Waits in the story's time; is set after so many turns without anything to do."""

    def __init__(self, clock: StoryClock, until_s: float) -> None:
        super().__init__()
        self._clock, self._until_s = clock, until_s

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now_s += timeout or 0.0
        if self._clock.now_s >= self._until_s:
            self.set()
        return self.is_set()


class Console:
    """Takes everything; notes when what came."""

    def __init__(self, clock: StoryClock) -> None:
        self.clock, self.held, self.came = clock, {}, []
        self.on_bytes = lambda _name: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name, body = request.url.path.rpartition("/")[2], request.read()
        if request.method == "PUT":
            self.came.append((self.clock.now_s, "still", len(body)))
            self.on_bytes("still")
            return httpx.Response(204)
        held = self.held.setdefault(name, bytearray())
        if request.method == "PATCH":
            held += body
            self.came.append((self.clock.now_s, name, len(body)))
            self.on_bytes(name)
            return httpx.Response(204)
        complete = hashlib.sha256(held).hexdigest() == name
        headers = {"Upload-Offset": str(len(held)), "Upload-Complete": "?1" if complete else "?0"}
        return httpx.Response(200, headers=headers)


class Box:
    """An outbox with files, an uploader, a console and the story's clock."""

    def __init__(self, folder, wall_s: float, limits: UploadLimits) -> None:
        self.folder, self.clock, self.names = folder, StoryClock(wall_s), {}
        self.outbox = SqliteOutbox(folder / "o.sqlite")
        self.console = Console(self.clock)
        client = httpx.Client(transport=httpx.MockTransport(self.console), base_url="http://console")
        self.uploader = Uploader(ConsoleAddress("", folder), self.outbox, client, limits, self.clock)

    def put(self, name: str, size: int, number: int, *, is_open: bool = False) -> None:
        content = random.Random(name).randbytes(size)
        path = self.folder / f"{number}-{name}"
        path.write_bytes(content)
        role, kind = ("clip", "video/mp4") if name.endswith(".mp4") else ("snapshot", "image/jpeg")
        sha256 = hashlib.sha256(content).hexdigest()
        self.names[sha256] = name
        facts = {"role": role, "name": name, "media_type": kind, "begins_at_s": 1.0, "ends_at_s": 2.0}
        event_id = str(uuid.UUID(int=number))
        if is_open:
            facts_of = {"revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
            event = EventMessage(event_id=event_id, opened_at_s=1.0, captured_at_s=1.0, **facts_of)
            self.outbox.put_event(event, self.clock.now_s)
        file = EvidenceFile(**facts, bytes=size, sha256=sha256)
        self.outbox.put_evidence(event_id, "gate", [(file, path)], self.clock.now_s)

    def run(self, seconds: float) -> None:
        self.uploader.run(Stop(self.clock, self.clock.now_s + seconds))

    def came(self) -> list[tuple[float, str, int]]:
        return [(when, self.names.get(name, name), size) for when, name, size in self.console.came]

    def waits(self) -> list[str]:
        return [self.names[one.sha256] for one in self.outbox.uploads(99)]


@pytest.fixture
def made(tmp_path):
    boxes = []

    def make(wall_s: float, **limits) -> Box:
        boxes.append(Box(tmp_path, wall_s, UploadLimits(**limits)))
        return boxes[-1]

    yield make
    for box in boxes:
        box.outbox.close()


def test_pictures_of_events_go_before_stills_and_stills_before_clips(made):
    box = made(0.0, max_bytes_per_s=50_000)
    box.put("a.mp4", 60_000, 1)
    box.put("b.jpg", 30_000, 2)
    for camera in ("gate", "yard", "street"):
        box.uploader.send_still(camera, b"x" * 40_000)

    def opens(name):
        if name == "still" and len(box.console.came) == 2:
            box.put("c.jpg", 30_000, 3, is_open=True)

    box.console.on_bytes = opens
    box.run(60)
    order = [name for _, name, _ in box.came()]
    assert order[:2] == ["b.jpg", "still"]
    assert order.index("c.jpg") == 2
    assert sorted(set(order)) == ["a.mp4", "b.jpg", "c.jpg", "still"]
    assert order.count("still") == 3
    assert box.waits() == []


@pytest.fixture
def seldom(monkeypatch):
    """Looks every half minute: a night is long."""
    monkeypatch.setattr("edge.adapters.uploader.POLL_S", 30.0)


def test_the_limit_holds_on_average_in_every_window_of_ten_seconds(made):
    box = made(0.0, max_bytes_per_s=50_000)
    box.put("a.mp4", 600_000, 1)
    box.put("b.jpg", 90_000, 2)
    box.uploader.send_still("gate", b"x" * 70_000)
    box.run(60)
    assert box.waits() == []
    came = box.came()
    assert max(size for _, _, size in came) <= 70_000
    for begin, _, _ in came:
        assert sum(size for when, _, size in came if begin <= when < begin + 10) <= 10 * 50_000 + 70_000
    assert came[-1][0] - came[0][0] == pytest.approx((760_000 - came[-1][2]) / 50_000, rel=0.1)


def test_a_very_small_limit_sends_no_crumbs(made):
    box = made(0.0, max_bytes_per_s=1_000)
    box.put("a.mp4", 64_000, 1)
    box.run(120)
    assert box.waits() == []
    assert max(size for _, _, size in box.came()) == LEAST_CHUNK_BYTES


def test_without_a_limit_nothing_waits(made):
    box = made(0.0)
    box.put("a.mp4", 5_000_000, 1)
    box.run(2)
    assert box.waits() == []


def test_a_new_picture_goes_before_the_rest_of_a_clip(made):
    box = made(0.0, max_bytes_per_s=50_000)
    box.put("a.mp4", 500_000, 1)

    def opens(_name):
        if len(box.console.came) == 3:
            box.put("b.jpg", 30_000, 2, is_open=True)

    box.console.on_bytes = opens
    box.run(60)
    assert box.waits() == []
    assert [name for _, name, _ in box.came()][:5] == ["a.mp4", "a.mp4", "a.mp4", "b.jpg", "a.mp4"]
    assert sum(size for _, name, size in box.came() if name == "a.mp4") == 500_000  # no byte of it twice


def test_clips_wait_in_quiet_hours_and_pictures_of_what_goes_on_do_not(made):
    box = made(at(HANOI, 2026, 11, 29, 21, 0), quiet=WeeklySchedule(NIGHT, HANOI))
    box.uploader._quiet = WeeklySchedule((), HANOI)  # they come to lie here while nobody takes them
    for name, number, is_open in (("old.jpg", 1, False), ("open.jpg", 2, True), ("clip.mp4", 3, False)):
        box.put(name, 9_000, number, is_open=is_open)
    box.uploader._quiet = WeeklySchedule(NIGHT, HANOI)
    box.clock.now_s = at(HANOI, 2026, 11, 29, 23, 0)
    box.put("new.jpg", 9_000, 4)
    box.uploader.send_still("gate", b"x")
    box.run(60)
    assert {name for _, name, _ in box.came()} == {"open.jpg", "new.jpg", "still"}
    assert sorted(box.waits()) == ["clip.mp4", "old.jpg"]
    assert box.uploader.kept_quiet == 2
    assert URGENT_S == 3600.0


def test_past_midnight_until_the_hours_end(made, seldom):
    box = made(at(HANOI, 2026, 11, 30, 0, 30), quiet=WeeklySchedule(NIGHT, HANOI))
    box.put("clip.mp4", 9_000, 1)
    box.run(6 * 3600)
    (came,) = box.came()
    assert 0 <= came[0] - at(HANOI, 2026, 11, 30, 6, 0) <= 31
    assert box.uploader.kept_quiet == 0


@pytest.mark.parametrize(
    ("day", "ends_utc"),
    [((2026, 3, 29), (2026, 3, 29, 4)), ((2026, 10, 25), (2026, 10, 25, 5)), ((2026, 6, 1), (2026, 6, 1, 4))],
)
def test_the_clocks_of_the_site_decide_also_in_the_night_in_which_they_change(made, seldom, day, ends_utc):
    box = made(at(BERLIN, *day, 0, 30), quiet=WeeklySchedule(NIGHT, BERLIN))
    box.put("clip.mp4", 9_000, 1)
    box.run(8 * 3600)
    assert 0 <= box.came()[0][0] - datetime(*ends_utc, tzinfo=UTC).timestamp() <= 31


def test_a_clip_that_is_on_its_way_stops_when_the_quiet_hours_begin_and_goes_on_there(made, seldom):
    begins_s = at(HANOI, 2026, 11, 29, 22, 0)
    box = made(begins_s - 35, max_bytes_per_s=50_000, quiet=WeeklySchedule(NIGHT, HANOI))
    box.put("clip.mp4", 600_000, 1)
    box.run(9 * 3600)
    came = box.came()
    assert not [when for when, *_ in came if begins_s + 2 <= when < begins_s + 8 * 3600]
    assert 100_000 < sum(size for when, _, size in came if when < begins_s + 2) < 400_000
    assert sum(size for *_, size in came) == 600_000


def test_an_odd_console_is_odd_at_night_as_well(made):
    """A console that is away is told, though only pictures are sent."""
    box = made(at(HANOI, 2026, 11, 29, 23, 0), quiet=WeeklySchedule(NIGHT, HANOI))
    stop = Stop(box.clock, box.clock.now_s + 30)
    odd = OddConsole(stop, 3)
    odd.answers = [httpx.Response(503)] * 3
    box.uploader._client = httpx.Client(transport=httpx.MockTransport(odd), base_url="http://console")
    box.uploader.send_still("gate", b"x")
    box.uploader.run(stop)
    assert "503" in box.uploader.fault
