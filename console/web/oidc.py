"""Signing in through a provider of identities (OpenID Connect): with what was linked before, and with nothing else."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Action, may
from console.domain.throttle import keys_of_try
from console.store import audit, one_time_links, provider_links, sessions, sign_in_tries, users
from console.store.sessions import SignedIn
from console.web.auth import (
    BROWSER_COOKIE,
    Text,
    account_of_link,
    address_of,
    check_password,
    hash_password,
    in_turn,
    open_session,
    usable_link,
    ways_of_link,
)
from console.web.context import Context
from console.web.errors import Refused
from console.web.identity import session_hash
from console.web.identity_provider import (
    BACK,
    Begun,
    IdentityProvider,
    ProviderAwayError,
    ProviderRefusedError,
)

router = APIRouter()
FLOW_COOKIE = "gatehouse_provider"
FLOW_S = 600  # to sign in there, with a second factor of theirs
_PROBLEMS: dict[type[Exception], str] = {
    ProviderAwayError: "provider_away",
    ProviderRefusedError: "provider_refused",
    provider_links.SubjectTakenError: "provider_taken",
    users.LastAdministratorError: "last_administrator",
}
_STATUS = {"provider_away": 503, "too_many_tries": 429}
_STATUS |= dict.fromkeys(("provider_taken", "last_administrator", "provider_no_way_out"), 409)
Told = Annotated[str, Query(max_length=4096, pattern=r"^[^\x00]*$")]


class Purpose(StrEnum):
    """What somebody goes to the provider for."""

    SIGN_IN = "sign_in"
    LINK = "link"
    WELCOME = "welcome"


@dataclass(frozen=True, slots=True)
class Flow:
    """What a browser keeps while somebody is away at the provider.

    key: for linking the hash of the session's token, so that nobody's browser links what another one began; for an
    invitation its token.
    """

    state: str
    nonce: str
    verifier: str
    purpose: Purpose
    key: str

    @property
    def begun(self) -> Begun:
        """What the provider's answer is measured by."""
        return Begun(self.state, self.nonce, self.verifier)


class NotDoneError(Exception):
    """Nobody is signed in and nothing is linked. `problem`: a word of the group "problem"."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@router.get("/sign-in/provider")
async def begin_sign_in(request: Request) -> Response:
    """Leads to the provider. A link, no form: of those the pages' policy allows none to lead elsewhere."""
    provider = _provider(request)
    return await provider.turns.run(_lead_away, request, provider, Purpose.SIGN_IN, "")


@router.get("/welcome/{token}/provider")
async def begin_welcome(request: Request, token: str) -> Response:
    """Leads who is invited to the provider, in place of a password."""
    provider = _provider(request)
    return await provider.turns.run(_lead_away, request, provider, Purpose.WELCOME, token)


def _lead_away(request: Request, provider: IdentityProvider, purpose: Purpose, key: str) -> Response:
    if purpose is Purpose.WELCOME and not usable_link(request, key).user_name:
        raise Refused(404, "not_found")  # the first administrator has a password, for when the provider is away
    try:
        address, flow = _begin(request, provider, purpose, key)
    except NotDoneError as not_done:
        return _say(request, purpose, key, not_done.problem)
    return _remember(request, RedirectResponse(address, status_code=303), flow)


@router.post("/account/provider")
async def begin_link(request: Request, password: Text) -> Response:
    """Leads who has given the password to the provider, to link an account there.

    By a page with a link: where a form leads, there the pages' policy lets nobody be led on to another site. The
    password, and that a form asks for it: else another page could link its own account to whoever looks at it.
    """
    provider = _provider(request)
    problem = await in_turn(request, _wrong_password, request, password)
    if problem:
        return _to_account(problem)
    return await provider.turns.run(_link_page, request, provider)


def _link_page(request: Request, provider: IdentityProvider) -> Response:
    try:
        address, flow = _begin(request, provider, Purpose.LINK, request.state.person.token_sha256)
    except NotDoneError as not_done:
        return _to_account(not_done.problem)
    return _remember(request, request.app.state.pages.render(request, "provider.html", address=address), flow)


@router.post("/account/provider/remove")
async def remove_own(request: Request, password: Text) -> Response:
    """Takes one's own link away. The password shows that there is another way in."""
    problem = await in_turn(request, _wrong_password, request, password)
    if problem:
        return _to_account(problem)
    who: SignedIn = request.state.person
    context: Context = request.app.state.context
    with context.database.write() as connection:
        if provider_links.take_away(connection, who.user_id):
            _note(connection, who.user_id, "provider_unlinked", (who.user_id, who.name), "", context.wall_s())
    return RedirectResponse("/account?done=unlinked", status_code=303)


@router.post("/people/{user_id}/provider/remove")
def remove(request: Request, user_id: int) -> Response:
    """Takes somebody's link away; their sessions end, because it may be somebody else who uses it."""
    context: Context = request.app.state.context
    if user_id == request.state.person.user_id:
        raise Refused(409, "not_yourself")  # one's own goes with one's password
    with context.database.write() as connection:
        user = users.find_by_id(connection, user_id)
        if user is None or not provider_links.take_away(connection, user_id):
            raise Refused(409, "no_provider_link")
        sessions.end_others(connection, user_id, "")
        by = request.state.person.user_id
        _note(connection, by, "provider_unlinked", (user_id, user.name), "", context.wall_s())
    return RedirectResponse(f"/people/{user_id}", status_code=303)


@router.get("/sign-out/provider")
async def sign_out_there(request: Request) -> Response:
    """Leads who has signed out here to where one signs out at the provider: its session outlives ours."""
    provider = _provider(request)
    return await provider.turns.run(_lead_out, request, provider)


def _lead_out(request: Request, provider: IdentityProvider) -> Response:
    context: Context = request.app.state.context
    try:
        address = provider.way_out(context.wall_s())
    except ProviderAwayError:
        return _say(request, Purpose.SIGN_IN, "", "provider_away")
    if not address:
        return _say(request, Purpose.SIGN_IN, "", "provider_no_way_out")
    return RedirectResponse(address, status_code=303)


@router.get(BACK)
async def come_back(request: Request, state: Told = "", code: Told = "", error: Told = "", iss: Told = "") -> Response:
    """Where the provider sends people back to, with a code that works once; with nothing after they signed out."""
    provider = _provider(request)
    if not (state or code or error):
        return RedirectResponse("/sign-in", status_code=303)
    flow = _flow(request)
    if flow is None or not secrets.compare_digest(state.encode(), flow.state.encode()):
        response = _say(request, Purpose.SIGN_IN, "", "provider_again")
    else:
        believed = not error and iss in ("", provider.issuer)
        response = await provider.turns.run(_come_back, request, provider, flow, code if believed else "")
    response.delete_cookie(FLOW_COOKIE, path=BACK)
    return response


def _come_back(request: Request, provider: IdentityProvider, flow: Flow, code: str) -> Response:
    try:
        return _finish(request, provider, flow, code)
    except tuple(_PROBLEMS) as error:
        problem = _PROBLEMS[type(error)]
    except NotDoneError as not_done:
        problem = not_done.problem
    return _say(request, flow.purpose, flow.key, problem)


def _finish(request: Request, provider: IdentityProvider, flow: Flow, code: str) -> Response:
    context: Context = request.app.state.context
    if not code:
        raise ProviderRefusedError
    now_s = context.wall_s()
    with context.database.write() as connection:
        keys = _keys_of_try(request, connection)
        if sign_in_tries.begin(connection, keys, now_s) > 0:
            raise NotDoneError("too_many_tries")
    subject = provider.subject(code, flow.begun, now_s)
    finish = {Purpose.SIGN_IN: _sign_in, Purpose.LINK: _link, Purpose.WELCOME: _welcome}[flow.purpose]
    response = finish(request, provider.issuer, subject, flow.key)
    with context.database.write() as connection:
        sign_in_tries.succeeded(connection, keys, now_s)
    return response


def _sign_in(request: Request, issuer: str, subject: str, _key: str) -> Response:
    """As after a password: a second factor of the account is still to come."""
    context: Context = request.app.state.context
    now_s = context.wall_s()
    with context.database.write() as connection:
        user = provider_links.sign_in(connection, issuer, subject, now_s)
        if user is None:
            raise NotDoneError("provider_unknown")
        _note(connection, user[0], "provider_sign_in", user, subject, now_s)
    return open_session(request, user[0], code_given=False)


def _link(request: Request, issuer: str, subject: str, key: str) -> Response:
    """Links for the session that began it, if it goes on."""
    context: Context = request.app.state.context
    who: SignedIn | None = request.state.person
    if who is None or who.token_name or not may(who.rights, Action.OWN_ACCOUNT) or who.token_sha256 != key:
        raise NotDoneError("provider_again")
    now_s = context.wall_s()
    with context.database.write() as connection:
        provider_links.link(connection, who.user_id, issuer, subject, now_s)
        _note(connection, who.user_id, "provider_linked", (who.user_id, who.name), subject, now_s)
    return RedirectResponse("/account?done=linked", status_code=303)


def _welcome(request: Request, issuer: str, subject: str, token: str) -> Response:
    """Makes the account of an invitation, with a password that nobody knows, and uses the invitation up."""
    context: Context = request.app.state.context
    link, now_s = usable_link(request, token), context.wall_s()
    hashed = hash_password(secrets.token_urlsafe(32))
    with context.database.write() as connection:
        user_id = account_of_link(connection, link.user_name, hashed, link, now_s)
        if not link.user_name or not one_time_links.use(connection, session_hash(token), now_s):
            raise Refused(404, "link_used")
        provider_links.link(connection, user_id, issuer, subject, now_s)
        _note(connection, user_id, "provider_linked", (user_id, link.user_name), subject, now_s)
    return open_session(request, user_id, code_given=False)


def _provider(request: Request) -> IdentityProvider:
    context: Context = request.app.state.context
    if context.provider is None:
        raise Refused(404, "not_found")
    return context.provider


def _begin(request: Request, provider: IdentityProvider, purpose: Purpose, key: str) -> tuple[str, Flow]:
    context: Context = request.app.state.context
    try:
        address, begun = provider.begin(context.wall_s())
    except ProviderAwayError:
        raise NotDoneError("provider_away") from None
    return address, Flow(begun.state, begun.nonce, begun.verifier, purpose, key)


def _remember(request: Request, response: Response, flow: Flow) -> Response:
    context: Context = request.app.state.context
    value = base64.urlsafe_b64encode(json.dumps(asdict(flow)).encode()).decode()
    response.set_cookie(
        FLOW_COOKIE, value, max_age=FLOW_S, path=BACK, httponly=True, samesite="lax", secure=context.secure
    )
    return response


def _flow(request: Request) -> Flow | None:
    """What this browser keeps; None where that is nothing, or can't be read."""
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(FLOW_COOKIE, "")))
        values = {name: str(found[name]) for name in ("state", "nonce", "verifier", "key")}
        flow = Flow(**values, purpose=Purpose(found["purpose"]))
    except (ValueError, TypeError, KeyError, RecursionError):  # whoever looks after the browser can write anything
        return None
    return flow if flow.state and flow.nonce and flow.verifier and "".join(values.values()).isascii() else None


def _keys_of_try(request: Request, connection: Connection) -> dict[str, str]:
    """As for a password, by the browser or the address; there is no name yet."""
    token = session_hash(request.cookies.get(BROWSER_COOKIE, ""))
    known = token if sign_in_tries.people_of_browser(connection, token) else None
    keys = keys_of_try(address_of(request), "", known)
    return {kind: key for kind, key in keys.items() if kind != "name"}


def _wrong_password(request: Request, password: str) -> str:
    """A word of the group "problem", empty where the password is that of who asks."""
    return check_password(request, request.state.person.name, password)[1]


def _to_account(problem: str) -> Response:
    return RedirectResponse(f"/account?provider={problem}#provider", status_code=303)


def _say(request: Request, purpose: Purpose, token: str, problem: str) -> Response:
    """The page from which it was begun, with what went wrong; what it offers besides goes on working."""
    if purpose is Purpose.LINK or (request.state.person is not None and purpose is Purpose.SIGN_IN):
        return _to_account(problem)
    values: dict[str, object] = {"problem": problem}
    if purpose is Purpose.WELCOME:
        link = usable_link(request, token)
        values |= {"link": link, "token": token, "ways": ways_of_link(request, link)}
    template = "welcome.html" if purpose is Purpose.WELCOME else "sign_in.html"
    page: Response = request.app.state.pages.render(request, template, status=_STATUS.get(problem, 401), **values)
    return page


def _note(connection: Connection, by: int, action: str, person: tuple[int, str], subject: str, now_s: float) -> None:
    audit.write_about(connection, audit.By(by), action, person[1], subject, now_s, audit.About(user_id=person[0]))
