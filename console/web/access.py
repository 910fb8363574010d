"""The one function that lets a request pass, by the table of routes and the place that its address names."""

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match

from console.domain.access import EVERYWHERE, NOWHERE, Action, Place, Reach, Rights, may
from console.store import grants, holds, nodes, one_time_links, sites, users
from console.store.narrowing import seeing
from console.web.context import Context
from console.web.errors import Refused, refusal_response
from console.web.identity import COOKIE, Missing, bearer, identify, missing, session_hash
from console.web.route_table import BRINGS_FILE, NODE, OPEN, PUBLIC, ROUTES, SIGNED_IN

__all__ = ["COOKIE", "guard", "route_of", "session_hash"]
log = logging.getLogger(__name__)
MOST_ID = 2**31 - 1

_SOURCES = ("script", "style", "img", "media", "connect", "worker", "manifest")
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


async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every request passes here, and only here is decided whether it may go on."""
    context: Context = request.app.state.context
    try:
        rule = request.state.rule = _rule(request)
        if rule != NODE and not bearer(request) and not _may_come_from(request):
            raise Refused(403, "foreign_origin")
        reach = NOWHERE if rule == OPEN else await run_in_threadpool(_let_pass, request, context, rule)
        with seeing(reach):  # from here on no query finds what is not of these places
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
    return _matched(request)[0]


def _matched(request: Request) -> tuple[str | None, dict[str, str]]:
    """The path template that a request matches, and what stands in its braces."""
    routes: list[APIRoute] = request.app.state.routes
    for route in routes:
        match, found = route.matches(request.scope)
        if match == Match.FULL:
            return route.path, {name: str(value) for name, value in found.get("path_params", {}).items()}
    return None, {}


def _rule(request: Request) -> str | Action:
    """What the table says of a request. Raises Refused where it is not in it."""
    path = route_of(request) if "\x00" not in request.url.path and "%00" not in request.url.path else None
    rule = ROUTES.get((request.method, path)) if path else None
    if rule is None:
        raise Refused(404, "not_found")
    request.state.brings_file = (request.method, path) in BRINGS_FILE
    return rule


def _let_pass(request: Request, context: Context, rule: str | Action) -> Reach:
    """The places that the request may see. Raises Refused where it may not go on."""
    if rule == NODE:
        _let_node_pass(request, context)
        return EVERYWHERE  # what a box may touch is asked by its own number
    who = identify(request, context)
    lacks = missing(context, who) if who else Missing.NOTHING
    request.state.half, request.state.lacks = who, lacks
    request.state.person = None if lacks else who
    if rule == PUBLIC:
        return NOWHERE
    if who is None or (lacks and rule != SIGNED_IN):
        raise Refused(401, "sign_in_first")
    if rule == SIGNED_IN:
        if who.token_name:
            raise Refused(403, "not_yours")
        return NOWHERE
    if not isinstance(rule, Action) or not may(who.rights, rule):
        raise Refused(403, "not_yours")
    _let_pass_at(request, context, who.rights, rule)
    return who.rights.reach


# What may stand in the braces of an address without being looked up here: it names something of who asks, or of what
# stands before it in the same address. All else must be there, and within the rights of who asks.
FREE_NAMES = frozenset({"name", "token", "code", "session", "token_id", "step"})


def _let_pass_at(request: Request, context: Context, rights: Rights, action: Action) -> None:
    """Raises Refused where the address names what is not there, or what who asks may not know of: the same answer."""
    _, named = _matched(request)
    asked = named.keys() - FREE_NAMES
    if not asked:
        return
    with context.database.read() as connection:
        if not all(_is_within(connection, rights, action, name, named) for name in asked):
            raise Refused(404, "not_found")


def _is_within(connection: Connection, rights: Rights, action: Action, name: str, named: dict[str, str]) -> bool:
    """Whether what `name` stands for in the address is there and within somebody's rights. No by default."""
    if name in ("user_id", "link"):
        return _is_manageable(connection, rights, name, named[name])
    place: Place | None = None
    if name == "event_id":
        place = sites.place_of_alert(connection, named[name])
    elif name in ("node", "camera") and {"node", "camera"} <= named.keys():
        place = sites.place_of_camera(connection, named["node"], named["camera"])
    elif name == "hold_id":
        place = holds.place(connection, named[name])
    elif name == "site_id":
        place = Place(_number(named[name]))
    return place is not None and may(rights, action, place)


def _is_manageable(connection: Connection, rights: Rights, name: str, key: str) -> bool:
    """Whether an account or an invitation is of nobody who may do or see more than who asks."""
    if name == "link":
        links = (one for one in one_time_links.unused(connection, 0.0) if one.key == key)
        return any(grants.may_be_managed(connection, rights, one.role, one.granted) for one in links)
    user = users.find_by_id(connection, _number(key))
    if user is None:
        return False
    return grants.may_be_managed(connection, rights, user.role, grants.of_user(connection, user.id))


def _number(text: str) -> int:
    """A row's number, 0 where it can be none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ID)) else 0
    return number if number <= MOST_ID else 0


def _let_node_pass(request: Request, context: Context) -> None:
    token = bearer(request)
    if token:
        with context.database.read() as connection:
            request.state.node = nodes.find_by_token(connection, token)
        if request.state.node is not None:
            return
    raise Refused(401, "unknown_node")


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
