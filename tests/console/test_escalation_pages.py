"""A school sets up by its pages who is told; what opens a service is shown to nobody, and stays where it belongs."""

import json
import re
import uuid

import pytest
from opened_event import open_event
from sqlalchemy import select

from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import Severity
from console.domain.channel import EXAMPLES, ChannelKind, address_fault, filled, lane, shown, to_fault, without_secrets
from console.domain.site_tree import Grants
from console.store import ladders, nodes
from console.store.escalation_tables import channel, contact, notification
from console.store.tables import audit_entry

MAIL = "mailtos://gate:hunter22@smtp.example.org:465?from=gate@school.vn&to={to}"


@pytest.mark.parametrize(
    ("kind", "address", "fault"),
    [
        ("email", MAIL, ""),
        ("email", "mailtos://gate:hunter22@smtp.example.org", "channel_place"),
        ("email", "syslog://localhost/{to}", "channel_scheme"),
        ("webhook", "exec://rm/{to}", "channel_scheme"),
        ("webhook", "json://hook/x y", "channel_address"),
        ("siren", "siren://a/b", "channel_siren"),
        ("siren", "siren://gate", ""),
        ("zalo", "zalo", "channel_scheme"),
    ],
)
def test_an_address_that_cannot_be_is_named(kind, address, fault):
    assert address_fault(ChannelKind(kind), address) == fault


def test_what_may_be_shown_of_an_address_opens_nothing():
    assert shown(MAIL) == "mailtos://smtp.example.org:465/•••"
    assert shown("tgram://123456:SECRET/{to}/") == "tgram://•••"
    assert shown("zalo://1234:secret/{to}") == "zalo://•••"
    assert lane("jsons://u:pw@hook.example.org:8443/path") == "jsons://hook.example.org:8443"
    assert lane("zalo://1234:secret/x") == lane("zalo://9:other/y")
    for rest in (
        "g:Sec/ret99@smtp.x.vn",
        "g:Sec#ret99@smtp.x.vn",
        "g:Sec?ret99@smtp.x.vn",
        "g:1234/et99@smtp.x.vn",
        "/x",
    ):
        assert address_fault(ChannelKind.EMAIL, f"mailtos://{rest}?to={{to}}") == "channel_host"  # half of it is shown
    for kind, example in EXAMPLES.items():
        assert not address_fault(kind, example)
    assert not address_fault(ChannelKind.EMAIL, "mailtos://g:p%2Fw@[fd00::1]:465?to={to}")
    said = "POST https://smtp.example.org gate hunter22 refused"
    assert without_secrets(said, MAIL) == "POST https://smtp.example.org ••• ••• refused"
    for to in ("a@b.vn?smtp=evil", "a/b", "x&to=y", ""):
        assert to_fault(ChannelKind.EMAIL, to)
    assert filled(MAIL, "hung+1@school.vn").endswith("&to=hung%2B1@school.vn")


@pytest.mark.system
def test_a_school_sets_up_who_is_told_by_its_pages(desk):
    boss, chief = desk.browser(Role.ADMINISTRATOR), desk.browser(Role.SUPERVISOR)

    def post(browser, part, **data):
        return browser.post(f"/escalation/1/{part}", data=data)

    assert post(chief, "channel", kind="email", address=MAIL).status_code == 403
    assert post(boss, "channel", kind="email", name="Thư", address="mailtos://x").status_code == 422
    assert post(boss, "channel", kind="email", name="Thư", address=MAIL).status_code == 303
    assert post(chief, "person", name="Hùng", channel=["1", "0"], to=["not a mailbox", ""]).status_code == 422
    assert post(chief, "person", name="Hùng", channel=["1", "0"], to=["hung@school.vn", ""]).status_code == 303
    assert post(chief, "ladder").status_code == 422
    assert post(chief, "ladder", severity=["high", "critical"], rounds="2").status_code == 303
    for at, name in enumerate(("Hiệu trưởng", "Bảo vệ")):
        assert post(chief, "step", ladder="1", at=str(at), name=name, wait_s="60", do="add").status_code == 303
    assert post(chief, "step", ladder="1", at="1", do="up").status_code == 303
    assert post(chief, "duty", ladder="1", at="0", person="1", begins="25:00", day="1").status_code == 422
    hours = {"day": ["0", "1"], "begins": "18:00", "ends": "06:00", "day_kind": "holiday"}
    assert post(chief, "duty", ladder="1", at="0", person="1", **hours).status_code == 303
    assert post(chief, "duty", ladder="1", at="0", person="77", always="true").status_code == 404
    assert post(chief, "hours", always="true").status_code == 303
    assert post(chief, "call-card", address="12 Nguyễn Huệ", gate="cổng phụ", phone="0236 3").status_code == 303
    page = chief.get("/escalation").text
    steps = [re.search(f"<b>{name}</b>", page).start() for name in ("Bảo vệ", "Hiệu trưởng")]
    assert steps == sorted(steps)
    assert "mailtos://smtp.example.org:465/•••" in page
    assert "18:00–06:00" in page
    stale = {"ladder": "1", "at": "0", "do": "remove", "version": "0" * 12}
    assert "Có người vừa sửa" in post(chief, "step", **stale).text
    assert post(chief, "test", severity="low").status_code == 422
    assert post(chief, "test", severity="high").status_code == 303
    assert "Đang báo thử rồi" in post(chief, "test", severity="high").text
    desk.console.work["dispatcher"].__self__._advance(desk.clock())
    assert "Hùng" in chief.get("/escalation/1/test").text
    with desk.console.database.read() as connection:
        rows = [*connection.execute(select(channel)), *connection.execute(select(audit_entry))]
        assert connection.execute(select(notification.c.step)).scalars().all() == ["Bảo vệ"]
    told = json.dumps([list(map(str, row)) for row in rows]) + page
    assert "hunter22" not in told
    assert "escalation_ways" in told
    assert post(boss, "channel", channel="1", name="Thư mới").status_code == 303
    assert "Thư mới" in boss.get("/escalation").text
    for part, which in (("ladder", "ladder"), ("person", "person"), ("channel", "channel")):
        assert post(boss, part, **{which: "1"}, do="remove").status_code == 303
    assert post(boss, "person", name="Nam").status_code == 303
    with desk.console.database.read() as connection:
        assert connection.execute(select(contact.c.id)).scalars().all() == [2]  # nobody inherits Hùng's duties
    assert "Hùng" not in boss.get("/escalation").text.partition('id="people"')[2].partition('id="ways"')[0]


@pytest.mark.system
def test_what_a_district_sets_counts_at_its_schools_and_nowhere_else(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    boss.post(f"/escalation/{here.district}/channel", data={"kind": "email", "name": "Thư phường", "address": MAIL})
    boss.post(f"/escalation/{here.district}/person", data={"name": "Cán bộ", "channel": "1", "to": "a@b.vn"})
    boss.post(f"/escalation/{here.district}/ladder", data={"severity": ["high", "low"]})
    boss.post(f"/escalation/{here.district}/step", data={"ladder": "1", "name": "Trực phường", "do": "add"})
    boss.post(f"/escalation/{here.district}/duty", data={"ladder": "1", "person": "1", "always": "true"})
    chief = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.site})), "chief")
    page = chief.get("/escalation").text
    assert "Trực phường" in page
    assert "Thư phường" in page
    assert chief.post(f"/escalation/{here.site}/step", data={"ladder": "1", "name": "x"}).status_code == 422
    for part in ("person", "ladder", "duty", "test", "hours"):
        assert chief.post(f"/escalation/{here.district}/{part}", data={}).status_code == 404
        assert chief.post(f"/escalation/{other.site}/{part}", data={}).status_code == 404
    chief.post(f"/escalation/{here.site}/ladder", data={"severity": "high"})
    with desk.console.database.read() as connection:
        counting = {one: ladders.for_alert(connection, here.site, one) for one in Severity}
        assert ladders.for_alert(connection, other.site, Severity.HIGH) is None
    assert {severity: one.id for severity, one in counting.items() if one} == {"high": 2, "low": 1}
    stranger = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({other.site})), "stranger").get("/escalation").text
    assert "Trực phường" not in stranger


@pytest.mark.system
def test_the_call_card_is_spoken_vietnamese_whatever_the_reader_speaks(desk):
    with desk.console.database.write() as connection:
        event_id = str(uuid.UUID(int=5))
        facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": "intrusion", "camera": "gate"}
        event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock(), dwell_s=40)
        open_event(connection, nodes.find(connection, "n1"), event, desk.clock())
    guard = desk.browser(Role.GUARD)
    page = guard.get(f"/alerts/{event_id}/call-card", headers={"Accept-Language": "en"}).text
    assert "Alo, tôi gọi từ Kim Đồng." in page
    assert "có người đột nhập" in page
    assert "I am calling from Kim Đồng." in page
    assert 'href="tel:113"' in page
    assert "Ask an administrator" in page
    assert f"/alerts/{event_id}/call-card" in guard.get(f"/alerts/{event_id}").text
    assert "tôi gọi từ" not in desk.browser(Role.AUDITOR).get(f"/alerts/{event_id}/call-card").text
