"""Search, statistics and handover on real databases: what is found, in which order, and who may see it."""

import csv
import html
import io
import re
import uuid
from datetime import UTC, datetime

import pytest
from opened_event import open_event
from sqlalchemy import select

from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import CloseReason
from console.domain.alert_work import Act, Step
from console.domain.search import Search
from console.domain.site_tree import Grants
from console.store import alert_work, audit, nodes, search, sites, users
from console.store.tables import alert

pytestmark = pytest.mark.system
DAY_S, HOUR_S = 86_400.0, 3600.0
BACK_GATE, SLIGHT = "Cổng sau", 1e-3
# name -> days before now, local hour, camera, zone, rule, seconds, closed as
TOLD = {
    "tuesday": (5, 2.23, "fence", "back", "loitering", 95.0, CloseReason.INCIDENT),
    "tuesday-late": (5, 23.9, "fence", "back", "intrusion", 20.0, CloseReason.PASSER_BY),
    "morning": (1, 7.5, "gate", "front", "loitering", 700.0, CloseReason.PARENT_OR_CARER),
    "again": (1, 7.6, "gate", "front", "repeated_presence", 400.0, CloseReason.PARENT_OR_CARER),
    "covered": (3, 12.0, "fence", "", "camera_covered", 60.0, None),
    "open": (0, 0.2, "gate", "front", "loitering", 65.0, None),
}


@pytest.fixture
def told(desk):
    """Alerts of the last days at one school, by name; Lan has closed some after 40 s. Now is 00:46 in Vietnam."""
    ids = {}
    with desk.console.database.write() as connection:
        box = nodes.find(connection, "n1")
        lan = users.add(connection, "Lan", "x", Role.GUARD, desk.clock(), Grants(everywhere=True))
        gates = {"gate": ("Cổng chính", "front"), "fence": (BACK_GATE, "back")}
        cameras = [
            {
                **{"camera": name, "label": label, "state": "sees", "since_at_s": 0.0},
                "zones": [{"zone": zone, "label": f"Vùng {zone}", "polygon": [[0, 0], [1, 1]]}],
            }
            for name, (label, zone) in gates.items()
        ]
        now_s = desk.clock()
        nodes.set_health(
            connection, box, {"at_s": now_s, "started_at_s": 0.0, "state": "ok", "cameras": cameras}, now_s
        )
        midnight_s = (desk.clock() + 7 * HOUR_S) // DAY_S * DAY_S - 7 * HOUR_S
        for number, (name, (days, hour, camera, zone, rule, dwell_s, reason)) in enumerate(TOLD.items()):
            at_s, event_id = midnight_s - days * DAY_S + hour * HOUR_S, str(uuid.UUID(int=900 + number))
            facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": rule, "camera": camera}
            event = EventMessage(**facts, zone=zone or None, opened_at_s=at_s, captured_at_s=at_s, dwell_s=dwell_s)
            open_event(connection, box, event.model_copy(update={"dwell_s": 60.0}), at_s + SLIGHT)
            open_event(connection, box, event.model_copy(update={"revision": 2, "state": "closed"}), at_s + 1)
            if reason is not None:
                alert_work.act(connection, [event_id], Act(Step.CLOSE, lan.id, reason, "=note"), at_s + 40)
            ids[name] = event_id
    return ids


def read(desk, path: str, role: Role = Role.GUARD, granted=None, status: int = 200) -> str:
    browser = desk.browser(role, *([granted] if granted else []), *(["limited"] if granted else []))
    answer = browser.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == status, answer.text
    return html.unescape(answer.text)


def found(desk, told, query: str = "", **more) -> list[str]:
    """The names of what is found, in its order."""
    names = {event_id: name for name, event_id in told.items()}
    page = read(desk, f"/search?days=30&{query}", **more)
    return [names[one] for one in re.findall(r'<a id="a-([0-9a-f-]{36})"', page)]


def day(desk, back: int) -> str:
    return f"{datetime.fromtimestamp(desk.clock() - back * DAY_S + 7 * HOUR_S, UTC):%Y-%m-%d}"


def test_what_is_asked_for_is_found_and_nothing_else(desk, told):
    assert found(desk, told) == ["open", "again", "morning", "covered", "tuesday-late", "tuesday"]
    tuesday = f"from={day(desk, 5)}&to={day(desk, 5)}"
    assert found(desk, told, f"{tuesday}&around=02:14&of=n1/fence") == ["tuesday"]
    assert found(desk, told, f"{tuesday}&around=00:10&give=60&of=n1/fence") == ["tuesday-late"]  # before midnight, too
    for query, names in (
        ("of=n1/gate/front&state=closed", ["again", "morning"]),
        ("rule=camera_fault", ["covered"]),
        ("state=open", ["open", "covered"]),
        ("reason=parent_or_carer&least=7 min", ["morning"]),
        ("least=60&most=2 phút", ["open", "covered", "tuesday"]),
        ("around=7h30&give=15", ["again", "morning"]),
        ("reason=animal", []),
    ):
        assert found(desk, told, query) == names, query


def test_what_can_not_be_asked_is_said_where_it_stands(desk, told):
    for query, words in (
        ("around=25h", "The time of day can't be read"),
        ("least=long", "The length of the stay can't be read"),
        ("from=yesterday", "The time can't be read"),
        ("from=2026-11-02&to=2026-11-01", "The end must come after"),
        ("state=asleep", "does not know what is asked for"),
    ):
        assert words in read(desk, f"/search?{query}", status=422), query
        assert desk.browser(Role.GUARD).get(f"/search.csv?{query}").status_code == 422
    for query in ("of=n1/nothing", "of=/999", "of=/x"):
        read(desk, f"/search?{query}", status=404)


def test_one_goes_on_through_the_very_list_that_was_searched(desk, told):
    page = read(desk, "/search?days=30&of=n1/gate")
    way, names = re.search(r'href="(/alerts/[^"]+)"', page)[1], []
    back = {event_id: name for name, event_id in told.items()}
    while way:
        names.append(back[re.search(r"/alerts/([0-9a-f-]+)", way)[1]])
        page = read(desk, way)
        on = re.search(r'href="([^"]+)" rel="next"', page)
        way = on[1] if on else ""
    assert names == ["open", "again", "morning"]
    assert "3 of 3" in page
    assert f'href="/search?of=n1%2Fgate&days=30#a-{told["morning"]}" data-back' in page
    newer = re.search(r'href="([^"]+)" rel="prev"', page)[1]
    assert told["again"] in newer
    plain = read(desk, f"/alerts/{told['morning']}?found=of%3Dnowhere")
    assert "data-back" not in plain


def test_a_page_goes_on_where_the_one_before_ended(desk, told, monkeypatch):
    monkeypatch.setattr("console.web.search_pages.MOST", 4)
    page = read(desk, "/search?days=30")
    on = re.search(r'href="([^"]+)" rel="next"', page)[1]
    assert re.findall(r'<a id="a-([0-9a-f-]{36})"', read(desk, on)) == [told["tuesday-late"], told["tuesday"]]


def test_the_table_opens_in_a_spreadsheet_and_is_written_down(desk, told):
    browser = desk.browser(Role.GUARD)
    answer = browser.get("/search.csv?days=30&state=closed", headers={"Accept-Language": "en"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Seconds of the stay"] for row in rows] == ["400", "700", "20", "95"]
    assert rows[-1]["Zone"] == "Vùng back"
    assert {row["Note"] for row in rows} == {"'=note"}
    with desk.console.database.read() as connection:
        assert audit.of_subject(connection, "search.csv")[0].detail == "days=30&state=closed"


def test_statistics_say_it_in_sentences_and_tables(desk, told):
    page = read(desk, "/statistics")
    assert "Alerts in this time: 6." in page
    assert "Incidents: 1 · not closed yet: 2" in page
    assert "4 of 6 alerts were taken on within 1 minute." in page
    assert read(desk, "/statistics?month=2026-10").count("Alerts in this time: ") == 1
    read(desk, "/statistics?month=2026-13", status=404)
    hours = desk.browser(Role.AUDITOR).get("/statistics.csv?table=hours", headers={"Accept-Language": "en"})
    rows = list(csv.DictReader(io.StringIO(hours.content.decode("utf-8-sig"))))
    assert {row["Hour of the day"]: row["Alerts"] for row in rows if row["Alerts"] != "0"} == {
        **{"00:00": "1", "02:00": "1", "07:00": "2", "12:00": "1", "23:00": "1"}
    }
    places = desk.browser(Role.AUDITOR).get("/statistics.csv?table=places", headers={"Accept-Language": "en"})
    rows = {row["Place"]: row for row in csv.DictReader(io.StringIO(places.content.decode("utf-8-sig")))}
    assert rows[f"{BACK_GATE} · Vùng back"]["Incidents in 100 of these"] == "50"
    assert rows["Cổng chính · Vùng front"]["Parent or carer"] == "2"


def test_tables_hold_whole_numbers_alone(desk, told, keep_times):
    """A spreadsheet that writes a comma takes 0.50 for a text and 1.25 for a date."""
    with desk.console.database.write() as connection:
        keep_times(connection, [(desk.clock() - 9000, desk.clock() - 3555, "blind", "")])
    browser = desk.browser(Role.AUDITOR)
    for table in ("hours", "places", "answers", "blind"):
        text = browser.get(f"/statistics.csv?table={table}", headers={"Accept-Language": "vi"}).text
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if re.fullmatch(r"\d+[.,]\d+", cell)], table
    assert cells[-1] == "91"  # minutes


def test_postgresql_keeps_no_plan_for_whatever_is_asked(desk, told):
    """After ten times it would, and a district's statistics took five times as long by the one for any place."""
    if desk.console.database.engine.dialect.name != "postgresql":
        return
    now_s = desk.clock()
    with desk.console.database.read() as connection:
        for _ in range(15):
            search.count(connection, Search(now_s - 30 * DAY_S, now_s, frozenset({1, 2})), 1000)
        plans = connection.exec_driver_sql("SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements")
        custom, generic = plans.one()
    assert (custom > 8, generic) == (True, 0)


def test_the_handover_has_what_is_open_and_what_happened_in_vietnamese(desk, told):
    page = read(desk, "/handover?hours=48")
    assert "Biên bản bàn giao ca trực" in page  # though the browser speaks English
    assert "Chưa đóng: 2" in page  # one of them is older than the shift
    assert "Số cảnh báo trong ca: 3. Phụ huynh, người đón: 2." in page
    read(desk, "/handover?of=n1/gate", status=200)
    read(desk, "/handover?of=/77", status=404)


def test_nobody_finds_or_counts_what_is_of_another_place(desk, schools, told):
    here, other = schools
    limited = Grants(sites=frozenset({here.site}))
    for path in ("/search", "/search.csv", "/statistics", "/statistics.csv?table=places", "/handover"):
        page = read(desk, path, Role.SUPERVISOR, limited)
        assert not [word for word in (*other.words, *told.values()) if word in page], path
    assert "Alerts in this time: 1." in read(desk, "/statistics", Role.SUPERVISOR, limited)
    assert "Alerts in this time: 8." in read(desk, "/statistics", Role.ADMINISTRATOR)
    assert f'href="/statistics?of=%2F{here.site}"' in read(desk, "/statistics", Role.ADMINISTRATOR)
    with desk.console.database.read() as connection:
        one = connection.execute(select(alert.c.answered_s).where(alert.c.event_id == told["tuesday"])).scalar_one()
    assert one == pytest.approx(40)


def test_of_a_province_everything_is_told_with_its_school(desk, schools, told):
    """Whoever chose it by name was shown zones of all schools as if they were of one."""
    with desk.console.database.read() as connection:
        province = next(one.id for one in sites.listing(connection) if one.name == "Tỉnh")
    page = read(desk, f"/statistics?of=/{province}")
    assert "By school" in page
    listed = read(desk, f"/search?days=30&of=/{province}")
    for school in schools:
        assert f'<a href="/statistics?of=%2F{school.site}">{school.name}</a>' in page
        assert f'<span class="soft">· {school.name}</span>' in listed


def test_a_school_among_many_is_found_by_a_part_of_its_name(desk, schools, told, monkeypatch):
    monkeypatch.setattr("console.web.find_places.MOST_CHOICES", 1)
    assert '<select name="of"' not in read(desk, "/search", Role.ADMINISTRATOR)
    page = read(desk, "/search?find=truong so 2", Role.ADMINISTRATOR)
    assert f'<option value="/{schools[1].site}" selected>' in page
    assert "Trường số 1" not in page
    both = read(desk, "/search?find=trường số", Role.ADMINISTRATOR)
    assert "Which one?" in both
    assert f"of=%2F{schools[0].site}" in both
    assert "No site is called that." in read(desk, "/search?find=nowhere", Role.ADMINISTRATOR)
