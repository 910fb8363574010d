"""What guards do with alerts by keyboard, two of them at once, in a real Chromium."""

import pytest
from playwright.sync_api import Page, expect
from waiting import until

from console.domain.access import Role
from console.store import site_setup

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SETTLED_MS = 800  # a key counts only once the order has stood still for a moment


def history(page: Page) -> list[str]:
    return [" ".join(one.split()) for one in page.locator("#history li").all_inner_texts()]


@pytest.fixture
def two(window, school) -> tuple[Page, Page]:
    """The walls of Lan (a guard) and Hùng (an administrator)."""
    pages = []
    for name, role in (("Lan", Role.GUARD), ("Hùng", Role.ADMINISTRATOR)):
        context = window(None)
        context.add_cookies([school.sign_in(name, role)])
        page = context.new_page()
        page.goto(school.address)
        pages.append(page)
    return pages[0], pages[1]


def test_the_whole_life_of_an_alert_by_keyboard_with_two_guards_at_once(two, school):
    lan, hung = two
    school.health()
    event = school.event("gate", severity="high")
    for page in two:
        expect(page.locator("#new .alert")).to_contain_text("Cổng chính", timeout=6000)
        page.evaluate("window.unchanged = true")
    lan.wait_for_timeout(SETTLED_MS)
    hung.route("**/wall*", lambda route: route.abort())  # Hùng has not heard yet that Lan was faster
    lan.keyboard.press("a")
    expect(lan.locator("#in-hand .alert")).to_contain_text("Đã tiếp nhận", timeout=5000)
    hung.keyboard.press("a")
    expect(hung.locator("#told")).to_contain_text("Lan đã tiếp nhận lúc ", timeout=5000)
    hung.unroute("**/wall*")
    expect(hung.locator("#in-hand .alert")).to_contain_text("Lan", timeout=25000)

    hung.keyboard.press("ArrowDown")
    hung.keyboard.press("Enter")  # Hùng looks at the alert's page from here on
    hung.wait_for_url(f"**/alerts/{event.event_id}")
    expect(hung.locator(".standing")).to_contain_text("Đã tiếp nhận Lan")
    hung.evaluate("window.unchanged = true")

    lan.keyboard.press("ArrowDown")
    lan.keyboard.press("s")
    expect(lan.locator("#in-hand .work")).to_contain_text("Đang xử lý", timeout=5000)
    lan.keyboard.press("n")
    lan.keyboard.type("Mẹ cháu An, lớp 2B")
    lan.keyboard.press("Enter")
    expect(hung.locator("#history")).to_contain_text("Mẹ cháu An, lớp 2B", timeout=5000)
    lan.keyboard.press("h")
    expect(lan.locator("#in-hand .work")).to_contain_text("Tạm hoãn", timeout=5000)
    expect(hung.locator(".standing")).to_contain_text("Tạm hoãn", timeout=5000)
    hung.keyboard.press("s")  # it is Lan's
    expect(hung.locator("#told")).to_contain_text("Lan đã tiếp nhận lúc ")
    hung.keyboard.press("t")
    expect(hung.locator(".standing")).to_contain_text("Hùng", timeout=5000)
    expect(hung.locator("#told")).to_be_hidden()
    hung.keyboard.press("s")
    expect(hung.locator(".standing")).to_contain_text("Đang xử lý", timeout=5000)
    hung.keyboard.press("p")
    hung.keyboard.press("4")
    expect(hung.locator("h1")).to_contain_text("Thấp", timeout=5000)
    hung.keyboard.press("c")
    hung.keyboard.press("2")
    expect(hung.locator(".outcome")).to_have_text("Phụ huynh, người đón", timeout=5000)
    expect(lan.locator("#closed .alert")).to_contain_text("Phụ huynh, người đón", timeout=5000)
    assert [line[9:] for line in history(hung)] == [
        "Chuông báo động.",
        "Lan đã tiếp nhận",
        "Lan bắt đầu xử lý",
        "Lan ghi chú: Mẹ cháu An, lớp 2B",
        "Lan tạm hoãn",
        "Hùng nhận thay Lan",
        "Hùng xử lý tiếp",
        "Hùng đổi mức ưu tiên từ Cao thành Thấp",
        "Hùng đóng: Phụ huynh, người đón",
    ]
    correct_and_open_again(hung, lan)
    for page in two:
        assert page.evaluate("window.unchanged")  # all of it live, nothing reloaded


def correct_and_open_again(hung: Page, lan: Page) -> None:
    """Hùng has closed it with the wrong outcome, and too early."""
    hung.keyboard.press("e")  # it was a pupil
    hung.keyboard.type("lớp 2B")
    hung.keyboard.press("Tab")
    hung.keyboard.press("3")
    expect(hung.locator(".outcome")).to_have_text("Học sinh", timeout=5000)
    hung.keyboard.press("r")
    hung.keyboard.type("còn một em nữa")
    hung.keyboard.press("Enter")
    expect(hung.locator(".standing")).to_contain_text("Đang xử lý", timeout=5000)
    expect(lan.locator("#in-hand .alert")).to_contain_text("Hùng", timeout=5000)
    assert [line[9:] for line in history(hung)][-2:] == [
        "Hùng sửa kết quả từ Phụ huynh, người đón thành Học sinh: lớp 2B",
        "Hùng mở lại (kết quả trước đó: Học sinh): còn một em nữa",
    ]


def test_the_life_of_an_alert_on_its_page_by_keyboard(page, school):
    event = school.event()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    for key, state in (("a", "Đã tiếp nhận"), ("s", "Đang xử lý"), ("h", "Tạm hoãn"), ("s", "Đang xử lý")):
        page.keyboard.press(key)
        expect(page.locator(".standing")).to_contain_text(state, timeout=5000)
    page.keyboard.press("c")
    expect(page.locator("#closing")).to_be_visible()
    page.keyboard.press("Escape")  # leaves the question, not the page
    expect(page.locator("#closing")).to_be_hidden()
    page.keyboard.press("c")
    page.locator("#closing textarea").focus()
    page.keyboard.type("Lớp 2B, 7 giờ")  # a figure in a note is no reason
    expect(page.locator("#closing")).to_be_visible()
    page.locator("#closing h2").focus()
    page.keyboard.press("3")
    expect(page.locator("#actions")).to_contain_text("Lớp 2B, 7 giờ", timeout=5000)
    expect(page.locator(".outcome")).to_have_text("Học sinh")
    page.keyboard.press("n")
    page.keyboard.type("Đã báo cô chủ nhiệm")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("Đã báo cô chủ nhiệm", timeout=5000)
    page.keyboard.press("Escape")
    page.wait_for_url(school.address + "/")


def test_a_second_loiterer_rings_again_in_the_same_card_and_one_key_acts_on_all(page, school):
    school.health()
    first = school.event("gate", ago_s=60)
    expect(page.locator("#new .alert")).to_have_count(1, timeout=6000)
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("a")
    expect(page.locator("#in-hand .alert")).to_have_count(1, timeout=5000)
    assert page.get_attribute(".summary", "data-rings") == "0"
    second, third = school.event("gate", ago_s=20), school.event("gate", ago_s=4)
    expect(page.locator("#new .alert .of")).to_have_text("3 cảnh báo · 2 mới", timeout=5000)
    assert page.get_attribute(".summary", "data-rings") == "2"
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("a")
    expect(page.locator("#in-hand .alert .of")).to_have_text("3 cảnh báo", timeout=5000)
    page.keyboard.press("c")
    expect(page.locator("#closing [data-about]")).to_contain_text("cả 3 cảnh báo")
    page.keyboard.press("4")
    expect(page.locator("#closed .alert .of")).to_have_text("3 cảnh báo", timeout=5000)
    for event in (first, second, third):
        page.goto(f"{school.address}/alerts/{event.event_id}")
        expect(page.locator(".outcome")).to_have_text("Nhân viên trường")
    page.keyboard.press("ArrowUp")
    page.wait_for_url(f"**/alerts/{second.event_id}")


def test_a_key_meant_for_one_takes_on_no_other_that_has_just_joined_its_card(page, school):
    school.health()
    school.event("gate", ago_s=30)
    expect(page.locator("#new .alert")).to_have_count(1, timeout=6000)
    page.locator("#new [data-open]").focus()
    page.evaluate(  # the key comes in the very moment in which the second one shows
        """() => new MutationObserver((_, watcher) => {
            if (!document.querySelector(".alert .of")) return;
            watcher.disconnect();
            setTimeout(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "a" })), 1);
        }).observe(document.querySelector("#wall"), { childList: true, subtree: true })"""
    )
    school.event("gate", ago_s=3)
    expect(page.locator("#told")).to_contain_text("Một cảnh báo khác vừa đến", timeout=6000)
    assert page.get_attribute(".summary", "data-rings") == "2"
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("a")
    expect(page.locator("#in-hand .alert")).to_have_count(1, timeout=5000)


def test_neighbouring_cameras_ring_as_one_card(page, school):
    school.health()
    with school.console.database.write() as connection:
        here = site_setup.cameras(connection, 1)
        site_setup.set_areas(connection, 1, {one.id: "Mặt trước" for one in here if one.name in ("gate", "street")})
    for camera in ("gate", "street", "yard"):
        school.event(camera, severity="high")
    expect(page.locator("#new .alert")).to_have_count(2, timeout=6000)
    card = page.locator("#new .alert", has=page.locator(".of"))
    expect(card).to_contain_text("Cổng chính")
    expect(card).to_contain_text("Cổng phụ đường Nguyễn Huệ")


def test_the_help_and_the_full_screen_have_a_key_on_both_pages(page, school):
    event = school.event()
    for path in ("/", f"/alerts/{event.event_id}"):
        page.goto(school.address + path)
        page.keyboard.press("?")
        expect(page.locator("#help")).to_contain_text("Tiếp nhận")
        page.keyboard.press("a")  # the help is open: keys act on nothing
        page.keyboard.press("Escape")
        expect(page.locator("#help")).to_be_hidden()
        page.keyboard.press("f")
        until(page, "document.fullscreenElement !== null")
        page.keyboard.press("f")
        until(page, "document.fullscreenElement === null")
    expect(page.locator(".standing")).to_contain_text("Mới")


def test_police_read_what_was_done_and_have_no_keys(window, school):
    event = school.event()
    school.sign_in("guard", Role.GUARD)
    school.handle(event)
    page = window(Role.POLICE).new_page()
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("#history")).to_contain_text("guard đã tiếp nhận")
    for key in "ashtcnp":
        page.keyboard.press(key)
    assert page.locator("dialog[open], [data-step]").count() == 0
    page.keyboard.press("?")
    expect(page.locator("#help")).not_to_contain_text("Tiếp nhận")


def test_instructions_are_written_on_their_page_and_read_on_the_alerts(window, school):
    school.health()
    event, lens = school.event("gate"), school.event("yard", rule="camera_covered", severity="high")
    page = window(Role.ADMINISTRATOR).new_page()
    page.goto(school.address)
    page.click(".menu summary")
    page.click(".menu a[href='/instructions']")
    page.fill("#loitering textarea", "Ra cổng hỏi.\nGọi cô Hạnh <trực ban>.")
    page.click("#loitering button")
    expect(page.locator(".saved")).to_contain_text("Đã lưu")
    expect(page.locator("#loitering textarea")).to_have_value("Ra cổng hỏi.\nGọi cô Hạnh <trực ban>.")
    page.locator("#areas input:not([type=hidden])").first.fill("  Mặt   sau ")
    page.click("#areas button")
    expect(page.locator("#areas input:not([type=hidden])").first).to_have_value("Mặt sau")
    guard = window(Role.GUARD).new_page()
    guard.goto(f"{school.address}/alerts/{event.event_id}")
    expect(guard.locator("#instruction")).to_contain_text("Gọi cô Hạnh <trực ban>.")
    expect(guard.locator(".menu a[href='/account']")).to_have_count(1)
    expect(guard.locator(".menu a[href='/instructions']")).to_have_count(0)
    guard.goto(f"{school.address}/alerts/{lens.event_id}")
    expect(guard.locator("#instruction")).to_have_count(0)
