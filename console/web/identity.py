"""Who stands behind a request: a person by the cookie of a session, or a program by a token of a person."""

from enum import StrEnum

from fastapi import Request
from sqlalchemy import Connection

from console.domain.access import EVERYWHERE
from console.store import api_tokens, sessions
from console.store.narrowing import seeing
from console.store.nodes import token_hash
from console.store.sessions import SignedIn
from console.web.context import Context

COOKIE = "gatehouse_session"


class Missing(StrEnum):
    """What a session still has to bring before it opens anything."""

    NOTHING = ""
    CODE = "code"  # of the second factor that the person has
    ENROLMENT = "enrolment"  # a second factor, which the person's role must have


def session_hash(token: str) -> str:
    """What is kept of a session's token."""
    return token_hash(token)


def bearer(request: Request) -> str:
    """The token that a program sends, empty where it sends none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def identify(request: Request, context: Context) -> SignedIn | None:
    """Who asks. A request that brings a token is its program's, whatever cookies come with it."""
    token, cookie = bearer(request), request.cookies.get(COOKIE)
    if not token and not cookie:
        return None
    now_s = context.wall_s()
    with seeing(EVERYWHERE), context.database.read() as connection:
        found = look_up(connection, session_hash(token or cookie or ""), now_s, by_token=bool(token))
    if found is None:
        return None
    who, touch_due = found
    if touch_due:
        touch = api_tokens.touch if token else sessions.touch
        context.notes.write(lambda connection: touch(connection, who.token_sha256, now_s))
    return who


def look_up(connection: Connection, sha256: str, now_s: float, *, by_token: bool) -> tuple[SignedIn, bool] | None:
    """Whom a hash stands for now, and whether a note of its use is due."""
    return (api_tokens.find if by_token else sessions.find)(connection, sha256, now_s)


def is_still(context: Context, who: SignedIn) -> bool:
    """Whether somebody may go on as they began: the same session or token, with the same rights. Asks the database."""
    with seeing(EVERYWHERE), context.database.read() as connection:
        found = look_up(connection, who.token_sha256, context.wall_s(), by_token=bool(who.token_name))
    return found is not None and found[0] == who and not missing(context, who)


def missing(context: Context, who: SignedIn) -> Missing:
    """What a session still has to bring. A program has nothing in its hand but its token."""
    if who.token_name:
        return Missing.NOTHING
    if who.has_totp:
        return Missing.NOTHING if who.code_given else Missing.CODE
    return Missing.ENROLMENT if who.role in context.totp_roles else Missing.NOTHING
