"""People are told over real SMTP and HTTP, one of which hangs; acknowledging stops it, and a kill loses nothing."""

import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from ports import free_port
from sqlalchemy import select

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import Severity
from console.domain.alert_work import Act, Step
from console.domain.calendar import Calendar, DayKind, OwnDays
from console.domain.channel import ChannelKind
from console.domain.delivery import GIVE_UP_S, LEASE_S, TRY_S, Result, State
from console.domain.escalation import Duty, Hours, Ladder, LadderStep
from console.domain.wall_watch import GONE_S, PATIENCE_S, FaultKind
from console.notify.dispatcher import Dispatcher
from console.store import (
    alert_work,
    calendars,
    call_card,
    channels,
    escalations,
    ladders,
    notifications,
    sites,
    users,
    wall_watch,
)
from console.store.channels import Address, Contact
from console.store.escalation_tables import notification
from console.store.ladders import SiteLadder, WatchHours
from console.web.i18n import Languages
from console.web.notice_text import NoticeText

pytestmark = pytest.mark.system
HERE = ZoneInfo("Asia/Ho_Chi_Minh")
STEPS = ("Bảo vệ", "Bảo vệ hai", "Trực ban", "Hiệu trưởng")


class Mail:
    """What a mailbox got, with when."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, float]] = []

    async def handle_DATA(self, _server, _session, envelope):
        text = envelope.content.decode("utf-8", "replace")
        self.got.append((envelope.rcpt_tos[0], text, time.monotonic()))
        return "554 no such mailbox" if envelope.rcpt_tos[0].startswith("nobody") else "250 OK"


@pytest.fixture(scope="module")
def smtp() -> Iterator[tuple[Mail, int]]:
    mail = Mail()
    controller = Controller(
        mail,
        hostname="127.0.0.1",
        port=free_port(),
        auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=True),
    )
    controller.start()
    yield mail, controller.port
    controller.stop()


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[list[dict[str, str]], int]]:
    got: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield got, server.server_port
    server.shutdown()


@contextmanager
def hanging() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door.getsockname()[1]


class Night:
    """A school with a ladder of four, and the dispatcher of its console, turned by hand."""

    def __init__(self, desk, smtp_port: int, hooks: dict[str, int]) -> None:
        self.desk, self.sent = desk, 0
        seal = desk.console.web.state.context.seal
        with desk.console.database.write() as connection:
            address = f"mailto://gate:hunter22@127.0.0.1:{smtp_port}/?from=gate@school.vn&to={{to}}"
            mail = channels.add(connection, seal, 1, "Thư", ChannelKind.EMAIL, address)
            ways = {"mail": mail}
            for name, port in hooks.items():
                address = f"json://127.0.0.1:{port}/s3cr3t-path"
                ways[name] = channels.add(connection, seal, 1, name, ChannelKind.WEBHOOK, address)
            people = []
            for number, name in enumerate(STEPS):
                addresses = [Address(mail, f"p{number}@school.vn")]
                if number == 0:
                    addresses += [Address(way, "") for name, way in ways.items() if name == "hangs"]
                if number == 3:
                    addresses += [Address(way, "") for name, way in ways.items() if name == "hook"]
                who = Contact(0, 1, name, "vi", tuple(addresses))
                people.append(channels.keep_contact(connection, who))
            steps = tuple(
                LadderStep(name, 60.0 * bool(number), (Duty(people[number]),)) for number, name in enumerate(STEPS)
            )
            urgent = frozenset({Severity.HIGH, Severity.CRITICAL})
            ladders.keep(connection, SiteLadder(0, 1, urgent, Ladder(steps)))
            self.guard = users.add(connection, "Lan", "x", Role.GUARD, desk.clock()).id
        self.ways = ways
        self.dispatcher = desk.console.work["dispatcher"].__self__
        self.watcher = desk.console.work["watcher"].__self__

    def ring(self, severity: str = "high", event_id: str = "", revision: int = 1) -> str:
        now_s, event_id = self.desk.clock(), event_id or str(uuid.uuid4())
        facts = {"event_id": event_id, "revision": revision, "state": "open", "rule": "loitering", "camera": "gate"}
        event = EventMessage(**facts, severity=severity, opened_at_s=now_s, captured_at_s=now_s, dwell_s=60)
        self.sent += 1
        payload = codec.encode(topics.EVENT, "n1", event, now_s, "box", self.sent)
        verdict = self.desk.intake.take(topics.EVENT.of("n1"), payload)
        assert verdict.refused_because is None
        return event_id

    def turn(self, after_s: float = 0.0, still: int = 0) -> None:
        """Lets time go by, then turns until no more than `still` tries are on their way."""
        self.desk.clock.now_s += after_s
        deadline_s = time.monotonic() + 15
        self.dispatcher.turn()
        while len(self.dispatcher._flights) > still or not self.dispatcher._ended.empty():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
            self.dispatcher.turn()

    def act(self, event_id: str, step: Step) -> None:
        with self.desk.console.database.write() as connection:
            (outcome,) = alert_work.act(connection, [event_id], Act(step, self.guard), self.desk.clock())
        assert not outcome.refused

    def told(self, event_id: str) -> list[tuple[str, str, str]]:
        with self.desk.console.database.read() as connection:
            return [(one.contact, one.channel, one.state) for one in notifications.of_alert(connection, event_id)]


def test_an_alert_goes_up_the_whole_ladder_though_one_way_hangs(desk, smtp, web):
    (mail, port), (hook, hook_port) = smtp, web
    mail.got.clear()
    hook.clear()
    with hanging() as hang_port:
        night = Night(desk, port, {"hangs": hang_port, "hook": hook_port})
        begun_s, event_id = time.monotonic(), night.ring()
        night.turn(still=1)
        assert mail.got[0][0] == "p0@school.vn"
        assert mail.got[0][2] - begun_s < 3.0
        night.turn(59, still=1)
        assert len(mail.got) == 1
        night.turn(1, still=1)
        night.turn(60, still=1)
        night.turn(60, still=1)
    assert [to for to, _, _ in mail.got] == [f"p{number}@school.vn" for number in range(4)]
    assert hook[0]["title"] == "Cao: Người lảng vảng – gate"
    assert "Kim Đồng" in hook[0]["message"]
    states = dict.fromkeys(STEPS, State.SENT)
    told = night.told(event_id)
    assert {name: state for name, way, state in told if way == "Thư"} == states
    assert (STEPS[3], "hook", State.SENT) in told
    with desk.console.database.read() as connection:
        (hung,) = (one for one in notifications.of_alert(connection, event_id) if one.channel == "hangs")
        sealed = [way.address_sealed + way.shown for way in channels.listing(connection, [1])]
    assert (hung.state, hung.tries[0].result, hung.tries[0].took_s) == (State.WAITING, Result.NO_ANSWER, TRY_S)
    assert not [text for text in sealed if "hunter22" in text or "s3cr3t" in text]


def test_acknowledging_stops_it_and_another_alert_of_the_incident_rings_again(desk, smtp):
    mail, port = smtp
    mail.got.clear()
    night = Night(desk, port, {})
    first = night.ring()
    night.turn()
    night.act(first, Step.ACKNOWLEDGE)
    night.turn(500)
    second = night.ring()
    night.turn()
    assert [to for to, _, _ in mail.got] == ["p0@school.vn"] * 2
    night.act(second, Step.ACKNOWLEDGE)
    night.act(second, Step.HOLD)
    night.turn(899)
    assert len(mail.got) == 2
    night.turn(1)
    night.turn(60)
    assert [to for to, _, _ in mail.got[2:]] == ["p0@school.vn", "p1@school.vn"]
    night.act(second, Step.START)
    night.turn(5000)
    assert len(mail.got) == 4
    low = night.ring("low")
    night.turn()
    assert night.told(low) == []
    night.ring("critical", low, revision=2)  # worse than it was: it has a ladder now
    night.turn()
    assert night.told(low) == [(STEPS[0], "Thư", State.SENT)]
    assert len(mail.got) == 5


def test_what_a_killed_console_left_is_sent_once_and_what_is_refused_is_said(desk, smtp):
    mail, port = smtp
    mail.got.clear()
    night = Night(desk, port, {})
    event_id = night.ring()
    database = desk.console.database
    with database.write() as connection:
        escalations.advance_due(connection, desk.clock(), night.dispatcher._local_of)
        (due,) = notifications.due(connection, desk.clock(), (), 10)
        assert notifications.take(connection, due.id, desk.clock())
    with database.write() as connection:  # another console, meanwhile
        assert not notifications.take(connection, due.id, desk.clock())
        assert notifications.due(connection, desk.clock() + LEASE_S - 1, (), 10) == []
    night.turn(LEASE_S)
    assert [to for to, _, _ in mail.got].count("p0@school.vn") == 1
    with database.write() as connection:
        (one,) = (one for one in notifications.of_alert(connection, event_id) if one.number == 0)
        assert [each.result for each in one.tries] == [Result.UNKNOWN, Result.SENT]
        wrong = Contact(0, 1, "Không ai", "en", (Address(night.ways["mail"], "nobody@school.vn"),))
        person = channels.keep_contact(connection, wrong)
        lonely = channels.keep_contact(connection, Contact(0, 1, "Không số", "vi", ()))
        never = Duty(person, Hours(frozenset()))
        steps = (LadderStep("x", 0, (never,)), LadderStep("y", 0, (Duty(person), Duty(lonely))))
        ladders.keep(connection, SiteLadder(0, 1, frozenset({Severity.LOW}), Ladder(steps)))
    low = night.ring("low")
    for _ in range(8):
        night.turn(400)
    with database.read() as connection:
        found = {(one.step, one.contact): one for one in notifications.of_alert(connection, low)}
        (way,) = channels.listing(connection, [1])
    assert found["x", ""].state == State.NOBODY
    assert found["y", "Không số"].state == State.NO_WAY
    refused = found["y", "Không ai"]
    assert refused.state == State.FAILED
    assert "554" in refused.tries[0].reason
    page = desk.browser(Role.GUARD).get(f"/alerts/{low}", headers={"Accept-Language": "vi"}).text
    assert "bị từ chối" in page
    assert "bên nhận không chấp nhận" in page
    assert "hunter22" not in "".join(one.reason for one in refused.tries) + way.reason
    assert len(refused.tries) == 5  # then half an hour is over


def test_the_watch_itself_is_watched(desk, smtp):
    mail, port = smtp
    mail.got.clear()
    night = Night(desk, port, {})
    with desk.console.database.write() as connection:
        ladders.set_watch_hours(connection, WatchHours(1, True, Hours()))

    def look(after_s: float) -> list[FaultKind]:
        desk.clock.now_s += after_s
        night.watcher.look()
        with desk.console.database.read() as connection:
            return [one.kind for one in wall_watch.faults(connection)]

    assert look(GONE_S) == []
    assert look(PATIENCE_S) == [FaultKind.NOBODY_WATCHING]
    night.turn()
    assert "Không có ai" in _text(mail.got[-1][1])
    browser = desk.browser(Role.GUARD)
    assert browser.post("/watch", data={"page": "a" * 32, "heard": "false"}).status_code == 204
    look(1)
    assert look(PATIENCE_S) == [FaultKind.SOUND_BLOCKED]
    wall = browser.get("/wall").text
    assert browser.get("/api/rings").json() == {"number": 1, "loudest": "high"}
    assert 'data-loudest="high"' in wall  # it rings like the alert whose ladder it goes up
    fault = re.search(r'name="fault" value="(\d+)"', wall)[1]
    assert browser.post("/watch-faults/1/acknowledge", data={"fault": str(int(fault) + 1)}).status_code == 303
    assert 'data-rings="1"' in browser.get("/wall").text  # only what somebody has seen is known to them
    assert browser.post("/watch-faults/1/acknowledge", data={"fault": fault}).status_code == 303
    assert 'data-rings="0" data-loudest=""' in browser.get("/wall").text
    night.turn(500)
    count = len(mail.got)
    browser.post("/watch", data={"page": "a" * 32, "heard": "true"})
    assert look(1) == []
    with desk.console.database.write() as connection:
        for _ in range(3):
            channels.note_result(connection, night.ways["mail"], "554 no", desk.clock())
    assert look(1) == [FaultKind.CHANNEL_FAILED]
    night.turn()
    assert len(mail.got) == count  # not by the way that fails
    with desk.console.database.write() as connection:
        channels.note_result(connection, night.ways["mail"], "", desk.clock())
    assert look(1) == []


def test_what_people_read_is_short_in_their_language_and_opens_nothing(desk):
    night = Night(desk, 9, {})
    event_id = night.ring()
    with desk.console.database.write() as connection:
        call_card.keep(connection, 1, "12 Nguyễn Huệ", "cổng phụ", "")
        escalations.advance_due(connection, desk.clock(), night.dispatcher._local_of)
        (due,) = notifications.due(connection, desk.clock(), (), 10)
        compose = NoticeText(Languages("Asia/Ho_Chi_Minh"), "https://gate.example.org")
        english, vietnamese = (compose(connection, replace(due, language=code)) for code in ("en", "vi"))
    assert english.title == "High: Loitering – gate"
    assert english.body.splitlines() == [
        "Kim Đồng",
        "Gate: cổng phụ",
        "Since 00:45:40, rang at 00:46:40",
        f"https://gate.example.org/alerts/{event_id}",
    ]
    assert vietnamese.title == "Cao: Người lảng vảng – gate"


def test_two_consoles_tell_each_person_once(desk, smtp):
    mail, port = smtp
    mail.got.clear()
    night = Night(desk, port, {})
    first = night.dispatcher
    other = Dispatcher(first._database, first._senders, first._compose, first._wall_s, first._local_of)
    ids = [night.ring() for _ in range(12)]
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in (first, other)]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + 30
    while any(night.told(one) != [(STEPS[0], "Thư", State.SENT)] for one in ids):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert len(mail.got) == len(ids)


def test_what_waits_behind_a_hanging_way_is_given_up_in_time(desk, smtp):
    night = Night(desk, smtp[1], {})
    event_id = night.ring()
    with desk.console.database.write() as connection:
        escalations.advance_due(connection, desk.clock(), night.dispatcher._local_of)
    night.dispatcher._most = lambda _lane: 0
    night.turn(GIVE_UP_S + TRY_S + 1)
    with desk.console.database.read() as connection:
        columns = (notification.c.number, notification.c.state)
        states = {row.number: row.state for row in connection.execute(select(*columns))}
    assert states[0] == State.FAILED
    assert night.told(event_id)[0][2] == State.FAILED


def _text(mail: str) -> str:
    import email
    from email import policy

    message = email.message_from_string(mail, policy=policy.default)
    body = message.get_body(("plain", "html"))
    return f"{message['subject']} {body.get_content() if body else ''}"


def test_hours_of_a_district_go_by_the_calendar_of_each_school(desk, schools):
    """At the one that has a day off nobody need watch, and at the other one somebody must."""
    night = Night(desk, 9, {})
    free, open_ = schools
    today = datetime.fromtimestamp(desk.clock(), HERE).date()
    school_day = Hours(kinds=frozenset({DayKind.SCHOOL_DAY}))
    with desk.console.database.write() as connection:
        province = sites.parents(connection)[free.district]
        everyday = Calendar(week=(DayKind.SCHOOL_DAY,) * 7, public_holidays=False)
        calendars.save(connection, province, everyday, desk.clock())
        own = Calendar(days=(OwnDays(today - timedelta(days=1), today, DayKind.NO_SCHOOL),))
        calendars.save(connection, free.site, own, desk.clock())
        ladders.set_watch_hours(connection, WatchHours(province, True, school_day))
    for after_s in (GONE_S, PATIENCE_S):
        desk.clock.now_s += after_s
        night.watcher.look()
    with desk.console.database.read() as connection:
        (fault,) = wall_watch.faults(connection)
    assert (fault.site_id, fault.subject) == (province, open_.name)
