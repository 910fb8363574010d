"""A real Chromium looks at a real console: an alert appears, its clip plays, the boxes follow, a cut is told."""

import hashlib
import io
import json
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator

import av
import cv2
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Page, expect, sync_playwright

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, EvidenceFile, EvidenceMessage, HealthMessage
from console.app.factory import Console, build, first_link
from console.app.settings import Settings
from console.ingest.intake import Intake
from console.store import evidence, nodes

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]
SECONDS, FPS = 8, 10


class Served:
    """A console behind uvicorn, in this process."""

    def __init__(self, folder) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.console: Console = build(Settings(folder=folder, port=port), time.time)
        with self.console.database.write() as connection:
            nodes.add(connection, "n1", "Trường Kim Đồng", "", time.time())
        self.intake = Intake(self.console.database, time.time)
        self.console.start()
        config = uvicorn.Config(self.console.web, port=port, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)
        self.sequence = 0

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.console.stop()

    def tell(self, message) -> None:
        topic = next(topic for topic in topics.TOPICS if topic.message is type(message))
        self.sequence += 1
        numbers = ("box", self.sequence) if topic.numbered else ()
        verdict = self.intake.take(topic.of("n1"), codec.encode(topic, "n1", message, time.time(), *numbers))
        assert verdict is None or verdict.refused_because is None, verdict

    def camera(self, state: str = "sees", code: str = "") -> None:
        zone = {"zone": "pavement", "polygon": ((0.1, 0.4), (0.9, 0.4), (0.9, 0.95)), "rules": ("loitering",)}
        camera = CameraHealth(
            camera="gate", label="Cổng chính", state=state, since_at_s=time.time(), reason_code=code, zones=(zone,)
        )
        self.tell(HealthMessage(at_s=time.time(), started_at_s=0, version="1", state="ok", cameras=(camera,)))

    def event(self, number: int, **more) -> str:
        now_s = time.time()
        facts = {"event_id": str(uuid.UUID(int=number)), "revision": 1, "state": "open", "rule": "loitering"}
        place = {
            "camera": "gate",
            "zone": "pavement",
            "severity": "high",
            "threshold_s": 60.0,
            "box": (0.2, 0.2, 0.3, 0.8),
        }
        self.tell(
            EventMessage(**{**facts, **place, "opened_at_s": now_s, "captured_at_s": now_s, "dwell_s": 61.0, **more})
        )
        return facts["event_id"]

    def bring(self, event_id: str) -> None:
        """Clip, snapshot and tracks of an event, as a node would upload them."""
        now_s = time.time()
        samples = [[n / 5, 0.1 + 0.08 * n / 5, 0.2, 0.2 + 0.08 * n / 5, 0.8] for n in range(SECONDS * 5)]
        film = {
            "schema_version": 1,
            "begins_at_s": now_s - SECONDS / 2,
            "opened_offset_s": SECONDS / 2,
            "zone": {"name": "pavement", "polygon": [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95]]},
            "tracks": [{"track_id": 1, "subject": True, "samples": samples}],
        }
        picture = cv2.imencode(".jpg", drawn(0))[1].tobytes()
        parts = {
            ("clip", "clip.mp4", "video/mp4"): clip(),
            ("snapshot_boxes", "snapshot-boxes.jpg", "image/jpeg"): picture,
            ("track", "track.json", "application/json"): json.dumps(film).encode(),
        }
        files = []
        for (role, name, kind), data in parts.items():
            facts = {"role": role, "name": name, "media_type": kind, "bytes": len(data)}
            sha = hashlib.sha256(data).hexdigest()
            files.append(EvidenceFile(**facts, sha256=sha, begins_at_s=now_s - SECONDS / 2, ends_at_s=now_s))
        self.tell(EvidenceMessage(event_id=event_id, revision=1, camera="gate", files=tuple(files)))
        for file, data in zip(files, parts.values(), strict=True):
            store = self.console.web.state.context.files
            if not store.has(file.sha256):
                store.append(file.sha256, 0, data)
                assert store.finish(file.sha256)
            with self.console.database.write() as connection:
                evidence.stored(connection, nodes.find(connection, "n1"), file.sha256, now_s)


def drawn(number: int) -> np.ndarray:
    image = np.full((270, 480, 3), (90, 80, 70), np.uint8)
    image[150:] = (120, 120, 115)
    left = int(480 * (0.1 + 0.08 * number / FPS))
    cv2.rectangle(image, (left, 54), (left + 48, 216), (60, 60, 160), -1)
    return image


def clip() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
        for number in range(SECONDS * FPS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number), format="bgr24")))
        container.mux(stream.encode())
    return buffer.getvalue()


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(served, chromium) -> Iterator[Page]:
    context = chromium.new_context(locale="vi-VN", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
    page.goto(first_link(served.console.database, served.address, time.time))
    page.fill("[name=name]", "Lan")
    page.fill("[name=password]", "mat-khau-dai")
    page.fill("[name=again]", "mat-khau-dai")
    page.click("button.primary")
    expect(page.locator(".empty")).to_contain_text("Không có camera nào quan sát")
    yield page
    context.close()
    assert not faults


def test_an_alert_appears_by_itself_and_is_acknowledged_by_key(page, served):
    served.camera()
    expect(page.locator("p.sees")).to_contain_text("camera đang quan sát")
    served.event(1)
    alert = page.locator(".alert")
    expect(alert).to_contain_text("Người lảng vảng", timeout=5000)
    expect(alert).to_contain_text("Cổng chính")
    expect(page).to_have_title("(1) Gatehouse", timeout=6000)
    served.event(2, severity="critical")
    expect(page.locator(".alert").first).to_contain_text("Khẩn cấp", timeout=5000)
    page.wait_for_timeout(700)  # a key counts only once the order has stood still for a moment
    page.keyboard.press("a")
    expect(page.locator(".alert.acknowledged")).to_contain_text("Đã tiếp nhận", timeout=5000)
    page.click("[data-acknowledge]")
    expect(page.locator(".alert.acknowledged")).to_have_count(2, timeout=5000)


def until(page: Page, expression: str, seconds: float = 15.0) -> None:
    """Waits for an expression in the page, asked from outside: the page's policy lets it evaluate no text."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def test_the_clip_comes_plays_and_the_box_follows(page, served):
    event_id = served.event(1)
    page.goto(f"{served.address}/alerts/{event_id}")
    expect(page.locator("[data-waiting]")).to_be_visible()
    served.bring(event_id)
    page.wait_for_selector("video", timeout=8000)
    until(page, "document.querySelector('video').currentTime > 1")
    page.evaluate("document.querySelector('video').pause()")
    lefts = []
    for at_s in (2, 5):
        page.evaluate(f"document.querySelector('video').currentTime = {at_s}")
        until(page, f"Math.abs(document.querySelector('canvas').dataset.left - {0.1 + 0.08 * at_s}) < 0.02")
        lefts.append(float(page.get_attribute("canvas", "data-left")))
    assert lefts[1] - lefts[0] == pytest.approx(0.24, abs=0.03)


def test_an_alert_is_closed_with_a_reason(page, served):
    event_id = served.event(1)
    page.goto(f"{served.address}/alerts/{event_id}")
    page.check("[value=parent_or_carer]")
    page.fill("textarea", "Đón con muộn")
    page.click(".close button")
    for words in ("Đã đóng", "Phụ huynh", "Đón con muộn"):
        expect(page.locator("#actions")).to_contain_text(words)


def test_a_blind_camera_is_red_on_the_wall_and_told_in_words(page, served):
    served.camera("blind", "stalled")
    expect(page.locator(".banner.blind")).to_contain_text("mất tín hiệu", timeout=5000)
    page.goto(f"{served.address}/cameras")
    expect(page.locator(".camera.blind")).to_contain_text("Mất hình")


def test_a_wall_that_is_cut_off_says_so(page, served):
    served.server.should_exit = True
    served.thread.join(10)
    expect(page.locator("#stale")).to_contain_text("Mất kết nối từ", timeout=25000)


def test_the_language_is_one_click_away(page):
    page.click("[lang=en]")
    expect(page.locator(".empty")).to_contain_text("Nobody is watching")
