"""Blind times of more cameras than a list can hold: one searches and turns pages, and only what is shown is read."""

import html
import re

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage, StatusMessage, ZoneShape
from console.domain.access import Role
from console.store import deliveries, nodes
from console.web.blind_places import MOST_CHOICES
from console.web.blind_view import MOST_LINES

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
DOOR = ZoneShape(zone="door", label="Cửa sau", polygon=((0, 0), (1, 0), (1, 1)), rules=("loitering",))
BOXES = 9


@pytest.fixture
def many(desk, keep_times):
    """Nine boxes of thirty cameras, each at a site of its own; one camera saw nothing for a while, one zone, too."""
    with desk.console.database.write() as connection:
        for number in range(BOXES):
            nodes.add(connection, f"b{number}", f"Trường số {number}", "", desk.clock())
    cameras = tuple(
        CameraHealth(camera=f"c{n}", label=f"Cổng {n}", state="sees", since_at_s=desk.clock(), zones=(DOOR,))
        for n in range(30)
    )
    facts = {"started_at_s": 0.0, "version": "1", "state": "ok", "cameras": cameras}
    for _ in range(2):
        for number in range(BOXES):
            box, at_s = f"b{number}", desk.clock()
            online = StatusMessage(status="online", at_s=at_s)
            desk.intake.take(topics.STATUS.of(box), codec.encode(topics.STATUS, box, online, at_s))
            health = HealthMessage(at_s=at_s, **facts)
            desk.intake.take(topics.HEALTH.of(box), codec.encode(topics.HEALTH, box, health, at_s))
        desk.clock.now_s += 20
    with desk.console.database.write() as connection:
        begin_s, end_s = desk.clock() - 30, desk.clock() - 10
        node_id = nodes.find(connection, "b8").id
        keep_times(connection, [(begin_s, end_s, "blind", "")], camera="c29", node_id=node_id)
        keep_times(connection, [(begin_s, end_s, "blind", "door")], camera="c28", node_id=node_id)
    assert BOXES * 30 > MOST_CHOICES
    return desk


def read(desk, query: str = "") -> str:
    answer = desk.browser(Role.GUARD).get(f"/blind-times{query}", headers=ENGLISH)
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", answer.text))


def chosen(page: str) -> list[str]:
    """The cameras of the table, in its order."""
    return re.findall(r'<th scope="row"><a href="/blind-times\?of=([^&"]*)', page)


def test_all_cameras_stand_on_pages_those_that_saw_least_first(many):
    found, pages = [], -(-BOXES * 30 // MOST_LINES)
    for number in range(1, pages + 1):
        page = read(many, f"?page={number}")
        assert "<select" not in page
        assert f"page {number} of {pages}" in page
        assert len(chosen(page)) <= MOST_LINES
        found += chosen(page)
    assert len(set(found)) == len(found) == BOXES * 30
    assert found[0] == "b8%2Fc29"
    assert chosen(read(many, "?page=9999")) == chosen(page)


@pytest.mark.parametrize("words", ["Cổng 29", "cong 29", "CỔNG 29", "c29"])
def test_a_name_is_found_without_marks_and_capitals(many, words):
    assert len(chosen(read(many, f"?find={words}"))) == BOXES


def test_a_site_is_searched_in_and_what_is_not_there_is_told(many):
    page = read(many, "?find=truong so 8")
    assert len(chosen(page)) == 30
    site = re.search(r'href="/blind-times\?of=(%2F\d+)[^"]*">Trường số 8', page)[1]
    assert chosen(read(many, f"?of={site}&find=29")) == ["b8%2Fc29"]
    assert "No site and no camera is called that" in read(many, "?find=nowhere")


def test_a_zone_has_its_name_and_its_sentence(many):
    assert "Cửa sau <span" in read(many).partition('<ol class="times">')[2]
    page = read(many, "?of=b8/c28/door")
    assert "Shown: Trường số 8 · Cổng 28" in page
    assert "Cổng 28, Cửa sau was watched from" in page
    assert '<input type="hidden" name="of" value="b8/c28/door">' in page
    assert many.browser(Role.GUARD).get("/blind-times?of=b8/c28/nothing").status_code == 404


def test_of_boxes_that_are_not_shown_little_is_read(many, monkeypatch):
    asked, absent = [], deliveries.absent_of_each
    monkeypatch.setattr(deliveries, "absent_of_each", lambda *words: asked.append(words[1]) or absent(*words))
    read(many, "?of=b8/c28")
    assert sum(len(boxes) for boxes in asked) == 1
