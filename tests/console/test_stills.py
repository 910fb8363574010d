"""A camera's picture is kept from the first on, whichever way the node is heard first."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage
from console.domain.access import Role
from console.store import nodes

pytestmark = pytest.mark.system
PICTURE = b"\xff\xd8 a picture"


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


def test_a_picture_that_comes_before_the_first_report_is_shown_with_it(desk):
    assert put(desk, "gate") == 204
    guard = desk.browser(Role.GUARD)
    assert "No box yet" not in guard.get("/cameras").text
    assert "still.jpg" not in guard.get("/cameras").text
    report(desk, "gate")
    assert "/cameras/n1/gate/still.jpg" in guard.get("/cameras").text
    assert guard.get("/cameras/n1/gate/still.jpg").content == PICTURE
    with desk.console.database.read() as connection:
        (camera,) = nodes.cameras(connection)
    assert (camera.name, camera.state, camera.still_at_s) == ("gate", "sees", desk.clock())


def test_a_picture_and_the_first_report_at_the_same_moment(desk):
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(put, desk, f"c{number}") for number in range(8)]
        for _ in range(4):
            report(desk, *(f"c{number}" for number in range(8)))
        assert {one.result() for one in puts} == {204}
    with desk.console.database.read() as connection:
        cameras = nodes.cameras(connection)
    assert len(cameras) == 8
    assert all(camera.still_at_s for camera in cameras)


def test_a_node_gone_mad_fills_neither_table_nor_disk(desk):
    for name in ("..", "a b", "x" * 64, "%00", "-a"):
        assert put(desk, name) == 404, name
    answers = [put(desk, f"c{number}") for number in range(nodes.MOST_UNHEARD_OF + 1)]
    assert answers == [204] * nodes.MOST_UNHEARD_OF + [404]
    assert put(desk, "c3") == 204
    assert len(list(desk.console.web.state.context.stills.glob("*"))) == nodes.MOST_UNHEARD_OF
