"""Signing in and out, and where one-time links lead."""

import secrets
from collections.abc import Callable
from functools import cache
from typing import Annotated, ParamSpec

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from console.domain.access import Role
from console.domain.account_name import is_name, spelled
from console.domain.throttle import keys_of_try
from console.store import one_time_links, sessions, sign_in_tries, users
from console.store.database import Database
from console.web.access import COOKIE, session_hash
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
MIN_PASSWORD_CHARACTERS = 10
Text = Annotated[str, Form(max_length=200, pattern=r"^[^\x00]*$")]
BROWSER_COOKIE = "gatehouse_browser"
_hasher = PasswordHasher()
_P = ParamSpec("_P")


@cache
def _nobody() -> str:
    """A hash verified where there is no such user, so that the answer takes as long as for one who exists."""
    return _hasher.hash(secrets.token_hex(16))


def new_link(database: Database, role: Role, name: str, now_s: float) -> str:
    """Makes a link for an account, new or known; earlier unused ones for the same stop working. Returns its token.

    name: of the account; empty where the person is to choose. Raises LastAdministratorError.
    """
    token = secrets.token_urlsafe(24)
    with database.write() as connection:
        known = users.find(connection, name)
        if known is not None and role != Role.ADMINISTRATOR:
            users.keep_an_administrator(connection, known.id)
        one_time_links.drop_unused(connection, name)
        one_time_links.add(connection, session_hash(token), role, name, now_s)
    return token


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The form."""
    if request.state.person is not None:
        return RedirectResponse("/", status_code=303)
    return _page(request, "sign_in.html", 200)


@router.post("/sign-in")
async def sign_in(request: Request, name: Text, password: Text) -> Response:
    """Checks name and password; too many wrong ones must wait."""
    return await _in_turn(request, _sign_in, request, name, password)


async def _in_turn(request: Request, work: Callable[_P, Response], *args: _P.args, **more: _P.kwargs) -> Response:
    """Does work with passwords in turn, apart from all pages; a crowd of strangers can't hold up people at work."""
    context: Context = request.app.state.context
    known = await run_in_threadpool(_is_known_browser, request)
    return await (context.known_sign_ins if known else context.sign_ins).run(work, *args, **more)


def _is_known_browser(request: Request) -> bool:
    context: Context = request.app.state.context
    token = request.cookies.get(BROWSER_COOKIE)
    if not token:
        return False
    with context.database.read() as connection:
        return bool(sign_in_tries.people_of_browser(connection, session_hash(token)))


def _sign_in(request: Request, name: str, password: str) -> Response:
    context: Context = request.app.state.context
    now_s = context.wall_s()
    address = request.client.host if request.client else ""
    with context.database.write() as connection:
        found = users.credentials(connection, name)
        browser = _known_browser(request, connection, found[0].id if found else None)
        keys = keys_of_try(address, name, browser)
        wait_s = sign_in_tries.begin(connection, keys, now_s)
    if wait_s > 0:
        return _page(request, "sign_in.html", 429, problem="too_many_tries")
    if not _is_right(found[1] if found else _nobody(), password) or found is None:
        return _page(request, "sign_in.html", 401, problem="wrong_password")
    user, hashed = found
    with context.database.write() as connection:
        sign_in_tries.succeeded(connection, keys, now_s)
        if _hasher.check_needs_rehash(hashed):
            users.set_password_hash(connection, user.id, _hasher.hash(password))
    return _signed_in(request, user.id, now_s)


def _is_right(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _known_browser(request: Request, connection: Connection, user_id: int | None) -> str | None:
    """Hash of the browser's token, where this person has signed in with it before."""
    token = request.cookies.get(BROWSER_COOKIE)
    people = sign_in_tries.people_of_browser(connection, session_hash(token)) if token else set()
    return session_hash(token) if token and user_id in people else None


@router.get("/welcome/{token}")
def welcome_page(request: Request, token: str) -> Response:
    """Where a one-time link leads."""
    return _page(request, "welcome.html", 200, link=_usable(request, token))


@router.post("/welcome/{token}")
async def welcome(request: Request, token: str, password: Text, again: Text, name: Text = "") -> Response:
    """Makes the account, or gives its password and role anew, and uses the link up."""
    return await _in_turn(request, _welcome, request, token, password, again, name)


def _welcome(request: Request, token: str, password: str, again: str, name: str) -> Response:
    context: Context = request.app.state.context
    link = _usable(request, token)
    name, now_s = link.user_name or spelled(name), context.wall_s()
    if len(password) < MIN_PASSWORD_CHARACTERS:
        return _page(request, "welcome.html", 422, link=link, problem="password_too_short")
    if password != again:
        return _page(request, "welcome.html", 422, link=link, problem="passwords_differ")
    if not link.user_name and not is_name(name):
        return _page(request, "welcome.html", 422, link=link, problem="name_missing")
    hashed = _hasher.hash(password)
    try:
        with context.database.write() as connection:
            user_id = _account(connection, name, hashed, link, now_s)
            if not one_time_links.use(connection, session_hash(token), now_s):
                raise Refused(404, "link_used")
    except users.NameTakenError:
        return _page(request, "welcome.html", 422, link=link, problem="name_taken")
    except users.LastAdministratorError:
        return _page(request, "welcome.html", 409, link=link, problem="last_administrator")
    return _signed_in(request, user_id, now_s)


def _account(connection: Connection, name: str, hashed: str, link: one_time_links.OneTimeLink, now_s: float) -> int:
    """Id of the account of a link. Who chooses a name can't choose somebody else's: NameTakenError."""
    known = users.find(connection, name) if link.user_name else None
    if known is None:
        return users.add(connection, name, hashed, link.role, now_s).id
    users.renew(connection, known.id, hashed, link.role)
    return known.id


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the session."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        sessions.end(connection, request.state.person.token_sha256)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


def _usable(request: Request, token: str) -> one_time_links.OneTimeLink:
    context: Context = request.app.state.context
    with context.database.read() as connection:
        link = one_time_links.find(connection, session_hash(token), context.wall_s())
        anybody = users.count(connection) > 0
    if link is None:
        raise Refused(404, "link_used" if anybody else "first_link_used")
    return link


def _signed_in(request: Request, user_id: int, now_s: float) -> Response:
    """Begins a session; the one that this browser had before ends."""
    context: Context = request.app.state.context
    token, browser = secrets.token_urlsafe(32), request.cookies.get(BROWSER_COOKIE, "")
    with context.database.write() as connection:
        if request.state.person is not None:
            sessions.end(connection, request.state.person.token_sha256)
        sessions.begin(connection, session_hash(token), user_id, now_s)
        if not sign_in_tries.people_of_browser(connection, session_hash(browser)):
            browser = secrets.token_urlsafe(32)
        sign_in_tries.know_browser(connection, session_hash(browser), user_id, now_s)
    response = RedirectResponse("/", status_code=303)
    for name, value, age_s in (
        (COOKIE, token, sessions.LIFETIME_S),
        (BROWSER_COOKIE, browser, sign_in_tries.LIFETIME_S),
    ):
        response.set_cookie(name, value, max_age=int(age_s), httponly=True, samesite="lax", secure=context.secure)
    return response


def _page(request: Request, template: str, status: int, problem: str = "", **values: object) -> Response:
    page: Response = request.app.state.pages.render(request, template, status=status, problem=problem, **values)
    return page
