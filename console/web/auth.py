"""Signing in and out, and where one-time links lead."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Annotated, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from console.domain.access import Role
from console.domain.account_name import is_name, spelled
from console.domain.site_tree import WHOLE_TREE, Grants
from console.domain.throttle import keys_of_try
from console.store import (
    audit,
    grants,
    one_time_links,
    provider_links,
    second_factors,
    sessions,
    sign_in_tries,
    users,
    ways_in,
)
from console.store.database import Database
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused
from console.web.identity import COOKIE, Missing, session_hash

router = APIRouter()
MIN_PASSWORD_CHARACTERS = 10
Text = Annotated[str, Form(max_length=200, pattern=r"^[^\x00]*$")]
BROWSER_COOKIE = "gatehouse_browser"
NEXT_STEP = {Missing.CODE: "/sign-in/code", Missing.ENROLMENT: "/second-factor"}
_hasher = PasswordHasher()
_P = ParamSpec("_P")
_T = TypeVar("_T")


@cache
def _nobody() -> str:
    """A hash verified where there is no such user, so that the answer takes as long as for one who exists."""
    return _hasher.hash(secrets.token_hex(16))


def new_link(
    database: Database, role: Role, name: str, now_s: float, granted: Grants | None = None, made_by: int | None = None
) -> str:
    """Makes a link for an account, new or known; earlier unused ones for the same stop working. Returns its token.

    name: of the account; empty where the person is to choose. granted: where it will have rights; None: as before, a
    new one everywhere. made_by: see `one_time_links.add`. Raises LastAdministratorError.
    """
    token = secrets.token_urlsafe(24)
    with database.write() as connection:
        known = users.find(connection, name)
        if granted is None:
            granted = grants.of_user(connection, known.id) if known is not None else WHOLE_TREE
        if known is not None and (role != Role.ADMINISTRATOR or not granted.everywhere):
            users.keep_an_administrator(connection, known.id)
        one_time_links.drop_unused(connection, name)
        one_time_links.add(connection, session_hash(token), role, name, now_s, granted, made_by)
    return token


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The form; who is half signed in goes on with the other half."""
    if request.state.lacks is not Missing.NOTHING:
        return RedirectResponse(NEXT_STEP[request.state.lacks], status_code=303)
    if request.state.person is not None:
        return RedirectResponse("/", status_code=303)
    return _page(request, "sign_in.html", 200, left=request.query_params.get("left") == "provider")


@router.post("/sign-in")
async def sign_in(request: Request, name: Text, password: Text) -> Response:
    """Checks name and password; too many wrong ones must wait."""
    return await in_turn(request, _sign_in, request, name, password)


async def in_turn(request: Request, work: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
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
    user, problem = check_password(request, name, password)
    if user is None:
        return _page(request, "sign_in.html", 429 if problem == "too_many_tries" else 401, problem=problem)
    return open_session(request, user.id, code_given=False)


def check_password(request: Request, name: str, password: str) -> tuple[users.User | None, str]:
    """Whose name and password these are, else None and a word of the group "problem"; each wrong one counts."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        found = users.credentials(connection, name)
    hashed = found[1] if found else _nobody()
    problem = counted(
        request, name, found[0].id if found else None, lambda: _is_right(hashed, password) and found is not None
    )
    if problem or found is None:
        return None, {"wrong": "wrong_password"}.get(problem, problem)
    if _hasher.check_needs_rehash(hashed):
        with context.database.write() as connection:
            users.set_password_hash(connection, found[0].id, _hasher.hash(password))
    return found[0], ""


def counted(request: Request, name: str, user_id: int | None, is_right: Callable[[], bool]) -> str:
    """Empty where `is_right` says so, "wrong", or "too_many_tries": then it was not asked.

    Every try to show who somebody is passes here, by password or second factor, at the door or inside: they share
    one count, kept in the database before anything is looked at.
    """
    context: Context = request.app.state.context
    now_s = context.wall_s()
    with context.database.write() as connection:
        keys = keys_of_try(address_of(request), name, _known_browser(request, connection, user_id))
        wait_s = sign_in_tries.begin(connection, keys, now_s)
    if wait_s > 0:
        return "too_many_tries"
    if not is_right():
        return "wrong"
    with context.database.write() as connection:
        sign_in_tries.succeeded(connection, keys, now_s)
    return ""


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def hash_password(password: str) -> str:
    """What is kept of a password."""
    return _hasher.hash(password)


def fault_of(password: str, again: str) -> str:
    """A word of the group "problem" where a new password can't be taken, else empty."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        return "password_too_short"
    return "" if password == again else "passwords_differ"


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
    return _welcome_page(request, 200, usable_link(request, token), token)


@router.post("/welcome/{token}")
async def welcome(
    request: Request,
    token: str,
    password: Text,
    again: Text,
    name: Text = "",
    end_all: Annotated[bool, Form()] = False,
) -> Response:
    """Makes the account, or gives its password and role anew, and uses the link up.

    end_all: also ends what goes on without a password.
    """
    return await in_turn(request, _welcome, request, token, password, again, name, end_all=end_all)


def _welcome(request: Request, token: str, password: str, again: str, name: str, *, end_all: bool) -> Response:
    context: Context = request.app.state.context
    link = usable_link(request, token)
    name, now_s = link.user_name or spelled(name), context.wall_s()
    problem = fault_of(password, again) or ("" if link.user_name or is_name(name) else "name_missing")
    if problem:
        return _welcome_page(request, 422, link, token, problem)
    hashed = _hasher.hash(password)
    try:
        with context.database.write() as connection:
            user_id = account_of_link(connection, name, hashed, link, now_s)
            if not one_time_links.use(connection, session_hash(token), now_s):
                raise Refused(404, "link_used")
            if end_all:
                ways_in.end(connection, user_id)
                about = audit.About(user_id=user_id)
                audit.write_about(connection, audit.By(user_id), "ways_ended", name, "", now_s, about)
    except users.NameTakenError:
        return _welcome_page(request, 422, link, token, "name_taken")
    except users.LastAdministratorError:
        return _welcome_page(request, 409, link, token, "last_administrator")
    return open_session(request, user_id, code_given=False)


def _welcome_page(
    request: Request, status: int, link: one_time_links.OneTimeLink, token: str, problem: str = ""
) -> Response:
    return _page(request, "welcome.html", status, problem, link=link, token=token, ways=ways_of_link(request, link))


def ways_of_link(request: Request, link: one_time_links.OneTimeLink) -> ways_in.WaysIn | None:
    """What goes on without a password of the account for which a link gives a new one; None of a new account."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        known = users.find(connection, link.user_name) if link.user_name else None
        return ways_in.of_user(connection, known.id, context.wall_s()) if known else None


def account_of_link(
    connection: Connection, name: str, hashed: str, link: one_time_links.OneTimeLink, now_s: float
) -> int:
    """Id of the account of a link. Who chooses a name can't choose somebody else's: NameTakenError."""
    known = users.find(connection, name) if link.user_name else None
    if known is None:
        return users.add(connection, name, hashed, link.role, now_s, link.granted).id
    cameras = frozenset() if known.disabled_at_s is not None else grants.of_user(connection, known.id).cameras
    users.renew(connection, known.id, hashed, link.role, replace(link.granted, cameras=cameras))
    return known.id


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the session; of who has a link to the provider of identities the page says that the one there may go on."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.half
    with context.database.write() as connection:
        sessions.end(connection, who.token_sha256)
        link = provider_links.of_user(connection, who.user_id) if context.provider else None
    there = bool(link and context.provider and link.issuer == context.provider.issuer)
    response = RedirectResponse("/sign-in?left=provider" if there else "/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


def usable_link(request: Request, token: str) -> one_time_links.OneTimeLink:
    """What a one-time link gives. Raises Refused where it has been used, withdrawn or has expired."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        link = one_time_links.find(connection, session_hash(token), context.wall_s())
        anybody = users.count(connection) > 0
    if link is None:
        raise Refused(404, "link_used" if anybody else "first_link_used")
    return link


def open_session(request: Request, user_id: int, *, code_given: bool) -> Response:
    """Begins a session; the one that this browser had before ends. code_given: of the second factor.

    The browser is known from then on, unless the code is still to come: known by the password alone, each new one would
    have guesses at the code of its own.
    """
    context: Context = request.app.state.context
    now_s, told = context.wall_s(), request.headers.get("User-Agent", "").replace("\x00", "")
    token, browser = secrets.token_urlsafe(32), request.cookies.get(BROWSER_COOKIE, "")
    with context.database.write() as connection:
        if request.state.half is not None and not request.state.half.token_name:
            sessions.end(connection, request.state.half.token_sha256)
        where = {"browser": told, "address": address_of(request)}
        sessions.begin(connection, session_hash(token), user_id, now_s, code_given=code_given, **where)
        cookies = [(COOKIE, token, sessions.LIFETIME_S)]
        if code_given or second_factors.secret(connection, user_id) is None:
            if not sign_in_tries.people_of_browser(connection, session_hash(browser)):
                browser = secrets.token_urlsafe(32)
            sign_in_tries.know_browser(connection, session_hash(browser), user_id, now_s)
            cookies.append((BROWSER_COOKIE, browser, sign_in_tries.LIFETIME_S))
    response = RedirectResponse("/", status_code=303)
    for name, value, age_s in cookies:
        response.set_cookie(name, value, max_age=int(age_s), httponly=True, samesite="lax", secure=context.secure)
    return response


def _page(request: Request, template: str, status: int, problem: str = "", **values: object) -> Response:
    page: Response = request.app.state.pages.render(request, template, status=status, problem=problem, **values)
    return page
