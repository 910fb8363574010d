"""What people send is a small form, or nothing: more is refused before anything is parsed or kept."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.web.errors import Refused

MOST_BYTES = 16_384  # a note of 1,000 characters is at most 12,000 bytes in a form
MOST_S = 10.0  # a form that drips in holds a connection
FORM = "application/x-www-form-urlencoded"


class SmallBody:
    """Reads a body whole, at most `MOST_BYTES` of it, and only then lets the application see it.

    The application behind the guard, which says by the request's `state` whether a node speaks: nodes bring files, and
    their routes count for themselves; so does one that people bring a file to (`brings_file`). Raises Refused for
    anything too large, or that is no form.
    """

    def __init__(self, app: ASGIApp, unlimited: str) -> None:
        """unlimited: the rule (`scope["state"]["rule"]`) of the routes that count for themselves."""
        self._app, self._unlimited = app, unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        state = scope.get("state", {})
        counts_itself = state.get("rule") == self._unlimited or state.get("brings_file", False)
        if scope["type"] == "http" and not counts_itself:
            receive = _again(await _small_form(scope, receive), receive)
        await self._app(scope, receive, send)


async def _small_form(scope: Scope, receive: Receive) -> bytes:
    headers = dict(scope["headers"])
    said = headers.get(b"content-length", b"0")
    if not said.isdigit() or int(said[:10]) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(MOST_S):
            data = await _read(receive)
    except TimeoutError:
        raise Refused(408, "malformed", {"Connection": "close"}) from None
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if data and kind != FORM:
        raise Refused(415, "not_a_form", {"Connection": "close"})
    return data


async def _read(receive: Receive) -> bytes:
    data, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "malformed")  # cut off in the middle; half a form is none
        data += message.get("body", b"")
        if len(data) > MOST_BYTES:
            raise _too_large()
        more = message.get("more_body", False)
    return bytes(data)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


def _too_large() -> Refused:
    return Refused(413, "too_large", {"Connection": "close"})  # else the server would read all of it, for nothing
