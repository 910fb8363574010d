"""A school that tells its people: a ladder, ways of which one is broken, a test alarm, and an alert that went up."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from school import School, full

from broker.contract.messages import EventMessage
from console.app.system_clock import wall_s
from console.domain.alert import Severity
from console.domain.calendar import DayKind
from console.domain.channel import ChannelKind
from console.domain.delivery import Result
from console.domain.escalation import EVERY_DAY, Duty, Hours, Ladder, LadderStep
from console.store import call_card, channels, escalations, ladders, notifications
from console.store.channels import Address, Contact
from console.store.ladders import SiteLadder, WatchHours
from console.store.notifications import Try

SMS_REFUSED = "401 Unauthorized: the gateway does not know this account"
HERE = ZoneInfo("Asia/Ho_Chi_Minh")
WORKDAYS = frozenset(range(5))


def with_ladder(school: School) -> None:
    """Four steps, five people, four ways."""
    seal = school.console.web.state.context.seal
    with school.console.database.write() as connection:
        ways = [
            channels.add(connection, seal, 1, name, kind, address)
            for name, kind, address in (
                (
                    "Thư của trường",
                    ChannelKind.EMAIL,
                    "mailtos://gate:x@mail.hoasen.edu.vn?from=gate@hoasen.edu.vn&to={to}",
                ),
                ("SMS Viettel", ChannelKind.SMS, "twilio://AC00:secret@84281234567/{to}"),
                ("Zalo Hoa Sen", ChannelKind.ZALO, "zalo://1234:secret/{to}"),
                ("Còi cổng chính", ChannelKind.SIREN, "siren://cong-chinh"),
            )
        ]
        mail, sms, zalo, siren = ways
        people = [
            channels.keep_contact(connection, Contact(0, 1, name, "vi", tuple(Address(*one) for one in reached)))
            for name, reached in (
                ("Bảo vệ Nguyễn Văn Hùng", ((sms, "84901234567"), (zalo, "9f3a72c1d0"))),
                ("Bảo vệ Trần Văn Nam", ((sms, "84907654321"),)),
                ("Cô Lê Thị Hạnh", ((mail, "hanh@hoasen.edu.vn"), (sms, "84912000111"))),
                ("Thầy hiệu trưởng Phạm Minh", ((mail, "hieutruong@hoasen.edu.vn"), (siren, ""))),
                ("Thầy Đỗ Quang", ()),
            )
        ]
        night, day = Hours(EVERY_DAY, 18 * 60, 6 * 60), Hours(WORKDAYS, 6 * 60 + 30, 17 * 60 + 30)
        school_day = replace(day, days=EVERY_DAY, kinds=frozenset({DayKind.SCHOOL_DAY, DayKind.EXAM_DAY}))
        steps = (
            LadderStep("Bảo vệ trực", 0, (Duty(people[0]),)),
            LadderStep("Bảo vệ thứ hai", 60, (Duty(people[1], night), Duty(people[0], day))),
            LadderStep("Giáo viên trực", 60, (Duty(people[2]), Duty(people[4], school_day))),
            LadderStep("Hiệu trưởng", 120, (Duty(people[3]),)),
        )
        urgent = frozenset({Severity.HIGH, Severity.CRITICAL})
        ladders.keep(connection, SiteLadder(0, 1, urgent, Ladder(steps, rounds=2)))
        ladders.set_watch_hours(connection, WatchHours(1, True, day))
        call_card.keep(
            connection, 1, "12 Nguyễn Huệ, phường Hải Châu, Đà Nẵng", "cổng phụ, đường Trần Phú", "0236 3 123 456"
        )


def told(school: School) -> EventMessage:
    """An alert of which people were told while the SMS gateway refused, and a test."""
    school.console.work["dispatcher"].__self__.turn = lambda: None  # no real service is asked: see `play`
    with_ladder(school)
    urgent, _ = full(school)
    now_s = wall_s()
    play(school, (now_s, now_s + 60, now_s + 120))
    with school.console.database.write() as connection:
        escalations.begin_test(connection, 1, Severity.HIGH, 1, now_s)
    play(school, tuple(now_s + 2.1 * step for step in range(4)))
    return urgent


def play(school: School, at_s: tuple[float, ...]) -> None:
    """Goes up the ladder at these moments, with made-up answers."""
    for now_s in at_s:
        with school.console.database.write() as connection:
            escalations.advance_due(connection, now_s, lambda at_s: datetime.fromtimestamp(at_s, HERE))
            for due in notifications.due(connection, now_s, (), 50):
                notifications.take(connection, due.id, now_s)
                refused = due.kind == ChannelKind.SMS
                result = Result.REFUSED if refused else Result.SENT
                one = Try(now_s, 1.4 if refused else 0.3, result, SMS_REFUSED if refused else "")
                notifications.finish(connection, due.id, now_s, one, now_s)
