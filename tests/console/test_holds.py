"""What people have boxes keep: who may, what the box is told, what it answers, and who let go of it."""

import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.holds import HeldMessage, HeldPart, HoldsMessage
from broker.contract.messages import EventMessage, HealthMessage, StatusMessage
from console.domain.access import NOWHERE, Action, Role, may, rights_of
from console.domain.hold import LONGEST_S, SETTLED_S, Answer, HoldState, hold_state, span_problem
from console.domain.site_tree import Grants
from console.ingest.hold_sender import HoldSender
from console.store import audit, holds, nodes

ENGLISH = {"Accept-Language": "en", "Accept": "text/html"}
NOW_S = 1_792_000_000.0
HOUR = 3600.0


@pytest.mark.parametrize(
    ("released_at_s", "answer", "state"),
    [
        (None, None, HoldState.ASKED),
        (None, Answer(NOW_S, kept=False, recorded_s=0, bytes=0), HoldState.ASKED),
        (None, Answer(NOW_S + 5, kept=True, recorded_s=0, bytes=0), HoldState.COMING),
        (None, Answer(NOW_S + SETTLED_S, kept=True, recorded_s=0, bytes=0), HoldState.NOTHING),
        (None, Answer(NOW_S + SETTLED_S, kept=True, recorded_s=1, bytes=9), HoldState.KEPT),
        (NOW_S + 9, None, HoldState.RELEASING),
        (NOW_S + 9, Answer(NOW_S + 5, kept=True, recorded_s=1, bytes=9), HoldState.RELEASING),
        (NOW_S + 9, Answer(NOW_S + 10, kept=True, recorded_s=1, bytes=9), HoldState.RELEASING),
        (NOW_S + 9, Answer(NOW_S + 10, kept=False, recorded_s=0, bytes=0), HoldState.RELEASED),
    ],
)
def test_how_a_hold_stands(released_at_s, answer, state):
    assert hold_state(NOW_S, released_at_s, answer) == state


def test_a_time_that_can_be_held_is_at_most_a_day_long_and_ends_within_a_day():
    spans = {"": (0, HOUR), "order": (5, 5), "too_long": (0, LONGEST_S + 1), "too_far_ahead": (20 * HOUR, 25 * HOUR)}
    assert {span_problem(NOW_S + begin, NOW_S + end, NOW_S): 0 for begin, end in spans.values()}.keys() == spans.keys()


def told(desk, box: str, *parts: HeldPart, waited_s: float = 0.0) -> None:
    """The box says what it keeps. waited_s: how long the broker had it."""
    message = HeldMessage(at_s=desk.clock(), holds=parts)
    desk.intake.take(topics.HELD.of(box), codec.encode(topics.HELD, box, message, desk.clock()), waited_s)


def field(desk, at_s: float) -> str:
    return desk.console.web.state.context.languages.choose("en", "").field(at_s)


def span(desk, box: str, hours_ago: float, **changes) -> dict[str, str]:
    """A form: half an hour of the camera at the gate of a box."""
    begin_s = desk.clock() // 60 * 60 - hours_ago * HOUR
    times = {"from": field(desk, begin_s), "to": field(desk, begin_s + HOUR / 2)}
    return {"id": str(uuid.uuid4()), "of": f"{box}/gate", **times, "reason": "Công an phường, vụ án 12", **changes}


class Post:
    """What a box is told, by a broker that tests set up anew."""

    def __init__(self, desk) -> None:
        self.sent: list[tuple[str, HoldsMessage]] = []
        self.connections = 0
        self.sender = HoldSender(desk.console.database, desk.clock, self.publish, lambda: self.connections)

    def publish(self, node: str, payload: bytes) -> bool:
        self.sent.append((node, codec.decode(topics.HOLDS.of(node), payload).message))
        return True

    def turn(self) -> list[tuple[str, HoldsMessage]]:
        """What was sent in one turn."""
        self.sent.clear()
        self.sender.turn()
        return list(self.sent)


@pytest.mark.system
def test_police_have_a_camera_and_time_kept_and_let_go_of_it_and_all_is_on_record(desk, schools):
    here, _ = schools
    police = desk.browser(Role.POLICE, Grants(sites=frozenset({here.district})))
    asked, post = span(desk, here.box, 48), Post(desk)
    for _ in range(2):  # a form that is sent twice asks once
        answer = police.post("/holds", data=asked, headers=ENGLISH)
        assert (answer.status_code, answer.headers["location"]) == (303, "/holds?done=asked")
    assert post.turn() == []  # the broker was never reached
    post.connections = 1
    ((box, message),) = post.turn()
    (hold,) = message.holds
    begin_s = desk.clock() // 60 * 60 - 48 * HOUR
    assert (box, hold.hold_id, hold.camera, hold.event_id) == (here.box, asked["id"], "gate", None)
    assert (hold.from_at_s, hold.to_at_s) == (begin_s, begin_s + HOUR / 2)
    assert post.turn() == []
    assert "The box has not answered yet" in police.get("/holds", headers=ENGLISH).text
    desk.clock.now_s += 5
    told(desk, here.box, HeldPart(hold_id=hold.hold_id, recorded_s=1741.0, bytes=412_000_000))
    page = police.get("/holds", headers=ENGLISH).text
    assert "The box keeps 29 min 1 s of 30 min, 412 MB." in page
    assert "vụ án 12" in page
    post.connections = 2  # a broker that may have been set up anew
    assert [name for name, _ in post.turn()] == [here.box]
    release = f"/holds/{hold.hold_id}/release"
    assert police.post(release, data={"reason": " "}, headers=ENGLISH).status_code == 422
    assert police.post(release, data={"reason": "case closed"}, headers=ENGLISH).status_code == 303
    assert police.post(release, data={"reason": "again"}, headers=ENGLISH).status_code == 409
    ((_, message),) = post.turn()
    assert (message.holds, message.released) == ((), (hold.hold_id,))
    assert "The box has not answered yet" in police.get("/holds", headers=ENGLISH).text
    desk.clock.now_s += 5
    told(desk, here.box)
    page = police.get("/holds", headers=ENGLISH).text
    assert "The box may overwrite it" in page
    assert "case closed" in page
    assert post.turn() == []  # nothing is left to say, and what is not said lets go of nothing
    with desk.console.database.read() as connection:
        subject = f"{here.name} · gate of {here.box}"
        acts = [(one.user, one.action, one.detail) for one in audit.of_subject(connection, subject)]
    assert [(user, action) for user, action, _ in acts] == [("police", "hold_released"), ("police", "hold")]
    assert acts[0][2].endswith(": case closed")
    assert "had the box keep what was recorded:" in desk.browser(Role.AUDITOR).get("/audit", headers=ENGLISH).text


@pytest.mark.system
def test_an_alert_is_kept_with_the_recording_around_it_by_the_clock_of_its_box(desk, schools):
    here, _ = schools
    behind_s, event_id = 40.0, str(uuid.UUID(int=77))
    with desk.console.database.write() as connection:
        node_id = nodes.find(connection, here.box).id
    for later_s in (0.0, 15.0):  # the second report shows that the first was not on its way so long
        desk.clock.now_s += later_s
        at_s = desk.clock() - behind_s
        health = HealthMessage(at_s=at_s, started_at_s=at_s - 100, version="1", state="ok")
        desk.intake.take(topics.HEALTH.of(here.box), codec.encode(topics.HEALTH, here.box, health, at_s))
    facts = {"event_id": event_id, "rule": "loitering", "camera": "gate", "opened_at_s": desk.clock() - behind_s}
    for revision, state, more in ((1, "open", {}), (2, "closed", {"closed_at_s": desk.clock() - behind_s + 30})):
        event = EventMessage(revision=revision, state=state, captured_at_s=facts["opened_at_s"], **facts, **more)
        payload = codec.encode(topics.EVENT, here.box, event, desk.clock() - behind_s, "o", revision)
        assert desk.intake.take(topics.EVENT.of(here.box), payload).refused_because is None
    opened_s = desk.clock()
    supervisor = desk.browser(Role.SUPERVISOR)
    assert f'action="/holds/of-alert/{event_id}"' in supervisor.get(f"/alerts/{event_id}").text
    form = {"id": str(uuid.uuid4()), "before": "15", "after": "5", "reason": "for the parents"}
    assert supervisor.post(f"/holds/of-alert/{event_id}", data=form).headers["location"] == f"/alerts/{event_id}#holds"
    post = Post(desk)
    post.connections = 1
    ((_, message),) = post.turn()
    (hold,) = message.holds
    assert hold.event_id == event_id
    assert hold.from_at_s == pytest.approx(opened_s - behind_s - 900, abs=1)
    assert hold.to_at_s == pytest.approx(opened_s - behind_s + 30 + 300, abs=1)
    told(desk, here.box, HeldPart(hold_id=hold.hold_id, recorded_s=0.0, bytes=5_000_000))
    page = supervisor.get(f"/alerts/{event_id}", headers=ENGLISH).text
    assert "The box keeps the files of the alert, 5 MB." in page
    assert "for the parents" in page
    release = {"reason": "shown", "back": "true"}
    answer = supervisor.post(f"/holds/{hold.hold_id}/release", data=release)
    assert answer.headers["location"] == f"/alerts/{event_id}#holds"
    with desk.console.database.read() as connection:
        acts = [one.action for one in audit.of_subject(connection, event_id)]
        assert [one.state for one in holds.of_alert(connection, event_id)] == ["releasing"]
        assert nodes.find(connection, here.box).id == node_id
    assert acts.count("hold") == acts.count("hold_released") == 1
    assert '"hold_released"' in supervisor.get(f"/api/alerts/{event_id}/facts.json").text


@pytest.mark.system
def test_what_can_not_be_kept_is_told_with_what_was_written(desk, schools):
    here, other = schools
    police = desk.browser(Role.POLICE, Grants(sites=frozenset({here.district})))
    for changes, words in (
        ({"from": "half past two"}, "The time can&#39;t be read"),
        ({"to": field(desk, desk.clock() - 100 * HOUR)}, "The end must come after"),
        ({"from": field(desk, desk.clock() - 100 * HOUR)}, "At most 24 hours"),
        (
            {"to": field(desk, desk.clock() + 30 * HOUR), "from": field(desk, desk.clock() + 20 * HOUR)},
            "a day from now",
        ),
        ({"reason": "  "}, "Please write why"),
        ({"of": ""}, "Please choose the camera"),
        ({"of": f"/{here.site}"}, "Please choose the camera"),
    ):
        answer = police.post("/holds", data=span(desk, here.box, 2, **changes), headers=ENGLISH)
        assert (answer.status_code, words in answer.text) == (422, True), changes
    foreign = police.post("/holds", data=span(desk, other.box, 2), headers=ENGLISH)
    assert foreign.status_code == 404
    assert not [word for word in other.words if word in foreign.text.replace(f"{other.box}/gate", "")]
    for broken in ({"id": "x"}, {"of": "\x00"}, {"reason": "x" * 501}):
        assert police.post("/holds", data=span(desk, here.box, 2, **broken)).status_code == 422
    with desk.console.database.read() as connection:
        assert holds.listing(connection, 9) == []


@pytest.mark.system
def test_only_who_may_has_something_kept_and_of_their_own_places_alone(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    for box in (here.box, other.box):
        assert boss.post("/holds", data=span(desk, box, 3)).status_code == 303
    with desk.console.database.read() as connection:
        ids = {one.node: one.id for one in holds.listing(connection, 9)}
    allowed = {role for role in Role if may(rights_of(role, NOWHERE), Action.HOLD_RECORDING)}
    assert allowed == {Role.ADMINISTRATOR, Role.SUPERVISOR, Role.POLICE}
    for role in allowed:
        browser = desk.browser(role, Grants(sites=frozenset({here.district})), f"{role} of here")
        page = browser.get("/holds").text
        assert here.name in page
        assert not [word for word in other.words if word in page]
        assert browser.post(f"/holds/{ids[other.box]}/release", data={"reason": "x"}).status_code == 404
        assert browser.post(f"/holds/of-alert/{other.event_id}", data={}).status_code == 404
    guard = desk.browser(Role.GUARD)
    assert guard.get("/holds").status_code == guard.post("/holds", data=span(desk, here.box, 3)).status_code == 403
    assert "/holds/" not in guard.get(f"/alerts/{here.event_id}").text


@pytest.mark.system
def test_a_box_that_is_away_is_told_later_and_a_full_one_takes_no_more(desk, schools, monkeypatch):
    here, _ = schools
    boss, post = desk.browser(Role.ADMINISTRATOR), Post(desk)
    boss.post("/holds", data=span(desk, here.box, 3))
    gone = StatusMessage(status="offline", at_s=desk.clock())
    desk.intake.take(topics.STATUS.of(here.box), codec.encode(topics.STATUS, here.box, gone, desk.clock()))
    assert "it is told as soon as it is back" in boss.get("/holds", headers=ENGLISH).text
    post.connections = 1
    monkeypatch.setattr(post.sender, "_publish", lambda *_: False)  # the broker went in this moment
    post.turn()
    monkeypatch.setattr(post.sender, "_publish", post.publish)
    assert [name for name, _ in post.turn()] == [here.box]
    monkeypatch.setattr("console.web.hold_pages.MOST_HOLDS", 1)
    answer = boss.post("/holds", data=span(desk, here.box, 4), headers=ENGLISH)
    assert (answer.status_code, "Let go of something first" in answer.text) == (422, True)


@pytest.mark.system
def test_a_hold_that_is_a_page_long_list_goes_on_behind_it(desk, schools, monkeypatch):
    here, _ = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    monkeypatch.setattr("console.web.hold_pages.MOST", 2)
    for number in range(3):
        boss.post("/holds", data=span(desk, here.box, 3 + number, reason=f"number {number}"))
    first = boss.get("/holds", headers=ENGLISH).text
    assert ["number 0" in first, "number 1" in first, "number 2" in first].count(True) == 2
    older = first.split('href="/holds?older=')[1].split('"')[0]
    behind = boss.get(f"/holds?older={older}", headers=ENGLISH).text
    assert sum(f"number {number}" in behind for number in range(3)) == 1
    assert boss.get("/holds?older=x").status_code == 200


@pytest.mark.system
def test_what_was_let_go_of_before_the_box_heard_of_it_is_told_when_the_box_keeps_it_all_the_same(desk, schools):
    """The broker gave back the box's last word with a new connection, which was taken for its answer."""
    here, _ = schools
    boss, post, asked = desk.browser(Role.ADMINISTRATOR), Post(desk), span(desk, here.box, 3)
    boss.post("/holds", data=asked)
    post.connections = 1
    post.turn()  # waits at the broker for the box
    boss.post(f"/holds/{asked['id']}/release", data={"reason": "a mistake"})
    desk.clock.now_s += 5
    told(desk, here.box)  # what it said before all that
    post.turn()
    desk.clock.now_s += 86_400
    told(desk, here.box, HeldPart(hold_id=asked["id"], recorded_s=60.0, bytes=9))
    ((_, message),) = post.turn()
    assert (message.holds, message.released) == ((), (asked["id"],))
    with desk.console.database.read() as connection:
        assert [one.state for one in holds.listing(connection, 9)] == [HoldState.RELEASING]


@pytest.mark.system
def test_an_old_word_of_a_box_that_the_broker_gives_back_is_no_new_answer(desk, schools):
    here, _ = schools
    boss, asked = desk.browser(Role.ADMINISTRATOR), span(desk, here.box, 0.1)
    boss.post("/holds", data=asked)
    part = HeldPart(hold_id=asked["id"])
    told(desk, here.box, part)
    desk.clock.now_s += 5 * HOUR
    told(desk, here.box, part, waited_s=5 * HOUR)  # away since then: it may well have recorded it
    with desk.console.database.read() as connection:
        assert [one.state for one in holds.listing(connection, 9)] == [HoldState.COMING]
    told(desk, here.box, part)
    with desk.console.database.read() as connection:
        assert [one.state for one in holds.listing(connection, 9)] == [HoldState.NOTHING]


@pytest.mark.system
def test_a_form_that_comes_back_with_something_else_in_it_asks_for_that_as_well(desk, schools):
    """By the browser's way back: it said that the box is asked, and nothing was."""
    here, _ = schools
    boss, first = desk.browser(Role.ADMINISTRATOR), span(desk, here.box, 3)
    changed = {**span(desk, here.box, 9), "id": first["id"]}
    for form in (first, changed, first):
        assert boss.post("/holds", data=form).headers["location"] == "/holds?done=asked"
    with desk.console.database.read() as connection:
        found = [(one.from_at_s, one.id == first["id"]) for one in holds.listing(connection, 9)]
    begun_s = desk.clock() // 60 * 60
    assert sorted(found) == [(begun_s - 9 * HOUR, False), (begun_s - 3 * HOUR, True)]


@pytest.mark.system
def test_an_alert_of_a_camera_whose_name_no_box_can_be_told_is_refused_and_ends_no_console(desk, schools):
    here, _ = schools
    event_id, at_s = str(uuid.UUID(int=78)), desk.clock()
    facts = {"event_id": event_id, "rule": "loitering", "camera": "cổng số 1", "opened_at_s": at_s}
    message = EventMessage(revision=1, state="open", captured_at_s=at_s, **facts)
    payload = codec.encode(topics.EVENT, here.box, message, at_s, "o", 1)
    assert desk.intake.take(topics.EVENT.of(here.box), payload).refused_because is None
    form = {"id": str(uuid.uuid4()), "before": "15", "after": "5", "reason": "x"}
    boss, post = desk.browser(Role.ADMINISTRATOR), Post(desk)
    assert boss.post(f"/holds/of-alert/{event_id}", data=form).status_code == 422
    post.connections = 1
    assert post.turn() == []
