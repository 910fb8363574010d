"""When cameras saw nothing or only in part: what is kept, and what the page and the table of it say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage, ZoneShape
from console.app.factory import build
from console.app.settings import Settings
from console.domain.access import Role
from console.store import blind_times as unseen
from console.store import nodes
from console.store.blind_times import Scope, Span
from console.store.tables import blind_time, metadata
from console.web.camera_view import watch
from console.web.i18n import Languages

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
BEGAN_S = 1_792_000_000.0
LANGUAGE = Languages("Asia/Ho_Chi_Minh").choose("en", "")


def kept(desk, camera: str = "gate") -> list[tuple[float, float | None, str]]:
    with desk.console.database.read() as connection:
        scope = Scope(node_id=nodes.find(connection, "n1").id, camera=camera)
        found = unseen.listing(connection, scope, Span(desk.clock() - 7 * 86_400, desk.clock() + 1), 100)
    return [(one.from_at_s - BEGAN_S, one.to_at_s and one.to_at_s - BEGAN_S, one.reason_code) for one in found]


def test_times_in_which_a_camera_saw_nothing_are_kept_and_shown(desk):
    desk.see("sees")
    desk.clock.now_s += 100
    desk.see("blind", "stalled", since_at_s=desk.clock() - 5)
    desk.clock.now_s += 60
    desk.see("blind", "no_answer", since_at_s=desk.clock() - 30)  # the same trouble under another name
    assert kept(desk) == [(95.0, None, "stalled")]
    desk.clock.now_s += 60
    desk.see("sees")
    desk.clock.now_s += 100
    desk.see("blind", "camera_covered", since_at_s=desk.clock() - 20)
    assert kept(desk) == [(300.0, None, "camera_covered"), (95.0, 220.0, "stalled")]
    page = desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    assert "Nothing seen in the last 7 days: 2 min 25 s" in page
    desk.clock.now_s += 8 * 86_400
    desk.see("sees")
    assert [code for _, _, code in kept(desk)] == ["camera_covered"]


def test_a_box_that_was_off_saw_nothing_and_one_that_was_only_cut_off_did_not_stop_watching(desk):
    desk.see("sees")
    desk.clock.now_s += 900
    desk.see("sees", since_at_s=1_792_000_000.0)  # the network was away, the box was not
    assert kept(desk) == []
    desk.clock.now_s += 300
    desk.see("sees", started_at_s=desk.clock() - 10, since_at_s=desk.clock() - 10)
    assert kept(desk) == [(900.0, 1190.0, "node_offline")]


def test_a_box_whose_clock_stood_still_while_it_was_off_was_off_all_the_same(desk):
    """A Raspberry Pi without a network begins where it stopped; and each report after its clock was set is no start."""
    desk.see("sees", started_at_s=desk.clock() - 50)
    stopped_s = desk.clock()
    desk.clock.now_s += 8 * 3600
    for turn in range(3):
        box_s = stopped_s + 5 + 15 * turn
        gate = CameraHealth(camera="gate", state="sees", since_at_s=stopped_s)
        health = HealthMessage(at_s=box_s, started_at_s=stopped_s, version="1", state="ok", cameras=(gate,))
        desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, desk.clock()))
        desk.clock.now_s += 15
    assert kept(desk) == [(0.0, 8 * 3600 - 5.0, "node_offline")]


def test_blind_times_are_not_kept_for_ever(desk):
    desk.see("blind", "stalled")
    desk.see("sees")
    desk.clock.now_s += unseen.KEPT_S + 60
    desk.see("blind", "stalled")
    with desk.console.database.read() as connection:
        assert len(connection.execute(metadata.tables["blind_time"].select()).all()) == 1


def test_a_zone_that_cannot_be_seen_is_told_and_kept_beside_its_camera(desk):
    shape = {"zone": "door", "label": "Cửa sau", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    hidden = ZoneShape(**shape, state="blind", since_at_s=desk.clock() - 70, reason_code="zone_hidden")
    desk.see("impaired", "zone_hidden", zones=(hidden,))
    assert kept(desk) == [(0.0, None, "zone_hidden"), (-70.0, None, "zone_hidden")]  # the camera's is impaired only
    page = desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    assert "<strong>Cửa sau</strong>: something stands before a zone" in page
    assert "When it was watched" in page  # the camera itself did
    desk.clock.now_s += 30
    desk.see("sees", zones=(ZoneShape(**shape),))
    assert kept(desk) == [(0.0, 30.0, "zone_hidden"), (-70.0, 30.0, "zone_hidden")]


def test_impaired_times_are_kept_and_told_apart_from_blind_ones(desk):
    desk.see("sees")
    for state, code in (("impaired", "camera_defocused"), ("blind", "stalled"), ("impaired", "stalled")):
        desk.clock.now_s += 100
        desk.see(state, code)
    desk.clock.now_s += 100
    desk.see("sees")
    assert kept(desk) == [(300.0, 400.0, "stalled"), (200.0, 300.0, "stalled"), (100.0, 200.0, "camera_defocused")]
    with desk.console.database.read() as connection:
        node_id = nodes.find(connection, "n1").id
        totals = unseen.totals(connection, Scope(), Span(BEGAN_S, BEGAN_S + 350), {})
    assert totals == {(node_id, "gate"): unseen.Total(100.0, 150.0)}


def test_a_camera_that_saw_again_while_its_box_was_cut_off_was_blind_no_longer_than_that(desk):
    desk.see("sees")
    desk.clock.now_s += 100
    desk.see("blind", "stalled")
    desk.clock.now_s += 3600
    desk.see("sees", since_at_s=BEGAN_S + 160)
    assert kept(desk) == [(100.0, 160.0, "stalled")]


def test_a_camera_that_its_box_no_longer_names_is_not_watched_until_it_is_back(desk):
    desk.see("blind", "stalled")
    for _ in range(2):
        desk.clock.now_s += 50
        none = HealthMessage(at_s=desk.clock(), started_at_s=0.0, version="1", state="ok")
        desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", none, desk.clock()))
    assert kept(desk) == [(50.0, None, "camera_removed"), (0.0, 50.0, "stalled")]
    page = desk.browser(Role.POLICE).get("/blind-times", headers=ENGLISH).text
    assert "The camera is no longer in the settings of its box" in page
    desk.clock.now_s += 50
    desk.see("sees")
    assert kept(desk)[0] == (50.0, 150.0, "camera_removed")


def tell(desk, at_s: float, *, started_at_s=0.0, running_s=None, **gate) -> None:
    """A report that its box made at `at_s` of its own clock reaches the console now."""
    camera = CameraHealth(**{"camera": "gate", "state": "sees", "since_at_s": BEGAN_S, **gate})
    run = {"started_at_s": started_at_s, "running_s": running_s}
    health = HealthMessage(at_s=at_s, **run, version="1", state="ok", cameras=(camera,))
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, desk.clock()))


def test_a_report_that_the_broker_kept_says_nothing_of_the_time_since_it_was_made(desk):
    """The console was away for an hour; ten minutes into it the box died, and came back two hours later."""
    tell(desk, BEGAN_S)
    desk.clock.now_s += 3600
    tell(desk, BEGAN_S + 600)
    with desk.console.database.read() as connection:
        seen = watch(connection, desk.clock() + 120, True)
        assert list(seen.unheard_since_s().values()) == [BEGAN_S + 600]
    desk.clock.now_s += 3600
    tell(desk, desk.clock(), started_at_s=desk.clock() - 20, since_at_s=desk.clock() - 20)
    assert kept(desk) == [(600.0, 7180.0, "node_offline")]


def test_a_camera_that_lost_sight_and_found_it_while_its_box_was_not_heard_did_not_see_all_the_time(desk):
    tell(desk, BEGAN_S)
    desk.clock.now_s += 3600
    tell(desk, desk.clock(), since_at_s=BEGAN_S + 1200)
    desk.clock.now_s += 15
    tell(desk, desk.clock(), since_at_s=BEGAN_S + 1200)
    assert kept(desk) == [(0.0, 1200.0, "sight_unheard")]


@pytest.mark.parametrize("before", ["sees", "impaired"])
@pytest.mark.parametrize(("now", "code"), [("impaired", "camera_moved"), ("blind", "stalled"), ("sees", "")])
def test_a_camera_that_saw_nothing_while_its_box_was_not_heard_tells_it_however_it_sees_now(desk, before, now, code):
    """The signal was away from minute 5 to minute 20; then the picture came back turned, or was lost once more."""
    tell(desk, BEGAN_S, state=before, reason_code="" if before == "sees" else "camera_moved")
    desk.clock.now_s += 3600
    since_s = BEGAN_S + (1200 if now == "sees" else 3000)
    for _ in range(2):
        facts = {"state": now, "reason_code": code, "since_at_s": since_s, "blind_until_at_s": BEGAN_S + 1200}
        tell(desk, desk.clock(), **facts)
        desk.clock.now_s += 15
    assert (0.0, 1200.0, "sight_unheard") in kept(desk)
    with desk.console.database.read() as connection:
        spent = unseen.totals(connection, Scope(), Span(BEGAN_S, BEGAN_S + 2400), {})
    assert spent[1, "gate"].blind_s == 1200.0


def test_a_box_that_was_off_saw_nothing_until_its_camera_did_though_that_is_impaired_now(desk):
    tell(desk, BEGAN_S)
    desk.clock.now_s += 3600
    facts = {"state": "impaired", "reason_code": "camera_moved", "since_at_s": desk.clock() - 100}
    tell(desk, desk.clock(), started_at_s=BEGAN_S + 600, blind_until_at_s=BEGAN_S + 1200, **facts)
    assert (0.0, 1200.0, "node_offline") in kept(desk)


@pytest.mark.parametrize("now", ["sees", "blind"])
def test_what_impaired_a_camera_while_its_box_was_not_heard_is_told_as_such(desk, now):
    """Where it is blind now it was never heard of, and where it sees it was told as a time in which it saw nothing."""
    shape = {"zone": "door", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    tell(desk, BEGAN_S, zones=(ZoneShape(**shape),))
    desk.clock.now_s += 3600
    hidden_until = {"since_at_s": BEGAN_S + 1200, "blind_until_at_s": BEGAN_S + 1200}
    facts = {"since_at_s": BEGAN_S + (1200 if now == "sees" else 3000), "impaired_until_at_s": BEGAN_S + 1200}
    for _ in range(2):
        code = "" if now == "sees" else "stalled"
        tell(desk, desk.clock(), state=now, reason_code=code, zones=(ZoneShape(**shape, **hidden_until),), **facts)
        desk.clock.now_s += 15
    past = [one for one in kept(desk) if one[0] < 3000]
    assert sorted(past) == [(0.0, 1200.0, "impaired_unheard"), (0.0, 1200.0, "sight_unheard")]  # the zone, hidden
    with desk.console.database.read() as connection:
        span = Span(BEGAN_S, BEGAN_S + 2400)
        assert unseen.totals(connection, Scope(), span, {}) == {(1, "gate"): unseen.Total(0.0, 1200.0)}
        of_door = unseen.totals(connection, Scope(node_id=1, camera="gate", zone="door"), span, {})
    assert of_door == {(1, "gate"): unseen.Total(1200.0, 0.0)}


def test_a_zone_that_was_hidden_and_is_so_again_tells_of_both_times(desk):
    shape = {"zone": "door", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    tell(desk, BEGAN_S, zones=(ZoneShape(**shape),))
    desk.clock.now_s += 3600
    again = {"state": "blind", "reason_code": "zone_hidden", "since_at_s": BEGAN_S + 3000}
    tell(desk, desk.clock(), zones=(ZoneShape(**shape, **again, blind_until_at_s=BEGAN_S + 1200),))
    assert kept(desk) == [(3000.0, None, "zone_hidden"), (0.0, 1200.0, "sight_unheard")]


def test_a_time_without_sight_that_was_told_while_it_lasted_is_told_once(desk):
    tell(desk, BEGAN_S)
    desk.clock.now_s += 15
    tell(desk, desk.clock(), state="blind", reason_code="stalled", since_at_s=desk.clock())
    desk.clock.now_s += 15
    again = {"since_at_s": desk.clock(), "blind_until_at_s": desk.clock()}
    for _ in range(2):
        tell(desk, desk.clock(), state="impaired", reason_code="camera_moved", **again)
        desk.clock.now_s += 15
    assert kept(desk) == [(30.0, None, "camera_moved"), (15.0, 30.0, "stalled")]


def test_a_zone_that_lost_sight_and_found_it_while_its_box_was_not_heard_did_not_see_all_the_time(desk):
    shape = {"zone": "door", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    tell(desk, BEGAN_S, zones=(ZoneShape(**shape),))
    desk.clock.now_s += 3600
    for _ in range(2):
        tell(desk, desk.clock(), zones=(ZoneShape(**shape, since_at_s=BEGAN_S + 1200),))
        desk.clock.now_s += 15
    assert kept(desk) == [(0.0, 1200.0, "sight_unheard")]
    assert zones_kept(desk) == ["door"]
    desk.clock.now_s += 3600  # with the whole camera blind for longer than the zone, the camera says it all
    zone_since_s, gate_since_s = desk.clock() - 1000, desk.clock() - 700
    tell(desk, desk.clock(), since_at_s=gate_since_s, zones=(ZoneShape(**shape, since_at_s=zone_since_s),))
    assert zones_kept(desk) == ["", "door"]


def zones_kept(desk) -> list[str]:
    """Zones of the times that are kept, the latest first; empty for the whole camera."""
    with desk.console.database.read() as connection:
        found = connection.execute(blind_time.select().order_by(blind_time.c.from_at_s.desc())).all()
    return [row.zone for row in found]


def test_a_zone_that_saw_again_while_its_box_was_cut_off_was_blind_no_longer_than_that(desk):
    shape = {"zone": "door", "polygon": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))}
    tell(desk, BEGAN_S, zones=(ZoneShape(**shape, state="blind", since_at_s=BEGAN_S, reason_code="zone_hidden"),))
    desk.clock.now_s += 3600
    tell(desk, desk.clock(), zones=(ZoneShape(**shape, since_at_s=BEGAN_S + 160),))
    assert kept(desk) == [(0.0, 160.0, "zone_hidden")]


def test_a_box_that_was_off_saw_nothing_until_its_camera_is_seen_again(desk):
    tell(desk, BEGAN_S)
    desk.clock.now_s += 600
    tell(desk, desk.clock(), started_at_s=desk.clock() - 40, since_at_s=desk.clock() - 15)
    assert kept(desk) == [(0.0, 585.0, "node_offline")]


def test_a_box_whose_clock_was_set_after_it_had_started_anew_was_off_all_the_same(desk):
    """Its clock began where it had stopped, before the last report; by that it never was off."""
    tell(desk, BEGAN_S, started_at_s=BEGAN_S - 5000)
    desk.clock.now_s += 3900
    tell(desk, desk.clock(), started_at_s=BEGAN_S - 30)
    assert kept(desk) == [(0.0, 3900.0, "node_offline")]


def test_a_box_whose_clock_was_set_before_its_first_report_was_off_until_it_started(desk):
    """A Raspberry Pi starts where it stopped, and NTP sets its clock by eight hours before anything is told."""
    tell(desk, BEGAN_S, started_at_s=BEGAN_S - 5000)
    desk.clock.now_s += 8 * 3600
    started = {"started_at_s": BEGAN_S + 12, "since_at_s": BEGAN_S + 14}  # both by the clock before it was set
    tell(desk, desk.clock(), running_s=20.0, **started)
    assert kept(desk) == [(0.0, 8 * 3600 - 20.0, "node_offline")]
    desk.clock.now_s += 15
    tell(desk, desk.clock(), running_s=35.0, **started)
    assert kept(desk) == [(0.0, 8 * 3600 - 20.0, "node_offline")]


def test_a_blind_time_lasts_at_least_until_it_was_last_told_whatever_a_clock_says(desk):
    tell(desk, BEGAN_S, state="blind", reason_code="stalled")
    desk.clock.now_s += 900
    tell(desk, desk.clock(), state="blind", reason_code="stalled")
    desk.clock.now_s += 15
    tell(desk, desk.clock(), since_at_s=BEGAN_S - 7200)  # its clock was set forward in between
    assert kept(desk) == [(0.0, 900.0, "stalled")]


def test_what_impairs_a_zone_alone_and_what_impairs_all_of_its_camera_are_two_times(desk):
    """Else the other zones of the camera read as watched: the word of a zone hides none of them."""
    desk.see("impaired", "zone_hidden")
    desk.clock.now_s += 100
    desk.see("impaired", "camera_defocused")
    assert kept(desk) == [(100.0, None, "camera_defocused"), (0.0, 100.0, "zone_hidden")]


MOMENTS = st.integers(0, 60)
TIMES = st.lists(
    st.tuples(
        MOMENTS, MOMENTS | st.none(), st.sampled_from(["blind", "impaired"]), st.sampled_from(["", "door", "hall"])
    ),
    max_size=9,
)


@pytest.fixture(scope="module")
def one_desk(tmp_path_factory):
    console = build(Settings(folder=tmp_path_factory.mktemp("sums")), lambda: BEGAN_S)
    with console.database.write() as connection:
        nodes.add(connection, "n1", "Kim Đồng", "", BEGAN_S)
    yield console
    console.database.close()


@settings(max_examples=80, derandomize=True, deadline=None)
@given(TIMES, st.tuples(MOMENTS, MOMENTS).map(sorted), st.sampled_from(["", "door"]), st.sampled_from([{}, {1: 40.0}]))
def test_the_sum_is_how_many_seconds_lie_in_any_of_the_times(one_desk, keep_times, times, span, zone, unheard):
    with one_desk.database.write() as connection:
        connection.execute(blind_time.delete())
        keep_times(connection, times)
        scope = Scope(node_id=1, camera="gate", zone=zone)
        found = unseen.totals(connection, scope, Span(*map(float, span)), unheard).get((1, "gate"), unseen.Total())
    seconds: dict[str, set[int]] = {"blind": set(), "impaired": set()}
    for begin, end, state, where in times:
        if where in ("", zone):
            until = unheard.get(1, span[1]) if end is None else max(begin, end)
            seconds[state] |= set(range(max(begin, span[0]), int(min(until, span[1]))))
    assert found == unseen.Total(len(seconds["blind"]), len(seconds["impaired"] - seconds["blind"]))


def test_the_words_of_the_sum_are_as_few_among_thousands_of_boxes_that_are_not_heard(desk, keep_times):
    """They were two for each box, four times over: ten seconds to write down, and SQLite takes 32,766 of them."""
    with desk.console.database.write() as connection:
        keep_times(connection, [(BEGAN_S, None, "blind", "")])
        unheard = dict.fromkeys(range(1, 20_000), BEGAN_S + 50)
        found = unseen.totals(connection, Scope(), Span(BEGAN_S, BEGAN_S + 350), unheard)
        assert found == {(1, "gate"): unseen.Total(50.0, 0.0)}
        told: list[int] = []
        event.listen(connection, "before_cursor_execute", lambda *all_of_it: told.append(len(all_of_it[3])))
        for number in (1, 20):
            unseen.totals(connection, Scope(), Span(BEGAN_S, BEGAN_S + 350), dict.fromkeys(range(number), BEGAN_S))
        assert told[:2] == told[2:]
