"""A night in which guards are at work: alerts in every state, incidents, notes, and what the school wants done."""

from school import School, full

from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import CloseReason, Severity
from console.domain.alert_work import Act, Step
from console.store import site_setup, users

LAN, HUNG = "Nguyễn Thị Lan", "Lê Văn Hùng"
TO_DO = """Ra cổng hỏi người đó đợi ai, lớp nào.
Nếu không trả lời được: gọi cô Hạnh (trực ban), máy lẻ 12.
Không mở cổng phụ."""


def at_work(school: School) -> dict[str, EventMessage]:
    """An alert in each state, by name; `new` and `second` are of one incident."""
    school.sign_in(LAN, Role.ADMINISTRATOR)
    school.sign_in(HUNG, Role.GUARD)
    new, closed = full(school)
    with school.console.database.write() as connection:
        ids = {user.name: user.id for user in users.listing(connection)}
        front = {one.id: "Mặt trước" for one in site_setup.cameras(connection, 1) if one.name in ("gate", "street")}
        site_setup.set_areas(connection, 1, front)
        site_setup.set_instruction(connection, 1, "loitering", TO_DO)
    second = school.event("street", 6, dwell_s=61)
    in_progress = school.event("yard", 70, severity="high", dwell_s=100)
    on_hold = school.event("fence", 100, rule="repeated_presence", visits=3, dwell_s=200)
    lens = school.event("yard", 7200, rule="camera_covered", severity="high", people=0, dwell_s=30, threshold_s=None)
    lan, hung = ids[LAN], ids[HUNG]
    for event, *acts in (
        (second, Act(Step.ACKNOWLEDGE, hung)),
        (in_progress, Act(Step.ACKNOWLEDGE, hung), Act(Step.TAKE_OVER, lan), Act(Step.START, lan)),
        (in_progress, Act(Step.PRIORITISE, lan, priority=Severity.CRITICAL)),
        (in_progress, Act(Step.NOTE, lan, text="Đã nhờ anh Hùng ra xem, chờ trả lời.")),
        (on_hold, Act(Step.ACKNOWLEDGE, lan), Act(Step.START, lan), Act(Step.HOLD, lan)),
        (lens, Act(Step.CLOSE, hung, CloseReason.TAMPERING, "Bị dán băng keo, đã gỡ.")),
    ):
        with school.console.database.write() as connection:
            for one in acts:
                school.act(connection, event, one)
    return {
        "new": new,
        "second": second,
        "in-progress": in_progress,
        "on-hold": on_hold,
        "closed": closed,
        "lens": lens,
    }
