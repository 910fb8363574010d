"""A camera's picture is kept from the first on, whichever way the node is heard first."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage
from console.domain.access import Role
from console.domain.jpeg import jpeg_size
from console.store import cameras as store_cameras
from console.store import nodes
from console.store.tables import camera
from console.web.node_api import still_path

pytestmark = pytest.mark.system
PICTURE = cv2.imencode(".jpg", np.full((36, 64, 3), 90, np.uint8))[1].tobytes()


def report(desk, *cameras: str) -> None:
    at_s = desk.clock()
    health = HealthMessage(
        at_s=at_s,
        started_at_s=at_s,
        version="1",
        state="ok",
        cameras=tuple(CameraHealth(camera=name, state="sees", since_at_s=at_s) for name in cameras),
    )
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, at_s))


def put(desk, camera: str) -> int:
    return desk.node().put(f"/api/node/cameras/{camera}/still", content=PICTURE).status_code


def test_who_may_see_no_pictures_is_shown_none_that_fail(desk):
    report(desk, "gate")
    assert put(desk, "gate") == 204
    for role, shown in ((Role.GUARD, 1), (Role.AUDITOR, 0)):
        page = desk.browser(role).get("/cameras").text
        assert page.count("<strong>gate</strong>") == 1
        assert page.count("still.jpg") == shown


def test_a_picture_that_comes_before_the_first_report_is_shown_with_it(desk):
    assert put(desk, "gate") == 204
    guard = desk.browser(Role.GUARD)
    assert "No box yet" not in guard.get("/cameras").text
    assert "still.jpg" not in guard.get("/cameras").text
    report(desk, "gate")
    assert "/cameras/n1/gate/still.jpg" in guard.get("/cameras").text
    assert guard.get("/cameras/n1/gate/still.jpg").content == PICTURE
    with desk.console.database.read() as connection:
        (one,) = store_cameras.listing(connection)
    assert (one.name, one.state, one.still_at_s) == ("gate", "sees", desk.clock())


def test_a_picture_and_the_first_report_at_the_same_moment(desk):
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(put, desk, f"c{number}") for number in range(8)]
        for _ in range(4):
            report(desk, *(f"c{number}" for number in range(8)))
        assert {one.result() for one in puts} == {204}
    with desk.console.database.read() as connection:
        cameras = store_cameras.listing(connection)
    assert len(cameras) == 8
    assert all(one.still_at_s for one in cameras)


def test_a_node_gone_mad_fills_neither_table_nor_disk(desk):
    for name in ("..", "a b", "x" * 64, "%00", "-a"):
        assert put(desk, name) == 404, name
    answers = [put(desk, f"c{number}") for number in range(nodes.MOST_UNHEARD_OF + 1)]
    assert answers == [204] * nodes.MOST_UNHEARD_OF + [404]
    assert put(desk, "c3") == 204
    assert len(list(desk.console.web.state.context.stills.glob("*"))) == nodes.MOST_UNHEARD_OF


def test_former_cameras_of_a_node_gone_mad_are_forgotten_with_their_pictures(desk):
    context, pictured = desk.console.web.state.context, 16
    for turn in range(10):
        desk.clock.now_s += 15
        names = [f"t{turn}-{number}" for number in range(63)]
        report(desk, "gate", *names)
        if turn == 0:
            assert put(desk, "gate") == 204
        for name in names[:pictured]:
            assert put(desk, name) == 204
    with desk.console.database.read() as connection:
        rows = connection.execute(select(camera.c.name, camera.c.still_sha256)).all()
        assert len(store_cameras.listing(connection)) == 64
    shown = {still_path(context, "n1", row.name) for row in rows if row.still_sha256}
    assert len(rows) <= 64 + 2 * nodes.MOST_UNLISTED
    assert set(context.stills.glob("*")) == shown
    assert still_path(context, "n1", "gate") in shown  # the camera that stayed
    assert len(shown) == 1 + pictured + nodes.MOST_UNLISTED


@pytest.mark.parametrize("kind", ["grey", "colour", "progressive"])
def test_the_size_of_a_picture_is_read(kind):
    pixels = np.zeros((17, 23) if kind == "grey" else (17, 23, 3), np.uint8)
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if kind == "progressive" else []
    assert jpeg_size(cv2.imencode(".jpg", pixels, options)[1].tobytes()) == (23, 17)


NO_PICTURES = {
    "a page": b"\xff\xd8<html><script>",
    "a page with an end": b"\xff\xd8\xff<html>\xff\xd9",
    "nothing": b"",
    "another format": cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes(),
    "cut off": PICTURE[: len(PICTURE) // 2],
    "the head alone": PICTURE[: PICTURE.index(b"\xff\xda")] + b"\xff\xd9",
    "no pixels": PICTURE.replace(b"\x00\x24\x00\x40", b"\x00\x24\x00\x00"),
    "too many pixels": PICTURE.replace(b"\x00\x24\x00\x40", b"\xff\xff\xff\xff"),
    "something behind": PICTURE + b"<script>",
    "no frame": b"\xff\xd8\xff\xda\x00\x02xx\xff\xd9",
}


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_is_refused_and_not_kept(desk, what):
    assert NO_PICTURES[what] != PICTURE
    answer = desk.node().put("/api/node/cameras/gate/still", content=NO_PICTURES[what])
    assert (answer.status_code, answer.json()) == (415, {"error": "not_a_jpeg"})
    assert not list(desk.console.web.state.context.stills.glob("*"))


def test_any_bytes_are_a_picture_or_none():
    """Each beginning, and each byte of the head changed: never an error."""
    assert {jpeg_size(PICTURE[:end]) for end in range(len(PICTURE))} == {None}
    for at in range(PICTURE.index(b"\xff\xda") + 2):
        for value in (0x00, 0x02, 0xC0, 0xDA, 0xFF):
            size = jpeg_size(PICTURE[:at] + bytes([value]) + PICTURE[at + 1 :])
            assert size is None or size[0] * size[1] > 0
