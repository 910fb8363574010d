"""Numbers of outboxes: what is missing is said and asked for, what never comes is told apart."""

import re
import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, HealthMessage, StatusMessage
from console.domain.access import Role
from console.store import deliveries, nodes
from console.web.i18n import Languages

pytestmark = pytest.mark.system
NOW_S = 1_792_000_000.0


def event(revision: int, state: str = "updated") -> EventMessage:
    facts = {"event_id": str(uuid.UUID(int=7)), "revision": revision, "state": state, "rule": "loitering"}
    return EventMessage(**facts, camera="gate", opened_at_s=NOW_S - 5, captured_at_s=NOW_S + revision)


def encoded(message, sequence: int | None = None) -> tuple[str, bytes]:
    topic = next(topic for topic in topics.TOPICS if topic.message is type(message))
    numbers = ("box", sequence) if topic.numbered else ()
    return topic.of("n1"), codec.encode(topic, "n1", message, NOW_S, *numbers)


def test_a_gap_is_counted_until_it_is_filled(desk):
    for sequence in (1, 5, 3):
        desk.intake.take(*encoded(event(sequence), sequence))
    with desk.console.database.read() as connection:
        node_id = nodes.find(connection, "n1").id
        assert deliveries.absent(connection, node_id, None).missing == 2
    for sequence in (2, 4):
        desk.intake.take(*encoded(event(sequence), sequence))
    with desk.console.database.read() as connection:
        assert deliveries.absent(connection, node_id, None).missing == 0


def test_what_a_full_outbox_gave_up_is_told_apart_from_what_is_missing(desk):
    def absent(name="n1"):
        with desk.console.database.read() as connection:
            node = nodes.find(connection, name)
            found = deliveries.absent(connection, node.id, node.health.get("outbox_id"))
        return found.missing, found.given_up

    def report(count, outbox_id="box"):
        facts = {"at_s": 1_792_000_000.0, "started_at_s": 0.0, "version": "1", "state": "ok"}
        desk.intake.take(*encoded(HealthMessage(**facts, outbox_id=outbox_id, outbox_given_up=count)))

    report(3)  # of an outbox of which nothing was heard
    assert absent() == (0, 0)
    desk.intake.take(*encoded(event(1, "open"), 1))
    desk.intake.take(*encoded(event(9), 9))
    assert absent() == (7, 0)
    desk.intake.take(*encoded(HealthMessage(at_s=1.0, started_at_s=0.0, version="1", state="ok")))  # an older node
    assert absent() == (7, 0)
    for _ in range(2):
        report(5)
    assert absent() == (2, 5)
    report(4, "another")  # a new disk: what the old one still owed will never come
    assert absent() == (0, 5)
    page = desk.browser(Role.GUARD).get("/cameras", headers={"Accept-Language": "en"}).text
    assert re.search(r"<dt>lost: the box no longer has them</dt><dd>messages: 2</dd>", page)
    assert "Messages missing" not in desk.browser(Role.GUARD).get("/", headers={"Accept-Language": "en"}).text
    report(5)
    assert (absent(), absent("n2")) == ((2, 5), (0, 0))
    page = desk.browser(Role.GUARD).get("/cameras", headers={"Accept-Language": "en"}).text
    assert re.search(r"<dt>missing</dt><dd>messages: 2 · since", page)
    assert re.search(r"<dt>left out on purpose by the box, whose queue was full</dt><dd>messages: 5</dd>", page)
    assert "thiết bị chủ động bỏ bớt vì hàng chờ đã đầy" in desk.browser(Role.GUARD).get("/cameras").text
    for number in (2, 3):
        desk.intake.take(*encoded(event(number), number))
    assert absent() == (0, 5)
    assert "Messages missing" not in desk.browser(Role.GUARD).get("/", headers={"Accept-Language": "en"}).text


def test_the_console_says_who_misses_how_much_since_when_asks_for_it_and_hears_what_never_comes(desk):
    def report(*absent):
        facts = {"at_s": desk.clock(), "started_at_s": 0.0, "version": "1", "state": "ok", "outbox_id": "box"}
        spans = [dict(zip(("first", "last", "why"), one, strict=True)) for one in absent]
        desk.intake.take(*encoded(HealthMessage(**facts, outbox_given_up=2, outbox_absent=spans)))

    def pages() -> tuple[str, str]:
        browser = desk.browser(Role.GUARD)
        return tuple(browser.get(path, headers={"Accept-Language": "en"}).text for path in ("/", "/cameras"))

    desk.intake.take(*encoded(event(1, "open"), 1))
    desk.intake.take(*encoded(event(9), 9))
    assert desk.intake.wanted() == []  # it may yet come by itself, and nothing is known of the node
    desk.clock.now_s += 60
    desk.intake.take(*encoded(StatusMessage(status="online", at_s=desk.clock())))
    report()
    (wanted,) = desk.intake.wanted()
    assert (wanted.node, wanted.outbox_id, wanted.spans) == ("n1", "box", ((2, 8),))
    wall, cameras = pages()
    since = Languages("Asia/Ho_Chi_Minh").choose("en", "").time(desk.clock() - 60)
    assert re.search(rf"<strong>Hộp cổng</strong></a> Messages missing since {since}: 5\.", wall)
    assert f"messages: 5 · since {since}" in cameras
    since_vi = f"Thiếu 5 tin từ {since}; hệ thống đang yêu cầu thiết bị gửi lại."
    assert since_vi in desk.browser(Role.GUARD).get("/").text
    desk.intake.take(*encoded(StatusMessage(status="offline", at_s=desk.clock())))
    assert f"since {since}: 5. The box is asked for them when it is heard again." in pages()[0]
    desk.intake.take(*encoded(StatusMessage(status="online", at_s=desk.clock())))
    for _ in range(2):  # the broker repeats what is retained
        report((2, 3, "given_up"), (5, 5, "gone"), (8, 20, "gone"))
    assert desk.intake.wanted()[0].spans == ((4, 4), (6, 7))
    for number in (4, 6, 7):
        desk.intake.take(*encoded(event(number), number))
    assert desk.intake.wanted() == []
    wall, cameras = pages()
    assert "Messages missing" not in wall
    assert "<dt>lost: the box no longer has them</dt><dd>messages: 2</dd>" in cameras
    assert "whose queue was full</dt><dd>messages: 2</dd>" in cameras
