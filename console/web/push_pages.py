"""Alarms in a browser whose page is closed: a person's own browsers say that they want them."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from console.store import push_subscriptions
from console.store.push_subscriptions import Subscription
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
_Key = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]
# The push services of the browsers: the console posts to no address that somebody makes up.
SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    ".push.services.mozilla.com",
    ".notify.windows.com",
    ".push.apple.com",
)


class PushForm(BaseModel):
    """What a browser tells of itself."""

    endpoint: Annotated[str, Field(max_length=1000)]
    p256dh: _Key
    auth: _Key


def is_service(endpoint: str) -> bool:
    """Whether an address is one at a browser's push service."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    known = any(host == one or (one.startswith(".") and host.endswith(one)) for one in SERVICES)
    return parts.scheme == "https" and known and port in (None, 443) and "@" not in parts.netloc


@router.post("/account/push")
def subscribe(request: Request, told: Annotated[PushForm, Form()]) -> Response:
    """This browser wants alarms."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    if not is_service(told.endpoint):
        raise Refused(422, "malformed")
    one = Subscription(told.endpoint, told.p256dh, told.auth)
    browser = request.headers.get("User-Agent", "")
    with context.database.write() as connection:
        push_subscriptions.add(connection, who.user_id, one, browser, context.wall_s())
    return Response(status_code=204)


@router.post("/account/push/remove")
def remove(request: Request) -> Response:
    """None of one's browsers is told any more."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    with context.database.write() as connection:
        push_subscriptions.forget_all(connection, who.user_id)
    return RedirectResponse("/account", status_code=303)
