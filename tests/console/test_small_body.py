"""What people send is bounded before anything is parsed or kept, whoever they are."""

import asyncio
import tempfile

import pytest

from console.domain.access import Role
from console.store import holds, nodes
from console.web.errors import Refused
from console.web.route_table import NODE, ROUTES
from console.web.small_body import FORM, MOST_BYTES, SmallBody

pytestmark = pytest.mark.system
POSTS = sorted(path for (method, path), rule in ROUTES.items() if method == "POST" and rule != NODE)
FILE = b'--X\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'


@pytest.fixture(autouse=True)
def held(desk, schools):
    """There is something at the school that can be let go of."""
    with desk.console.database.write() as connection:
        box = nodes.find(connection, schools[0].box)
        asked = holds.Asked(schools[0].hold_id, box.id, "gate", None, 1.0, 2.0, 0.0, "case 12")
        holds.ask(connection, asked, schools[0].guard, 1.0, 10)


def send(desk, path: str, headers: dict[str, str], chunks: list[bytes], cookies: str = "") -> tuple[int, int]:
    """The status of a POST by ASGI, and how many chunks were taken; there are always more where they end."""
    taken = 0
    told: list[int] = []
    everything = {"host": "testserver", "origin": "http://testserver", "cookie": cookies, **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in everything.items()],
        "client": ("10.0.0.1", 1),
        "server": ("testserver", 80),
        "scheme": "http",
        "http_version": "1.1",
    }

    async def receive():
        nonlocal taken
        if taken == len(chunks):
            await asyncio.Event().wait()
        taken += 1
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": True}

    async def answer(message):
        if message["type"] == "http.response.start":
            told.append(message["status"])

    asyncio.run(desk.console.web(scope, receive, answer))
    return told[0], taken


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=X"])
def test_a_body_said_to_be_large_is_refused_unread(desk, schools, monkeypatch, kind):
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", None)  # nothing may begin a file
    cookies = "; ".join(f"{k}={v}" for k, v in desk.browser(Role.ADMINISTRATOR).cookies.items())
    headers = {"content-type": kind, "content-length": str(MOST_BYTES + 1)}
    for path in POSTS:
        assert send(desk, schools[0].address(path), headers, [FILE], cookies) == (413, 0), path


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=X"])
def test_a_body_that_does_not_end_is_cut_off(desk, schools, kind):
    cookies = "; ".join(f"{k}={v}" for k, v in desk.browser(Role.ADMINISTRATOR).cookies.items())
    chunks = [FILE + b"a" * 4000] * 50
    for path in POSTS:
        for headers in ({}, {"content-length": "10"}):
            answer = send(desk, schools[0].address(path), {"content-type": kind, **headers}, chunks, cookies)
            assert answer == (413, 5), path


def test_only_forms_are_taken(desk):
    guard = desk.browser()
    for files in ({"f": b"x"}, {"name": (None, "a"), "password": (None, "b")}):
        assert guard.post("/sign-in", files=files).json() == {"error": "not_a_form"}
    assert guard.post("/sign-in", json={"name": "a", "password": "b"}).status_code == 415
    assert guard.post("/sign-in", data={"name": "a", "password": "b"}).status_code == 401


def test_the_longest_note_passes_and_is_kept(desk):
    from tests.console.test_access_table import EVENT_ID, tell_of_alert

    tell_of_alert(desk)
    guard, note = desk.browser(Role.GUARD), "\U0001f6b8" * 1000
    assert guard.post(f"/alerts/{EVENT_ID}/close", data={"reason": "test", "note": note}).status_code == 204
    assert note in guard.get(f"/alerts/{EVENT_ID}").text


def test_a_refusal_is_a_sentence_and_carries_the_safe_headers(desk):
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    answer = desk.browser().post("/sign-in", data={"name": "a" * MOST_BYTES}, headers=headers)
    assert (answer.status_code, answer.headers["Connection"]) == (413, "close")
    assert "This request is too large." in answer.text
    assert "default-src" in answer.headers["Content-Security-Policy"]


def test_a_form_that_drips_in_is_given_up(monkeypatch):
    monkeypatch.setattr("console.web.small_body.MOST_S", 0.05)

    async def never():
        await asyncio.Event().wait()

    scope = {"type": "http", "headers": [(b"content-length", b"10")], "state": {}}
    with pytest.raises(Refused) as refused:
        asyncio.run(SmallBody(None, "node")(scope, never, None))
    assert refused.value.status == 408
