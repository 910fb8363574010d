"""What a guard sees and does in a real Chromium."""

import hashlib
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from school import BEFORE_S, deaf, failing, film_of, flood, full
from waiting import until

from console.app.factory import first_link
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.store import sessions, users
from console.web.access import session_hash

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SETTLED_MS = 800  # a key counts only once the order has stood still for a moment


def unchanged(page: Page) -> None:
    """Marks a page, so that a reload would show."""
    page.evaluate("window.unchanged = true")


def test_the_first_administrator_comes_by_the_link(window, school):
    page = window(None).new_page()
    page.goto(first_link(school.console.database, school.address, wall_s))
    page.fill("[name=name]", "Lan")
    page.fill("[name=password]", "mat-khau-dai")
    page.fill("[name=again]", "mat-khau-dai")
    page.click("button.primary")
    expect(page.locator(".empty")).to_contain_text("Không có camera nào quan sát")
    page.click("[lang=en]")
    expect(page.locator(".empty")).to_contain_text("Nobody is watching")


def test_an_alert_appears_by_itself_and_is_acknowledged_by_key(page, school):
    unchanged(page)
    school.health()
    expect(page.locator("p.sees")).to_contain_text("camera đang quan sát")
    school.event("fence", severity="high")
    expect(page.locator(".alert")).to_contain_text("Người lảng vảng", timeout=5000)
    expect(page.locator(".alert")).to_contain_text("Lối vào cổng sau")  # what people call the zone, not its key
    expect(page).to_have_title("(1) Gatehouse", timeout=6000)
    school.event("gate", severity="critical")
    expect(page.locator(".alert").first).to_contain_text("Khẩn cấp", timeout=5000)
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("a")
    expect(page.locator(".alert.acknowledged")).to_contain_text("Cổng chính", timeout=5000)
    page.click("[data-acknowledge]")
    expect(page.locator(".alert.acknowledged")).to_have_count(2, timeout=5000)
    assert page.evaluate("window.unchanged")


def test_arrows_choose_and_keys_act_on_what_is_chosen(page, school):
    school.health()
    for camera, severity in (("gate", "critical"), ("fence", "high"), ("yard", "low")):
        school.event(camera, severity=severity)
    expect(page.locator(".alert.new")).to_have_count(3, timeout=6000)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(page.locator(".alert.acknowledged")).to_contain_text("Cổng sau", timeout=5000)
    until(page, "document.activeElement.closest('.alert')?.textContent.includes('Cổng nhà xe')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/*")
    page.wait_for_load_state()
    page.keyboard.press("a")
    expect(page.locator("#actions")).to_contain_text("Đã tiếp nhận")
    page.wait_for_load_state()
    page.keyboard.press("Escape")
    expect(page.locator(".alert.acknowledged")).to_have_count(2)


def test_it_rings_after_one_click_until_somebody_takes_it_on(page, school):
    school.health()
    expect(page.locator("#sound")).to_contain_text("Chuông tắt")
    page.click("#sound")
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    before = int(page.get_attribute("#sound", "data-rung") or 0)
    event = school.event()
    expect(page.locator(".alert.new")).to_have_count(1, timeout=5000)
    until(page, f"Number(document.querySelector('#sound').dataset.rung) >= {before + 2}", 12)
    school.handle(event)
    expect(page.locator(".alert.acknowledged")).to_have_count(1, timeout=5000)
    rung = page.get_attribute("#sound", "data-rung")
    page.wait_for_timeout(4500)
    assert page.get_attribute("#sound", "data-rung") == rung


def test_the_clip_comes_plays_and_the_box_follows(page, school):
    school.health()
    event = school.event()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("[data-waiting]")).to_be_visible()
    unchanged(page)
    school.bring_evidence(event)
    page.wait_for_selector("video", timeout=8000)
    until(page, "document.querySelector('video').currentTime > 1")
    page.evaluate("document.querySelector('video').pause()")
    samples = next(track["samples"] for track in film_of("gate").tracks() if track["subject"])
    seen = [sample for sample in samples if sample[0] in (round(BEFORE_S - 2, 1), round(BEFORE_S, 1))]
    assert len(seen) == 2
    assert abs(seen[1][1] - seen[0][1]) > 0.02  # the person walks
    for at_s, left, *_ in seen:
        page.evaluate(f"document.querySelector('video').currentTime = {at_s + 0.01}")
        until(page, f"Math.abs(document.querySelector('canvas').dataset.left - {left}) < 0.02")
    page.uncheck("#frames")
    expect(page.locator("#player canvas")).to_be_hidden()
    assert page.evaluate("window.unchanged")


def test_the_picture_is_shown_with_and_without_what_is_drawn_on_it(page, school):
    event = school.event()
    school.bring_evidence(event)
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator(".drawn img").first).to_be_visible()
    expect(page.locator(".drawn .plain")).to_be_hidden()
    page.uncheck("#marks")
    expect(page.locator(".drawn .plain img")).to_be_visible()
    expect(page.locator(".drawn svg")).to_be_hidden()


def test_what_is_downloaded_has_the_hash_that_is_shown(page, school):
    event = school.event()
    school.bring_evidence(event)
    page.goto(f"{school.address}/alerts/{event.event_id}")
    for row in page.locator(".files li").filter(has=page.locator("code")).all():
        with page.expect_download() as download:
            row.locator("a").click()
        data = Path(download.value.path()).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row.locator("code").inner_text()
    assert page.locator(".files code").count() == 4


def test_an_alert_is_closed_with_a_reason_and_what_is_written_survives_news(page, school):
    event = school.event()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    page.click("[data-step=close]")
    page.fill("#closing textarea", "Đón con muộn")
    school.bring_evidence(event)
    page.wait_for_selector("video", timeout=8000)
    page.click("#closing [value=parent_or_carer]")
    for words in ("Đã đóng", "Phụ huynh", "Đón con muộn"):
        expect(page.locator("#actions")).to_contain_text(words)


def test_what_is_wrong_is_told_in_words(page, school):
    event = failing(school)
    expect(page.locator(".banner.blind")).to_contain_text("mất tín hiệu", timeout=5000)
    page.goto(f"{school.address}/cameras")
    expect(page.locator(".camera.blind").first).to_contain_text("Mất hình")
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("#media")).to_contain_text("Không có video")


def test_a_cut_is_told_and_mended(page, school):
    unchanged(page)
    school.health()
    school.event("gate")
    expect(page.locator(".alert")).to_have_count(1, timeout=5000)
    school.shut()
    expect(page.locator("#stale")).to_contain_text("Mất kết nối từ", timeout=25000)
    expect(page).to_have_title("⚠ Gatehouse")
    assert not page.locator(".there").first.is_visible()  # nobody knows now
    school.event("fence")  # the broker brings what happened meanwhile
    school.open()
    expect(page.locator(".alert")).to_have_count(2, timeout=30000)
    expect(page.locator("#stale")).to_be_hidden(timeout=10000)
    assert page.evaluate("window.unchanged")


def test_all_tabs_share_one_stream(window, school):
    context = window()
    tabs = [context.new_page() for _ in range(8)]  # a browser opens six connections to one console
    for tab in tabs:
        tab.goto(school.address)
    school.health()
    school.event()
    for tab in tabs:
        expect(tab.locator(".alert")).to_have_count(1, timeout=10000)
    assert school.streams() == 1


def test_a_browser_without_shared_workers_follows_by_itself(window, school):
    context = window()
    context.add_init_script("delete window.SharedWorker")
    page = context.new_page()
    page.goto(school.address)
    school.event()
    expect(page.locator(".alert")).to_have_count(1, timeout=5000)


def end(school) -> None:
    with school.console.database.write() as connection:
        sessions.end(connection, session_hash(hashlib.sha256(b"guard").hexdigest()))


def remove(school) -> None:
    with school.console.database.write() as connection:
        users.disable(connection, users.credentials(connection, "guard")[0].id, wall_s())


@pytest.mark.parametrize("lose", [end, remove])
def test_who_is_sent_away_sees_and_hears_nothing_more(page, school, lose):
    deadline_s = time.monotonic() + 10
    while school.streams() == 0:
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(50)
    lose(school)
    page.wait_for_url("**/sign-in", timeout=15000)
    while school.streams():
        assert time.monotonic() < deadline_s + 10
        page.wait_for_timeout(50)


def test_police_look_and_do_not_act(window, school):
    school.sign_in("guard", Role.GUARD)
    event, _ = full(school)
    page = window(Role.POLICE).new_page()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("#evidence code")).to_have_count(4)
    assert page.locator("[data-step]").count() == 0
    page.keyboard.press("a")
    page.goto(school.address)
    assert page.locator("[data-acknowledge]").count() == 0


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
def test_no_page_is_wider_than_a_small_phone(window, school, locale):
    school.sign_in("guard", Role.GUARD)
    failing(school)
    event, closed = full(school)
    page = window(Role.ADMINISTRATOR, locale, viewport={"width": 320, "height": 640}).new_page()
    for path in ("/", "/cameras", f"/alerts/{event.event_id}", f"/alerts/{closed.event_id}", "/alerts/none"):
        page.goto(school.address + path)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, path


def test_a_flood_stays_readable(page, school):
    flood(school)
    page.goto(school.address)
    expect(page.locator(".alert.new")).to_have_count(200)
    expect(page.locator(".alert").first).to_contain_text("Khẩn cấp")
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("a")
    expect(page.locator(".alert.new")).to_have_count(199, timeout=10000)
    late = page.locator(".alert.new").nth(50)
    expect(late.locator("[data-acknowledge]")).to_be_visible()
    expect(late.locator("[data-open]")).to_be_visible()
    assert late.bounding_box()["height"] < 70
    late.locator("[data-acknowledge]").click()
    expect(page.locator(".alert.new")).to_have_count(198, timeout=10000)


def test_a_console_that_hears_no_box_is_not_live(page, school):
    school.health()
    expect(page.locator(".live")).to_be_visible()
    event = deaf(school)
    expect(page.locator(".deaf")).to_contain_text("không nghe được thiết bị nào", timeout=30000)
    expect(page.locator(".live")).to_be_hidden()
    expect(page).to_have_title("⚠ Gatehouse", timeout=6000)
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("#media .drawn img").first).to_be_visible()  # the picture, until the clip comes
    expect(page.locator("[data-waiting]")).to_be_visible()


def test_who_comes_second_is_told_who_was_first(window, school):
    event = school.event()
    slow = window(Role.GUARD).new_page()
    slow.route("**/wall", lambda route: route.abort())  # has not heard yet that somebody was faster
    slow.goto(school.address)
    fast = window(Role.ADMINISTRATOR).new_page()
    fast.goto(f"{school.address}/alerts/{event.event_id}")
    fast.keyboard.press("a")
    expect(fast.locator("#actions")).to_contain_text("Đã tiếp nhận")
    slow.wait_for_timeout(SETTLED_MS)
    slow.keyboard.press("a")
    expect(slow.locator("#told")).to_contain_text("administrator đã tiếp nhận lúc ")


def test_the_hash_of_the_facts_is_shown_to_who_got_them(page, school):
    event = school.event()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    with page.expect_download() as download:
        page.click("a[href$='facts.json']")
    sha256 = hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest()
    expect(page.locator("#evidence")).to_contain_text(sha256, timeout=10000)


def test_a_key_that_comes_too_soon_is_answered_and_one_for_a_chosen_alert_counts_in_a_flood(page, school):
    school.health()
    for camera in ("gate", "fence"):
        school.event(camera, severity="low")
    expect(page.locator(".alert.new")).to_have_count(2, timeout=6000)
    page.evaluate(  # a key in the very moment in which another alert comes to the top
        """() => new MutationObserver((_, watcher) => {
            if (document.querySelectorAll(".alert.new").length < 3) return;
            watcher.disconnect();
            setTimeout(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "a" })), 1);
        }).observe(document.querySelector("#wall"), { childList: true, subtree: true })"""
    )
    school.event("yard", severity="critical")
    expect(page.locator("#told")).to_contain_text("Một cảnh báo khác vừa đến", timeout=6000)
    assert page.locator(".alert.acknowledged").count() == 0
    chosen = page.locator(".alert.new").nth(2)
    event_id = chosen.get_attribute("data-id")
    chosen.locator("[data-open]").focus()
    for number in range(30):
        school.event("gate", severity="critical", ago_s=number, zone=f"Đoạn rào {number}")
    expect(page.locator(".alert.new")).to_have_count(33, timeout=10000)
    page.keyboard.press("a")
    expect(page.locator(f"#in-hand #a-{event_id}")).to_be_visible(timeout=10000)
    expect(page.locator("#told")).to_be_hidden()


def test_a_chosen_alert_that_leaves_the_wall_is_told_and_no_other_is_taken_on(page, school):
    school.health()
    event = school.event("gate")
    expect(page.locator(".alert.new")).to_have_count(1, timeout=6000)
    page.locator(".alert.new [data-open]").focus()
    page.route("**/wall*", lambda route: route.fulfill(body="<div class='summary' data-rings='0'></div>"))
    school.event("fence")
    expect(page.locator("#told")).to_contain_text("Cảnh báo đang chọn không còn ở đây", timeout=6000)
    page.keyboard.press("a")
    assert event.event_id not in page.content()


@pytest.mark.parametrize("path", ["/", "/cameras", "alert", "closed"])
def test_a_finger_hits_what_it_is_meant_to(window, school, path):
    school.sign_in("guard", Role.GUARD)
    event, closed = full(school)
    page = window(Role.ADMINISTRATOR, viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    alerts = {"alert": f"/alerts/{event.event_id}", "closed": f"/alerts/{closed.event_id}"}
    page.goto(school.address + alerts.get(path, path))
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, summary, nav a, .clip, .members a, .switch, .back a")]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
            .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim()}`)"""
    )
    assert small == []


def test_an_alert_without_a_clip_leaves_no_hole(page, school):
    event = failing(school)
    page.goto(f"{school.address}/alerts/{event.event_id}")
    media, why = page.locator("#media").bounding_box(), page.locator("#reasons-why").bounding_box()
    assert why["y"] - (media["y"] + media["height"]) < 30
