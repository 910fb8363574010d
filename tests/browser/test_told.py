"""In a real Chromium: a test alarm shows what comes of it, an alert's page who was told, and a wall reports itself."""

import json
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import expect
from ports import free_port
from sqlalchemy import select

from console.domain.access import Role
from console.domain.alert import Severity
from console.domain.channel import ChannelKind
from console.domain.escalation import Duty, Ladder, LadderStep
from console.store import channels, ladders
from console.store.channels import Address, Contact
from console.store.escalation_tables import wall_page
from console.store.ladders import SiteLadder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


class Mailbox:
    """Takes every mail, and says when the first one of each recipient came."""

    def __init__(self) -> None:
        self.came_at_s: list[float] = []
        self.came = threading.Condition()

    async def handle_DATA(self, _server, _session, _envelope):
        with self.came:
            self.came_at_s.append(time.monotonic())
            self.came.notify_all()
        return "250 OK"

    def wait_for(self, number: int) -> float:
        with self.came:
            assert self.came.wait_for(lambda: len(self.came_at_s) >= number, 15)
            return self.came_at_s[number - 1]


@pytest.fixture
def mailbox(school):
    """A real SMTP server, and a ladder of two at the school: the second one has no mailbox that can be reached."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    seal = school.console.web.state.context.seal
    with school.console.database.write() as connection:
        ways = [
            channels.add(
                connection, seal, 1, name, ChannelKind.EMAIL, f"mailto://127.0.0.1:{port}?from=g@s.vn&to={{to}}"
            )
            for name, port in (("Thư", controller.port), ("Thư hỏng", free_port()))
        ]
        steps = []
        for number, (name, way) in enumerate(zip(("Hùng", "Hạnh"), ways, strict=True)):
            who = Contact(0, 1, name, "vi", (Address(way, f"p{number}@s.vn"),))
            steps.append(LadderStep(f"Bậc {number}", 0.0, (Duty(channels.keep_contact(connection, who)),)))
        ladders.keep(connection, SiteLadder(0, 1, frozenset({Severity.HIGH}), Ladder(tuple(steps))))
    yield box
    controller.stop()


def test_who_was_told_is_seen_as_it_happens(window, school, mailbox):
    page = window(Role.ADMINISTRATOR).new_page()
    page.goto(school.address + "/escalation")
    page.click("text=Gửi báo thử")
    expect(page.locator("#drill li.is-sent")).to_contain_text("Hùng", timeout=10_000)
    expect(page.locator("#drill li.is-waiting")).to_contain_text("Connection refused", timeout=10_000)
    assert mailbox.wait_for(1)

    school.health(cameras=("gate",))
    page.goto(school.address)
    begun_s = time.monotonic()
    event = school.event("gate", severity="high")
    assert mailbox.wait_for(2) - begun_s < 5.0  # half a second on a machine with nothing else to do
    page.goto(f"{school.address}/alerts/{event.event_id}")
    expect(page.locator("#told-people .is-sent")).to_contain_text("Hùng", timeout=10_000)
    expect(page.locator("#told-people .is-waiting")).to_contain_text("bị từ chối", timeout=10_000)
    page.click("text=Gọi công an")
    expect(page.locator(".say")).to_contain_text("có người lảng vảng tại: Cổng chính")


def test_a_wall_reports_that_it_is_open_and_whether_it_can_be_heard(window, school):
    def heard() -> list[bool]:
        with school.console.database.read() as connection:
            return list(connection.execute(select(wall_page.c.heard)).scalars())

    page = window().new_page()
    page.goto(school.address)
    for expected, act in (([False], lambda: page.click("#sound")), ([True], lambda: None)):
        deadline_s = time.monotonic() + 10
        while heard() != expected:
            assert time.monotonic() < deadline_s, heard()
            page.wait_for_timeout(50)
        act()


def test_a_pushed_alarm_is_shown_with_the_page_that_it_opens(window, school):
    """As the browser's maker delivers it: headless Chromium has no push service, DevTools stands in for it."""
    context = window()
    context.grant_permissions(["notifications"], origin=school.address)
    page = context.new_page()
    page.goto(school.address + "/account")
    devtools, found = context.new_cdp_session(page), []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"]))
    devtools.send("ServiceWorker.enable")
    page.evaluate(
        """async () => {
          const worker = await navigator.serviceWorker.register("/static/push_worker.js");
          while (!worker.active) await new Promise((done) => setTimeout(done, 20));
        }"""
    )
    alarm = {"title": "Cao: Người lảng vảng – Cổng chính", "body": "Trường Tiểu học Hoa Sen", "path": "/alerts/1"}
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": school.address, "registrationId": found[0]["registrationId"], "data": json.dumps(alarm)},
    )
    shown = page.evaluate(
        """async () => {
          const worker = await navigator.serviceWorker.getRegistration("/static/");
          for (let tries = 0; tries < 250; tries += 1) {
            const [one] = await worker.getNotifications();
            if (one) return { title: one.title, body: one.body, path: one.data };
            await new Promise((done) => setTimeout(done, 20));
          }
        }"""
    )
    assert shown == alarm
