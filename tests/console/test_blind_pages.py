"""What the page and the table of blind times say."""

import csv
import html
import io
import re

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage, StatusMessage, ZoneShape
from console.domain.access import Role
from console.store import audit, deliveries, nodes
from console.store import blind_times as unseen
from console.store.tables import metadata
from console.web.blind_places import places
from console.web.blind_view import MOST
from console.web.camera_view import Watch
from console.web.csv_lines import csv_line, csv_pieces
from console.web.i18n import Languages

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
BEGAN_S = 1_792_000_000.0
LANGUAGE = Languages("Asia/Ho_Chi_Minh").choose("en", "")


def stands(desk, path: str = "", role: Role = Role.POLICE, language: str = "en") -> str:
    answer = desk.browser(role).get(f"/blind-times{path}", headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", answer.text))


def at(seconds: float) -> str:
    return LANGUAGE.time(BEGAN_S + seconds)


def test_a_plain_sentence_tells_no_alert_from_nothing_seen(desk):
    desk.see("sees")
    desk.clock.now_s += 600
    desk.see("blind", "camera_covered")
    desk.clock.now_s += 300
    desk.see("sees")
    desk.clock.now_s += 60
    desk.see("impaired", "camera_defocused")
    desk.clock.now_s += 60
    desk.see("sees")
    day = LANGUAGE.moment(BEGAN_S)[: -len("00:00:00")]
    page = stands(desk, "?of=n1/gate")
    assert (
        f"Cổng chính was watched from {day}{at(0)} to {at(600)} and from {at(900)} to {at(1020)}, not from "
        f"{at(600)} to {at(900)} (the lens is covered or sprayed)."
    ) in page
    assert "Where it was not watched, no alert does not mean that nothing happened." in page
    assert f"It was impaired from {at(960)} to {at(1020)} (out of focus): it was watched" in page
    assert f"Of the time before {at(0)} nothing is recorded here" in page
    assert 'class="sight"' in page
    vietnamese = stands(desk, "?of=n1/gate", language="vi")
    assert "Cổng chính được quan sát từ" in vietnamese
    assert "(ống kính bị che hoặc bị xịt sơn)" in vietnamese

    def asked(begin_s: float, end_s: float) -> str:
        begin, end = (LANGUAGE.field(BEGAN_S + at_s) for at_s in (begin_s, end_s))
        return stands(desk, f"?of=n1/gate&from={begin}&to={end}")

    assert f"Cổng chính was watched all the time from {day}" in asked(120, 480)
    assert '<p class="sentence">No alert in this time means that nothing was seen' in asked(120, 480)
    assert "does not mean" not in asked(120, 480)
    none = asked(620, 860)
    assert re.search(r"was not watched at any moment from .* \(the lens is covered or sprayed\)\.</p>", none)
    assert '<p class="sentence">No alert in this time does not mean' in none
    desk.clock.now_s += 3600
    assert f"Since {at(1020)} nothing has been heard of its box" in stands(desk, "?of=n1/gate&days=1")


def test_the_last_word_of_a_box_that_the_broker_repeats_days_later_is_no_sign_of_life(desk):
    """A console that connects anew gets it again; in between nobody knows whether the place was watched."""
    desk.see("sees")
    gate = CameraHealth(camera="gate", label="Cổng chính", state="sees", since_at_s=desk.clock())
    desk.clock.now_s += 60
    facts = {"at_s": desk.clock(), "started_at_s": 0.0, "version": "1", "state": "ok", "cameras": (gate,)}
    told = codec.encode(topics.HEALTH, "n1", HealthMessage(**facts), desk.clock())
    desk.intake.take(topics.HEALTH.of("n1"), told)
    offline = codec.encode(topics.STATUS, "n1", StatusMessage(status="offline", at_s=desk.clock()), desk.clock())
    for _ in range(2):
        desk.intake.take(topics.STATUS.of("n1"), offline)
        desk.clock.now_s += 3 * 86_400
        desk.intake.take(topics.HEALTH.of("n1"), told)
    page = stands(desk, "?of=n1/gate")
    day = LANGUAGE.moment(BEGAN_S)
    assert f"Cổng chính was watched all the time from {day} to {at(60)}." in page
    assert f"Since {at(60)} nothing has been heard of its box" in page
    assert LANGUAGE.moment(BEGAN_S + 60) in desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text


def test_what_was_blind_and_impaired_at_once_was_not_watched(desk, keep_times):
    """A box that was off in the middle of an impaired hour: only the rest of that hour was watched."""
    desk.see("sees")
    desk.clock.now_s += 1000
    desk.see("sees")
    with desk.console.database.write() as connection:
        times = [(BEGAN_S + 100, BEGAN_S + 900, "impaired", ""), (BEGAN_S + 300, BEGAN_S + 600, "blind", "")]
        keep_times(connection, times, node_id=nodes.find(connection, "n1").id)
    page = stands(desk, "?of=n1/gate")
    why = "(signal lost: the camera sends no more pictures)"
    assert f"It was impaired from {at(100)} to {at(300)} {why} and from {at(600)} to {at(900)} {why}: it was" in page
    assert f"to {at(300)} and from {at(600)} to {at(1000)}, not from {at(300)} to {at(600)}" in page
    assert [page.count(f'<rect class="{one}"') for one in ("watched", "impaired", "blind")] == [2, 2, 1]
    assert '<i class="impaired"></i>impaired' in page


def test_of_the_time_before_a_zone_was_drawn_nothing_is_claimed(desk):
    shape = {"zone": "door", "label": "Cửa sau", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    desk.see("sees", zones=(ZoneShape(**shape),))
    desk.clock.now_s += 600
    renamed = (ZoneShape(**{**shape, "zone": "gate-door"}),)
    for _ in range(2):
        desk.see("sees", zones=renamed)
        desk.clock.now_s += 30
    page = stands(desk, "?of=n1/gate/gate-door")
    assert f"was watched all the time from {LANGUAGE.moment(BEGAN_S + 600)} to {at(660)}." in page
    assert f"Of the time before {at(600)} nothing is recorded here" in page
    assert f"was watched all the time from {LANGUAGE.moment(BEGAN_S)} to {at(660)}." in stands(desk, "?of=n1/gate")


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(1)"]
)
def test_no_name_is_a_formula(name):
    (cell,) = next(csv.reader(io.StringIO(csv_line([name]), newline="")))
    assert cell == f"'{name}"


@pytest.mark.parametrize("path", ["/blind-times", "/blind-times.csv"])
def test_a_page_of_many_cameras_does_not_look_through_all_boxes_for_each_of_them(desk, monkeypatch, path):
    """1,000 sites of eight cameras took half a minute."""
    desk.see("sees")
    cameras = tuple(CameraHealth(camera=f"c{n}", state="sees", since_at_s=desk.clock()) for n in range(64))
    facts = {"at_s": desk.clock(), "started_at_s": 0.0, "version": "1", "state": "ok", "cameras": cameras}
    told = codec.encode(topics.HEALTH, "n2", HealthMessage(**facts), desk.clock())
    desk.intake.take(topics.HEALTH.of("n2"), told)
    looks, unheard = [], Watch.unheard_since_s
    monkeypatch.setattr(Watch, "unheard_since_s", lambda self: looks.append(self) or unheard(self))
    monkeypatch.setattr(Watch, "camera", lambda self, *names: pytest.fail(f"looked through for {names}"))
    assert desk.browser(Role.GUARD).get(path).status_code == 200
    assert len(looks) == 1


def test_the_table_tells_what_is_not_known(desk):
    """A table without a row of a camera that nothing is known of would read as one that saw all the time."""
    desk.see("blind", "stalled")
    desk.clock.now_s += 20
    desk.see("blind", "stalled")
    assert "until now" in stands(desk)
    desk.clock.now_s += 3600
    assert f"to {at(20)} <strong>since then its box is not heard" in stands(desk)
    text = desk.browser(Role.POLICE).get("/blind-times.csv?days=1", headers=ENGLISH).content.decode("utf-8-sig")
    rows = [list(row.values()) for row in csv.DictReader(io.StringIO(text))]
    assert [(row[6], row[9], row[11]) for row in rows] == [
        ("Sees nothing", "20", "stalled"),
        ("not known", "82780", "unrecorded"),
        ("not known", "3600", "unheard"),
    ]


def test_a_blind_time_that_ended_before_anything_was_known_breaks_no_sentence(desk, keep_times):
    desk.see("sees")
    with desk.console.database.write() as connection:
        keep_times(connection, [(BEGAN_S - 50, BEGAN_S - 20, "blind", "")], node_id=nodes.find(connection, "n1").id)
    desk.clock.now_s += 60
    assert "Cổng chính was watched all the time from" in stands(desk, "?of=n1/gate")


def test_messages_that_are_missing_are_told_with_the_sentence(desk):
    desk.see("sees")
    with desk.console.database.write() as connection:
        node_id = nodes.find(connection, "n1").id
        numbers = deliveries.Numbers(connection, [(node_id, "box")])
        for number in (1, 5):
            numbers.note((node_id, "box"), number, desk.clock())
        numbers.write()
    desk.clock.now_s += 30
    assert f"missing since {at(0)}: 3. An alert may be among them." in stands(desk, "?of=n1/gate")


def test_of_what_is_older_than_the_records_nothing_is_claimed(desk):
    """A camera from before this was kept: no row of blind times must not read as watched."""
    desk.see("sees")
    with desk.console.database.write() as connection:
        connection.execute(metadata.tables["camera"].update().values(first_at_s=None))
    desk.clock.now_s += 30
    page = stands(desk, "?of=n1/gate")
    assert "Cổng chính was watched" not in page
    assert "nothing is recorded here" in page
    desk.see("sees")
    desk.clock.now_s += 30
    assert f'to {at(60)}.</p><p class="sentence">In that time, no alert means' in stands(desk, "?of=n1/gate")


def test_a_zone_has_sums_and_sentences_of_its_own(desk):
    shape = {"zone": "door", "label": "Cửa sau", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    other = ZoneShape(**{**shape, "zone": "hall", "label": "Sảnh"})
    desk.see("sees", zones=(ZoneShape(**shape, rules=("loitering",)), other))
    desk.clock.now_s += 600
    hidden = ZoneShape(**shape, rules=("loitering",), state="blind", reason_code="zone_hidden")
    desk.see("impaired", "zone_hidden", zones=(hidden, other))
    desk.clock.now_s += 60
    door, hall = (stands(desk, f"?of=n1/gate/{zone}") for zone in ("door", "hall"))
    assert f"Cổng chính, Cửa sau was watched from {LANGUAGE.moment(BEGAN_S)} to {at(600)}, not from {at(600)}" in door
    assert "Cổng chính, Sảnh was watched all the time from" in hall
    assert "It was impaired" not in hall
    assert re.search(r'Cửa sau</a> <span class="soft">Loitering</span>', door)


def test_a_page_reads_only_what_it_shows_and_the_next_goes_on_there(desk, keep_times, monkeypatch):
    desk.see("sees")
    desk.clock.now_s += 86_400
    desk.see("sees")
    number = 2 * MOST + 20
    with desk.console.database.write() as connection:
        node_id = nodes.find(connection, "n1").id
        times = [(BEGAN_S + 60 * (n // 2), BEGAN_S + 60 * (n // 2) + 5, "blind", "") for n in range(number)]
        keep_times(connection, times, node_id=node_id)  # two of each beginning
    read, take = [], unseen._time
    monkeypatch.setattr(unseen, "_time", lambda row: read.append(row.id) or take(row))
    guard = desk.browser(Role.GUARD)
    for path in ("/", "/wall", "/cameras"):
        assert guard.get(path).status_code == 200
    assert read == []
    shown, path = [], "?of=n1/gate"
    while path:
        read.clear()
        page = stands(desk, path)
        assert len(read) <= MOST + 1
        shown += read[:MOST]
        assert "was watched for 23 h 55 min, and not for 5 min in all" in page
        older = re.search(r'href="/blind-times(\?[^"]*older=[^"]*)">Older ones', page)
        path = older[1] if older else ""
    assert len(shown) == len(set(shown)) == number
    assert "Back to the latest" in page


def test_who_downloads_the_table_holds_up_no_message_of_a_box(desk, monkeypatch):
    """The names of 8,000 cameras take a second to read, and there is one writer at a time."""
    desk.see("sees")

    def while_others_write(*args, **more):
        desk.clock.now_s += 15
        desk.see("sees")
        return places(*args, **more)

    monkeypatch.setattr("console.web.blind_pages.places", while_others_write)
    assert stands(desk, ".csv")


def test_the_table_has_every_time_and_no_formula(desk, keep_times, monkeypatch):
    monkeypatch.setattr("console.web.blind_pages._AT_ONCE", 7)
    zones = (ZoneShape(zone="door", label="=1+1", polygon=((0, 0), (1, 0), (1, 1))),)
    desk.see("sees", zones=zones)
    desk.clock.now_s += 3600
    desk.see("sees", zones=zones)
    with desk.console.database.write() as connection:
        node_id = nodes.find(connection, "n1").id
        keep_times(
            connection, [(BEGAN_S + 60 * n, BEGAN_S + 60 * n + 30, "blind", "door") for n in range(20)], node_id=node_id
        )
        keep_times(connection, [(BEGAN_S - 9e5, None, "impaired", "")], code="a_new_word", node_id=node_id)
    police = desk.browser(Role.POLICE)
    answer = police.get("/blind-times.csv?of=n1/gate&days=1", headers=ENGLISH)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 22
    first, last, unknown = rows[0], rows[-2], rows[-1]
    assert (unknown["State"], unknown["Code word of the cause"]) == ("not known", "unrecorded")
    assert unknown["To (Asia/Ho_Chi_Minh); empty: it still lasts"] == LANGUAGE.sortable(BEGAN_S)
    assert (first["Zone"], first["State"], first["Cause"]) == (
        "'=1+1",
        "Sees nothing",
        "signal lost: the camera sends no more pictures",
    )
    assert first["From (Asia/Ho_Chi_Minh)"] == LANGUAGE.sortable(BEGAN_S + 60 * 19)
    assert first["Seconds within the time asked for"] == "30"
    assert last["To (Asia/Ho_Chi_Minh); empty: it still lasts"] == ""
    assert last["Seconds within the time asked for"] == "86400"
    assert last["Cause"] == "a fault for which this console has no words yet: a_new_word"
    with desk.console.database.read() as connection:
        (entry,) = audit.of_subject(connection, "blind-times.csv")
    assert (entry.user, entry.action, entry.detail.split()[0]) == ("police", "download", "n1/gate")
    assert "Nguyên nhân" in police.get("/blind-times.csv", headers={"Accept-Language": "vi"}).text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?from=yesterday", 422),
        ("?from=2026-10-15T00:00&to=2026-10-14T00:00", 422),
        ("?from=2199-01-01T00:00", 422),
        ("?from=0001-01-01T00:00", 422),
        ("?from=2026-10-01T00:00Z", 422),
        ("?days=0", 422),
        ("?of=n1/nothing", 404),
        ("?of=%00", 404),
        ("?older=nan_1", 200),
        ("?older=1.0_99999999999999999999", 200),
        ("?to=2098-01-01T00:00", 200),
    ],
)
def test_what_can_not_be_asked_is_refused_in_words(desk, query, status):
    desk.see("sees")
    desk.clock.now_s += 60
    answer = desk.browser(Role.POLICE).get(f"/blind-times{query}", headers={**ENGLISH, "Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert desk.browser(Role.POLICE).get(f"/blind-times.csv{query}").status_code == status


def test_everybody_who_works_here_finds_the_page(desk):
    for role in Role:
        assert "When cameras saw nothing" in stands(desk, role=role)
    assert 'href="/blind-times"' in desk.browser(Role.POLICE).get("/").text
    assert "No camera is connected yet" in stands(desk)


def test_words_of_older_and_newer_boxes_are_sentences(desk):
    for code, shown in (
        ("frame_rate_changed", "Pictures come at another rate than before"),
        ("bit_rate_collapsed", "The stream has hardly any data left"),
        ("sings", "A fault for which this console has no words yet: sings"),
        ("", "The box tells no cause"),
    ):
        desk.see("impaired", code)
        assert shown in desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
        assert shown[:1].lower() + shown[1:] in desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    desk.see("impaired", "sings")
    assert (
        "Một lỗi mà bảng điều khiển này chưa có lời diễn giải: sings" in desk.browser(Role.GUARD).get("/cameras").text
    )


def test_a_long_table_goes_out_in_few_pieces():
    """Each waits for a thread: eight thousand lines by themselves took longer than all the rest of the table."""
    rows = [[f"{number}", "=1+1", 'a "b", c'] for number in range(2500)]
    pieces = list(csv_pieces(iter(rows)))
    assert len(pieces) == 3
    assert "".join(pieces) == "".join(map(csv_line, rows))
    assert pieces[0].startswith('0,\'=1+1,"a ""b"", c"\r\n1,')
    assert list(csv_pieces(())) == []
