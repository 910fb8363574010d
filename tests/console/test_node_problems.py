"""What is wrong with a box itself, in the words of the page."""

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, HealthMessage, MachineHealth, NetworkLink, NodeProblem
from console.domain.access import Role
from console.domain.node_links import links_after
from console.web.i18n import Languages
from console.web.node_problem import NodeProblem as Shown
from console.web.words import WORDS
from edge.core.machine import LIMITS

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
SEES = CameraHealth(camera="gate", state="sees", since_at_s=1.0)


def tell(desk, *problems: NodeProblem, **more) -> None:
    facts = {"at_s": desk.clock(), "started_at_s": desk.clock() - 60, "version": "1", "state": "ok", "cameras": (SEES,)}
    message = HealthMessage(**{**facts, "node_problems": problems, **more})
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", message, desk.clock()))


def problem(desk, code: str, severity: str = "critical", **more) -> NodeProblem:
    return NodeProblem(code=code, severity=severity, since_at_s=desk.clock(), **more)


def test_what_is_critical_stands_on_the_wall_and_a_warning_with_the_boxes_alone(desk):
    warning = problem(desk, "certificate_ends", "warning", subject="ca.crt", figure=12.4)
    tell(desk, problem(desk, "under_voltage"), warning, state="degraded")
    browser = desk.browser(Role.INSTALLER)
    wall = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    boxes = browser.get("/cameras", headers=ENGLISH).text
    assert "The power supply is too weak" in wall
    assert "ca.crt" not in wall
    assert "Act now</b> The power supply is too weak" in boxes
    assert "Take care of it soon</b> Days until the certificate ca.crt expires: 12." in boxes
    assert "since</span>" not in boxes
    assert "Cần xử lý ngay</b> Nguồn điện quá yếu" in browser.get("/cameras").text


def test_a_box_that_is_not_heard_is_not_said_to_be_hot(desk):
    tell(desk, problem(desk, "hot", figure=91.2))
    browser = desk.browser(Role.GUARD)
    assert "too hot: 91 °C" in browser.get("/", headers=ENGLISH).text
    desk.clock.now_s += 3600
    for path in ("/", "/cameras"):
        assert "too hot" not in browser.get(path, headers=ENGLISH).text


def test_words_of_an_older_and_of_a_newer_box_are_shown(desk):
    tell(desk, problem(desk, "{figure.__class__}<b>", figure=1.0))
    assert "{figure.__class__}&lt;b&gt;" in desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    older = {"node_problems": None, "problems": ("outbox_full", "camera_blind:gate"), "state": "degraded"}
    tell(desk, **older)
    page = desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    assert "Act now</b> Too much waits to be sent" in page
    assert "camera_blind" not in page


def test_figures_of_the_machine_are_shown_where_it_tells_them(desk):
    machine = MachineHealth(board="Raspberry Pi 4", temperature_c=61.4, load=3.0, processors=4, disk_bytes=32 * 10**9)
    more = {"memory_bytes": 4 * 10**9, "memory_available_bytes": 10**9, "under_voltage": False, "disk_wear": 0.2}
    links = (NetworkLink(name="eth0", up=True),)
    tell(desk, machine=machine.model_copy(update={**more, "links": links}), worker_restarts=3)
    page = desk.browser(Role.INSTALLER).get("/cameras", headers=ENGLISH).text
    for shown in (
        "61 °C",
        "75 % of 4 GB",
        "0.8",
        "of 32 GB · worn: 20 %",
        "in order",
        "eth0 connected",
        "Raspberry Pi",
    ):
        assert shown in page, shown
    assert "restarts of watching processes" in page
    assert "Raspberry Pi" not in desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    tell(desk)
    assert "°C" not in desk.browser(Role.INSTALLER).get("/cameras", headers=ENGLISH).text


@pytest.mark.parametrize("code", LIMITS)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_problem_is_a_sentence_with_its_figure(code, language):
    told = Shown(code, "critical", 0.0, "eth0", 0.5).told(Languages("Asia/Ho_Chi_Minh").choose(language, ""))
    assert "{" not in told
    assert told.endswith(".")
    if "{subject}" in WORDS["node_problem"][code]:
        assert "eth0" in told


def test_what_people_have_set_so_is_nothing_to_take_care_of(desk):
    tell(desk, problem(desk, "uploads_quiet", "warning", figure=14.0))
    boxes = desk.browser(Role.INSTALLER).get("/cameras", headers=ENGLISH).text
    assert "As intended</b> Clips and pictures that wait for the quiet hours to end: 14." in boxes


def test_a_network_socket_that_vanished_is_missed_until_it_is_back_or_the_box_starts_anew(desk):
    """The node looks at those that are there: of an adapter that fell out it says nothing."""
    started_at_s = desk.clock() - 60

    def report(*links: NetworkLink, started_s: float = started_at_s, **more) -> str:
        desk.clock.now_s += 15
        machine = {} if more else {"machine": MachineHealth(links=links)}
        tell(desk, started_at_s=started_s, **machine, **more)
        wall = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
        return wall if "Network socket" in wall else ""

    eth, stick, never = (
        NetworkLink(name=name, up=up) for name, up in (("eth0", True), ("wwan0", True), ("wlan0", False))
    )
    assert not report(eth, stick, never)
    gone = report(eth)
    since = Languages("Asia/Ho_Chi_Minh").choose("en", "").time(desk.clock())
    assert "Network socket wwan0 is no longer there" in gone
    assert f"since {since}" in gone
    assert "wlan0" not in gone  # nobody misses what was never connected
    assert f"since {since}" in report(eth)
    assert "wwan0 is no longer there" in report(machine=None)
    assert "Cổng mạng wwan0 không còn nữa" in desk.browser(Role.GUARD).get("/cameras").text
    assert not report(eth, stick)
    assert report(eth)
    assert not report(eth, started_s=desk.clock())


def test_sockets_that_have_another_name_each_time_do_not_pile_up():
    known: dict[str, float | None] = {"eth0": None}
    for turn in range(50):
        known = links_after(known, [("eth0", True), (f"enx{turn:012x}", True)], float(turn))
    assert {name for name, since_s in known.items() if since_s is None} == {"eth0", f"enx{49:012x}"}
    assert sorted(since_s for since_s in known.values() if since_s is not None) == list(range(42, 50))


@pytest.mark.parametrize(
    ("behind_s", "english", "vietnamese"),
    [(0.5, "as here", "đúng như ở đây"), (12.0, "12 s slow", "chậm 12 giây"), (-7.0, "7 s fast", "nhanh 7 giây")],
)
def test_the_clock_of_a_box_is_compared_and_shown_at_each_report(desk, behind_s, english, vietnamese):
    for _ in range(2):
        desk.clock.now_s += 15
        at_s = desk.clock() - behind_s
        message = HealthMessage(at_s=at_s, started_at_s=1.0, version="1", state="ok", cameras=(SEES,))
        desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", message, at_s))
    guard = desk.browser(Role.GUARD)
    assert f"<dt>clock</dt><dd>{english}</dd>" in guard.get("/cameras", headers=ENGLISH).text
    assert f"<dt>đồng hồ</dt><dd>{vietnamese}</dd>" in guard.get("/cameras").text
