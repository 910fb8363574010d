"""The wall of pictures with its live view, and the plan, in a real Chromium."""

import io
from dataclasses import replace

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from school import NODE, film_of
from waiting import until
from whep_server import LOGIN, media_server

from console.domain.access import EVERYWHERE, Role
from console.store import audit
from console.web.whep import LiveSource

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def acts(school) -> list[str]:
    school.console.web.state.context.notes.flush()
    with school.console.database.read() as connection:
        return [one.action for one in audit.listing(connection, EVERYWHERE, (), None, 50)]


def test_pictures_are_renewed_while_they_are_seen_and_light_up(page, school):
    asked: list[str] = []
    state = school.console.web.state
    state.context = replace(state.context, send_still=lambda node, camera: asked.append(camera) is None)
    cameras = ("gate", "fence")  # each that is drawn takes seconds
    school.health(cameras=cameras)
    school.stills(("gate",))
    page.goto(f"{school.address}/pictures")
    expect(page.locator(".pic")).to_have_count(2)
    gate = page.locator("#p-hoa-sen-1-gate")
    for _ in range(100):
        gate.locator("[data-since]").evaluate("one => one.setAttribute('data-since', '1')")  # as old as can be
        page.wait_for_timeout(100)
        if "gate" in asked:
            break
    assert "gate" in asked
    before = gate.locator("img").get_attribute("src")
    school.bring_still("gate", film_of("gate").still())
    until(page, f"document.querySelector('#p-hoa-sen-1-gate img').getAttribute('src') !== '{before}'")
    until(page, "Number(document.querySelector('#p-hoa-sen-1-gate b').dataset.since) > 1e9")
    asked.clear()
    page.evaluate(  # nobody sees it any more
        """() => {
            Object.defineProperty(document, "hidden", { get: () => true });
            for (const age of document.querySelectorAll(".pic b")) age.setAttribute("data-since", "1");
        }"""
    )
    page.wait_for_timeout(2500)
    assert asked == []
    event = school.event("gate", severity="high")
    expect(page.locator("#p-hoa-sen-1-gate.lit.rings.high .alarm")).to_contain_text("chưa ai tiếp nhận", timeout=8000)
    school.health({"fence": ("blind", "stalled")}, cameras)
    expect(page.locator("#p-hoa-sen-1-fence.blind")).to_contain_text("Mất hình", timeout=8000)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#look .fault, #look .age").first).to_be_visible()
    assert page.locator("#look [data-live]").count() == 0  # no media server is named
    page.keyboard.press("Escape")
    page.click("#p-hoa-sen-1-gate .alarm a")
    page.wait_for_url(f"**/alerts/{event.event_id}")
    assert acts(school).count("pictures") == 1


def test_a_camera_is_watched_live_and_that_stands_in_the_record(page, school):
    school.health(cameras=("gate", "fence"))
    school.stills(("gate",))
    with media_server() as server:
        state = school.console.web.state
        address = f"http://127.0.0.1:{server.port}/{{node}}/{{camera}}/whep"
        state.context = replace(state.context, live=LiveSource(address, LOGIN))
        page.goto(f"{school.address}/pictures")
        page.locator("#p-hoa-sen-1-gate [data-look]").click()
        page.keyboard.press("l")
        expect(page.locator("#look video")).to_be_visible(timeout=15000)
        until(page, "(one => one.videoWidth === 320 && one.currentTime > 1)(document.querySelector('video'))")
        expect(page.locator("#look-told")).to_contain_text("Trực tiếp")
        assert server.asked[0][0] == f"/{NODE}/gate/whep"
        assert "live" in acts(school)
        server.frozen = True
        expect(page.locator("#look-told")).to_contain_text("bị ngắt", timeout=12000)
        expect(page.locator("#look video")).to_be_hidden()
        page.keyboard.press("Escape")
        until(page, "document.querySelector('video').srcObject === null")
        page.locator("#p-hoa-sen-1-fence [data-look]").click()
        page.click("[data-live]")
        expect(page.locator("#look-told")).to_contain_text("không có hình trực tiếp")
    page.click("[data-live]")
    expect(page.locator("#look-told")).to_contain_text("không kết nối được", timeout=10000)


def plan_of(width: int = 1600, height: int = 1000) -> bytes:
    target = io.BytesIO()
    Image.new("RGBA", (width, height), (200, 220, 210, 120)).save(target, "PNG")
    return target.getvalue()


def spot(page: Page, name: str) -> tuple[float, float]:
    mark = page.locator(f"[id='m-{NODE}-{name}']")
    return float(mark.get_attribute("data-x")), float(mark.get_attribute("data-y"))


def test_a_plan_is_brought_arranged_by_pointer_and_keys_and_lights_up(window, school):
    school.health(cameras=("gate", "fence"))
    page = window(Role.INSTALLER).new_page()
    page.goto(f"{school.address}/plan")
    page.set_input_files("input[type=file]", {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.click(".bring button")
    expect(page.locator("#told")).to_contain_text("Không đọc được tệp này")
    page.set_input_files("input[type=file]", {"name": "x.png", "mimeType": "image/png", "buffer": plan_of()})
    page.click(".bring button")
    with page.expect_navigation():
        page.click("text=Sắp xếp")
    page.click("[data-add][data-camera=gate][data-zone='']")
    expect(page.locator(f"[id='m-{NODE}-gate-'] button")).to_be_focused()
    before = spot(page, "gate-")
    for key in ("Shift+ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator("#saved")).to_contain_text("Đã lưu: Cổng chính")
    x, y = spot(page, "gate-")
    assert (round(x - before[0], 3), round(y - before[1], 3)) == (0.055, -0.05)
    page.click("[data-add][data-camera=gate][data-zone=gate-zone]")
    zone = page.locator(f"[id='m-{NODE}-gate-gate-zone'] button")
    expect(zone).to_be_focused()
    box, sheet = zone.bounding_box(), page.locator(".sheet").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(sheet["x"] + 5, sheet["y"] + 5, steps=5)
    page.mouse.up()
    assert max(spot(page, "gate-gate-zone")) < 0.05
    page.wait_for_timeout(700)  # it rests, and is saved
    with page.expect_navigation():
        page.click("text=Xong")
    expect(page.locator(".sheet img")).to_be_visible()
    assert spot(page, "gate-") == (x, round(y, 4))
    assert page.locator(".spot.lit").count() == 0

    guard = window(Role.GUARD).new_page()
    guard.goto(f"{school.address}/plan")
    event = school.event("gate", severity="critical")
    expect(guard.locator(f"[id='m-{NODE}-gate-gate-zone'].lit.rings.critical")).to_be_visible(timeout=8000)
    expect(guard.locator(f"[id='m-{NODE}-gate-'].lit.rings")).to_be_visible()
    assert page.locator(".spot.lit").count() == 0  # an installer sees no alerts
    guard.locator(f"[id='m-{NODE}-gate-'] a").click()
    guard.wait_for_url(f"**/alerts/{event.event_id}")
    school.health({"gate": ("blind", "stalled")}, ("gate", "fence"))
    guard.goto(f"{school.address}/plan")
    expect(guard.locator(f"[id='m-{NODE}-gate-'].blind")).to_be_visible()
    page.goto(f"{school.address}/plan?edit=true")
    page.locator(f"[id='m-{NODE}-gate-'] button").focus()
    page.keyboard.press("Delete")
    expect(page.locator("[data-add][data-camera=gate][data-zone='']")).to_be_visible()
    assert {"plan", "plan_mark"} <= set(acts(school))
