"""One's own account: password, second factor, where one is signed in, tokens of programs."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Place, Role, roles_to_lend
from console.domain.site_tree import in_order
from console.store import (
    api_tokens,
    audit,
    provider_links,
    push_subscriptions,
    second_factors,
    sessions,
    sites,
    users,
    ways_in,
)
from console.store.api_tokens import ApiToken
from console.store.sessions import SignedIn
from console.web.access import MOST_ID
from console.web.auth import Text, check_password, fault_of, hash_password, in_turn
from console.web.context import Context
from console.web.errors import Refused
from console.web.identity import session_hash
from console.web.words import WORDS

router = APIRouter()
DAYS = (30, 90, 365)  # that a token may live
DAY_S = 86_400.0
Name = Annotated[str, Form(max_length=64, pattern=r"^[^\x00-\x1f]*$")]


@router.get("/account")
def account_page(request: Request) -> Response:
    """Everything about one's own account."""
    return _page(request)


@router.post("/account/password")
async def change_password(
    request: Request, password: Text, new: Text, again: Text, end_all: Annotated[bool, Form()] = False
) -> Response:
    """Another password; all other sessions of this person end. end_all: what goes on without a password, too."""
    return await in_turn(request, _change_password, request, password, new, again, end_all=end_all)


def _change_password(request: Request, password: str, new: str, again: str, *, end_all: bool) -> Response:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    fault = fault_of(new, again)
    user, problem = (None, fault) if fault else check_password(request, who.name, password)
    if user is None:
        return _page(request, 429 if problem == "too_many_tries" else 422, password_problem=problem)
    hashed, now_s = hash_password(new), context.wall_s()
    with context.database.write() as connection:
        users.set_password_hash(connection, who.user_id, hashed)
        sessions.end_others(connection, who.user_id, who.token_sha256)
        _note(connection, who, "password", "", now_s)
        if end_all:
            ways_in.end(connection, who.user_id)
            _note(connection, who, "ways_ended", "", now_s)
    return RedirectResponse("/account?done=password", status_code=303)


@router.post("/account/sessions/{session}/end")
def end_session(request: Request, session: str) -> Response:
    """Signs oneself out elsewhere, or here."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    with context.database.write() as connection:
        if not sessions.end_of_user(connection, who.user_id, session):
            raise Refused(404, "not_found")
        _note(connection, who, "session_ended", "", context.wall_s())
    return RedirectResponse("/account", status_code=303)


@router.post("/account/tokens")
def make_token(
    request: Request,
    name: Name,
    role: Annotated[Role, Form()],
    days: Annotated[int, Form()],
    site: Annotated[int, Form(ge=0, le=MOST_ID)] = 0,
    reads_only: Annotated[bool, Form()] = False,
) -> Response:
    """Makes a token, shown this once. site: 0 for everywhere that its owner may."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    if not name.strip() or days not in DAYS or role not in roles_to_lend(who.rights.actions):
        raise Refused(422, "malformed")
    if site and not who.rights.reach.covers(Place(site)):
        raise Refused(404, "not_found")
    now_s, token = context.wall_s(), api_tokens.PREFIX + secrets.token_urlsafe(32)
    wanted = ApiToken(
        0, who.user_id, name.strip(), role, reads_only, site or None, None, now_s, now_s + days * DAY_S, None
    )
    try:
        with context.database.write() as connection:
            if site and all(one.id != site for one in sites.listing(connection)):
                raise Refused(404, "not_found")
            api_tokens.add(connection, session_hash(token), wanted)
            _note(connection, who, "token_made", wanted.name, now_s)
    except api_tokens.TooManyTokensError:
        raise Refused(409, "too_many_tokens") from None
    return _page(request, new_token=token)


@router.post("/account/tokens/{token_id}/end")
def end_token(request: Request, token_id: int) -> Response:
    """Ends one of one's own tokens."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    with context.database.write() as connection:
        name = api_tokens.end(connection, who.user_id, min(token_id, MOST_ID))
        if name is None:
            raise Refused(404, "not_found")
        _note(connection, who, "token_ended", name, context.wall_s())
    return RedirectResponse("/account#tokens", status_code=303)


def _page(request: Request, status: int = 200, *, password_problem: str = "", new_token: str = "") -> Response:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    with context.database.read() as connection:
        link = provider_links.of_user(connection, who.user_id)
        values = {
            "sessions": sessions.of_user(connection, who.user_id, context.wall_s()),
            "tokens": api_tokens.of_user(connection, who.user_id),
            "provider_link": link if context.provider and link and link.issuer == context.provider.issuer else None,
            "browsers": push_subscriptions.count(connection, who.user_id),
            "ways": ways_in.of_user(connection, who.user_id, context.wall_s()),
            "codes_left": second_factors.codes_left(connection, who.user_id),
            "sites": in_order(sites.listing(connection)),
        }
    page: Response = request.app.state.pages.render(
        request,
        "account.html",
        status=status,
        password_problem=password_problem,
        new_token=new_token,
        this=who.token_sha256[: sessions.KEY_LENGTH],
        must_have_factor=who.role in context.totp_roles,
        done=request.query_params.get("done", ""),
        provider_problem=_known_problem(request.query_params.get("provider", "")),
        days=DAYS,
        push_key=context.push_key,
        roles=roles_to_lend(who.rights.actions),
        **values,
    )
    return page


def _known_problem(word: str) -> str:
    """A word of the group "problem" that came by the address, else empty: nobody's link writes onto this page."""
    return word if word in WORDS["problem"] else ""


def _note(connection: Connection, who: SignedIn, action: str, detail: str, now_s: float) -> None:
    about = audit.About(user_id=who.user_id)
    audit.write_about(connection, who.by, action, who.name, detail, now_s, about)
