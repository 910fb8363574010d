"""The one table of routes, and the one function that lets a request pass. What is not in the table is refused."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match

from console.domain.access import Action, may
from console.store import nodes, sessions
from console.web.context import Context
from console.web.errors import Refused, refusal_response

log = logging.getLogger(__name__)

COOKIE = "gatehouse_session"
PUBLIC, NODE = "public", "node"
OPEN = "open"  # as public, and nobody asks who it is: it comes however slow the database is

ROUTES: dict[tuple[str, str], str | Action] = {
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): PUBLIC,
    ("GET", "/welcome/{token}"): PUBLIC,
    ("POST", "/welcome/{token}"): PUBLIC,
    ("POST", "/language/{code}"): PUBLIC,
    ("POST", "/theme/{code}"): PUBLIC,
    ("POST", "/sign-out"): Action.USE_CONSOLE,
    ("GET", "/"): Action.SEE_ALERTS,
    ("GET", "/wall"): Action.SEE_ALERTS,
    ("GET", "/alerts/{event_id}"): Action.SEE_ALERTS,
    ("POST", "/alerts/{event_id}/acknowledge"): Action.HANDLE_ALERTS,
    ("POST", "/alerts/{event_id}/close"): Action.HANDLE_ALERTS,
    ("GET", "/cameras"): Action.SEE_NODES,
    ("POST", "/cameras/{node}/{camera}/still"): Action.SEE_STILLS,
    ("GET", "/cameras/{node}/{camera}/still.jpg"): Action.SEE_STILLS,
    ("GET", "/api/stream"): Action.USE_CONSOLE,  # the stream tells of alerts only those who may see them
    ("GET", "/api/alerts"): Action.SEE_ALERTS,
    ("GET", "/api/alerts/{event_id}/files/{name}"): Action.DOWNLOAD_EVIDENCE,
    ("GET", "/api/alerts/{event_id}/facts.json"): Action.DOWNLOAD_EVIDENCE,
    ("GET", "/api/node/hello"): NODE,
    ("HEAD", "/api/node/files/{sha256}"): NODE,
    ("PATCH", "/api/node/files/{sha256}"): NODE,
    ("PUT", "/api/node/cameras/{camera}/still"): NODE,
}

_SOURCES = ("script", "style", "img", "media", "connect", "worker")
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in _SOURCES),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def session_hash(token: str) -> str:
    """What is kept of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every request passes here, and only here is decided whether it may go on."""
    context: Context = request.app.state.context
    try:
        rule = request.state.rule = _rule(request)
        if rule != NODE and not _may_come_from(request):
            raise Refused(403, "foreign_origin")
        if rule != OPEN:
            await run_in_threadpool(_let_pass, request, context, rule)
        response = await go_on(request)
    except Refused as refused:
        response = refusal_response(request, refused)
    except (OperationalError, InterfaceError) as error:
        log.error("the database is away: %s", type(error).__name__)
        response = refusal_response(request, Refused(503, "database_away"))
    response.headers.update(_HEADERS)
    if context.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def route_of(request: Request) -> str | None:
    """The path template that a request matches."""
    routes: list[APIRoute] = request.app.state.routes
    matching = (route.path for route in routes if route.matches(request.scope)[0] == Match.FULL)
    return next(matching, None)


def _rule(request: Request) -> str | Action:
    """What the table says of a request. Raises Refused where it is not in it."""
    path = route_of(request) if "\x00" not in request.url.path and "%00" not in request.url.path else None
    rule = ROUTES.get((request.method, path)) if path else None
    if rule is None:
        raise Refused(404, "not_found")
    return rule


def _let_pass(request: Request, context: Context, rule: str | Action) -> None:
    """Raises Refused where the request may not go on."""
    if rule == NODE:
        _let_node_pass(request, context)
        return
    signed_in = _signed_in(request, context)
    request.state.person = signed_in
    if rule == PUBLIC:
        return
    if signed_in is None:
        raise Refused(401, "sign_in_first")
    if not isinstance(rule, Action) or not may(signed_in.role, rule):
        raise Refused(403, "not_yours")


def _let_node_pass(request: Request, context: Context) -> None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind == "Bearer" and token:
        with context.database.read() as connection:
            request.state.node = nodes.find_by_token(connection, token)
        if request.state.node is not None:
            return
    raise Refused(401, "unknown_node")


def _signed_in(request: Request, context: Context) -> sessions.SignedIn | None:
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    now_s = context.wall_s()
    with context.database.read() as connection:
        found = sessions.find(connection, session_hash(token), now_s)
    if found is None:
        return None
    person, touch_due = found
    if touch_due:
        context.notes.write(lambda connection: sessions.touch(connection, person.token_sha256, now_s))
    return person


def _may_come_from(request: Request) -> bool:
    """Browsers say where a request comes from. From another site a person may be led to a page, nothing else: what
    another page fetches would be done, and written down, in the name of who is signed in.
    """
    site, reads = request.headers.get("Sec-Fetch-Site"), request.method in ("GET", "HEAD")
    if site in ("same-origin", "none") or (site is None and reads):
        return True
    if site is not None:
        led = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
        return reads and led and not request.url.path.startswith("/api/")
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("Host")
