"""The wall through a night: how it rings, whom a key means, what is read from afar, how tabs share a connection."""

import time

import pytest
from playwright.sync_api import expect
from school import School
from sqlalchemy import select
from waiting import until

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.alert_work import Act, Step
from console.domain.channel import ChannelKind
from console.domain.wall_watch import CHANNEL_FAILURES
from console.store import alert_work, channels, users
from console.store.escalation_tables import wall_page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
RUNG = "Number(document.querySelector('#sound').dataset.rung ?? 0)"


def step(school: School, name: str, event_id: str, what: Step) -> None:
    with school.console.database.write() as connection:
        user = next(one for one in users.listing(connection) if one.name == name)
        (came_of,) = alert_work.act(connection, [event_id], Act(what, user.id), wall_s())
        assert not came_of.refused


def test_it_rings_as_urgent_as_it_is_once_for_each_and_says_when_nobody_hears(page, school):
    sound = page.locator("#sound")
    school.event("gate", severity="low", zone="a")
    expect(page.locator(".unheard.off")).to_be_visible(timeout=6000)
    page.click("#sound")
    expect(page.locator(".unheard.off")).to_be_hidden()
    expect(sound).to_have_attribute("data-song", "low")
    until(page, f"{RUNG} >= 2", 40)  # it rings every fifteen seconds
    urgent = school.event("gate", severity="critical", zone="b")
    until(page, "document.querySelector('#sound').dataset.song === 'critical'", 6)
    before = page.evaluate(RUNG)
    until(page, f"{RUNG} >= {before + 2}", 6)  # every two seconds
    school.handle(urgent)
    until(page, "document.querySelectorAll('.alert.acknowledged').length === 1", 6)
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    rung = page.evaluate(RUNG)
    school.shut()  # a cut that is over before anybody is told of it: what came meanwhile rings, and nothing rings twice
    school.event("gate", severity="high", zone="c")
    school.open()
    until(page, "document.querySelectorAll('.alert.new').length === 2", 20)
    expect(sound).to_have_attribute("data-song", "high")
    assert page.evaluate(RUNG) == rung + 1
    page.evaluate("document.querySelector('#sound').click()")
    expect(sound).to_have_attribute("data-state", "off")
    expect(page.locator(".unheard.off")).to_be_visible()


def test_what_is_wrong_with_the_watch_rings_at_once_and_ends_on_every_wall(page, window, school):
    with school.console.database.write() as connection:
        seal = school.console.web.state.context.seal
        way = channels.add(connection, seal, 1, "SMS", ChannelKind.SMS, "twilio://AC00:secret@84281234567/{to}")
        for _ in range(CHANNEL_FAILURES):
            channels.note_result(connection, way, "401", wall_s())
    expect(page.locator(".watch-fault[role=alert]")).to_be_visible(timeout=8000)  # the watch looks every 5 s
    expect(page.locator(".unheard.off")).to_be_visible()
    page.click("#sound")
    until(page, "document.querySelector('#sound').dataset.song === 'high'", 6)
    colleague = window(Role.SUPERVISOR).new_page()
    colleague.goto(school.address)
    colleague.click(".watch-fault button")
    expect(page.locator(".watch-fault[role=status]")).to_contain_text("supervisor", timeout=6000)
    expect(page.locator(".unheard.off")).to_be_hidden()


def test_whoever_looks_at_one_alert_hears_the_next_one(page, school):
    """On the way there the sound stays on; and the page says of itself whether it can be heard."""
    first = school.event("gate", severity="low", zone="a")
    page.click("#sound")
    for path in (f"/alerts/{first.event_id}", "/pictures", "/plan", "/search", "/account"):
        page.goto(school.address + path)
        expect(page.locator("#ringing-number")).to_have_text("1", timeout=6000)
        expect(page.locator("#sound")).to_have_attribute("data-song", "low", timeout=6000)
    school.handle(school.event("gate", severity="high", zone="b"))
    urgent = school.event("gate", severity="critical", zone="c")
    expect(page.locator("#sound")).to_have_attribute("data-song", "critical", timeout=6000)
    expect(page.locator("#ringing-number")).to_have_text("2")
    with school.console.database.read() as connection:
        assert connection.execute(select(wall_page.c.heard)).scalars().all()[-1]
    for event in (urgent, first):
        school.handle(event)
    expect(page.locator("#ringing")).to_be_hidden(timeout=6000)


def test_a_key_on_a_card_that_colleagues_share_means_ones_own(window, school):
    for name, role in (("guard", Role.GUARD), ("administrator", Role.ADMINISTRATOR)):
        school.sign_in(name, role)
    mine, theirs = (school.event("gate", ago_s=ago_s, zone="Vỉa hè") for ago_s in (20, 10))
    step(school, "guard", mine.event_id, Step.ACKNOWLEDGE)
    step(school, "administrator", theirs.event_id, Step.ACKNOWLEDGE)
    page = window().new_page()
    page.goto(school.address)
    expect(page.locator("#in-hand .alert")).to_have_count(1)
    page.locator("#in-hand [data-open]").focus()
    page.keyboard.press("s")
    expect(page.locator("#in-hand .work.in_progress")).to_be_visible(timeout=6000)
    expect(page.locator("#told")).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator("#closing [data-about]")).to_contain_text("Còn 1 cảnh báo do đồng nghiệp nhận")
    page.keyboard.press("1")
    expect(page.locator("#told")).to_be_hidden()
    with school.console.database.read() as connection:
        assert alert_work.history(connection, theirs.event_id)[-1].step == Step.ACKNOWLEDGE


def test_full_screen_is_read_from_afar(page, school):
    school.event("gate", ago_s=100)
    expect(page.locator(".alert.new")).to_have_count(1, timeout=6000)
    expect(page.locator(".board")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator(".board .waits").first).to_contain_text("1 chưa ai tiếp nhận")
    expect(page.locator(".board")).to_contain_text("1 phút")
    expect(page.locator(".bar")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator(".bar")).to_be_visible()


def test_tabs_without_shared_workers_take_turns(window, school):
    context = window()
    context.add_init_script("delete window.SharedWorker")
    first, *others = [context.new_page() for _ in range(7)]
    for tab in (first, *others):
        tab.goto(school.address)
    school.event("gate", zone="a")
    for tab in others:
        expect(tab.locator(".alert")).to_have_count(1, timeout=10000)
    assert school.streams() == 1
    first.close()  # it followed for all of them
    school.event("gate", zone="b")
    for tab in others:
        expect(tab.locator(".alert")).to_have_count(2, timeout=10000)
    deadline_s = time.monotonic() + 10
    while school.streams() != 1:
        assert time.monotonic() < deadline_s
        others[0].wait_for_timeout(50)


MUTE = """window.AudioContext = class extends EventTarget {
  state = "suspended";
  resume() { return Promise.resolve(); }
  close() { return Promise.resolve(); }
}"""


def test_of_all_tabs_of_a_browser_one_rings(window, school):
    """Two bells, each a beat behind the other, say neither how urgent it is nor how many there are."""
    context = window()
    first, second = context.new_page(), context.new_page()
    first.goto(school.address)
    first.click("#sound")
    second.goto(school.address + "/search")
    expect(second.locator("#sound")).to_have_attribute("data-state", "on")
    school.event("gate", severity="critical")
    until(first, f"{RUNG} >= 2", 10)
    expect(second.locator("#ringing-number")).to_have_text("1")
    assert second.evaluate(RUNG) == 0
    first.close()
    until(second, f"{RUNG} >= 2", 10)
    third = context.new_page()
    third.goto(school.address)
    expect(third.locator("#sound")).to_have_attribute("data-state", "on")
    second.click("#sound")
    expect(third.locator("#sound")).to_have_attribute("data-state", "off")
    expect(third.locator(".unheard.off")).to_be_visible()


def test_a_tab_that_may_not_ring_leaves_it_to_one_that_may(window, school):
    """A browser lets a tab ring only after a click in it; the one with the wall may have been opened by itself."""
    context = window()
    begun = context.new_page()
    begun.goto(school.address)
    begun.click("#sound")
    begun.close()
    mute = context.new_page()
    mute.add_init_script(MUTE)
    mute.goto(school.address)
    expect(mute.locator("#sound")).to_have_attribute("data-state", "blocked")
    other = context.new_page()
    other.goto(school.address)
    expect(mute.locator("#sound")).to_have_attribute("data-state", "on")
    school.event("gate", severity="critical")
    until(other, f"{RUNG} >= 1", 10)
    expect(mute.locator(".unheard.blocked")).to_be_hidden()
    other.close()
    expect(mute.locator(".unheard.blocked")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 640)])
def test_on_a_phone_what_rings_and_the_one_thing_to_do_stand_in_the_first_screen(window, school, width, height):
    """With the sound off, of which the wall says that nobody hears it, the button lay below the fold."""
    for n in range(3):
        school.event("gate", severity="critical", zone=f"Vỉa hè trước cổng số {n}", ago_s=60 * n)
    page = window(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True).new_page()
    page.goto(school.address)
    expect(page.locator(".unheard.off")).to_be_visible(timeout=6000)
    card = page.locator("#new .alert").first
    parts = {name: card.locator(name) for name in (".picture", ".place", ".dwell b", "[data-step=acknowledge]")}
    boxes = {name: part.bounding_box() for name, part in parts.items()}
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes.values()), boxes
    assert boxes[".dwell b"]["y"] + boxes[".dwell b"]["height"] <= boxes["[data-step=acknowledge]"]["y"], boxes
    parts["[data-step=acknowledge]"].click()
    expect(page.locator("#new .alert.new")).to_have_count(2, timeout=6000)
