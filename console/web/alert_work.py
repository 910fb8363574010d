"""What people do with alerts, from forms and from scripts: one route for every step."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from console.domain.access import Action, may
from console.domain.alert import CloseReason, Severity
from console.domain.alert_work import Act, Step
from console.store import alert_work, alerts
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
_INCOMPLETE = ("reason_missing", "note_missing", "why_missing", "priority_missing")
MOST_AT_ONCE = 80  # ids; a form holds no more beside a long note
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


class Wanted(BaseModel):
    """What a form says beside the step. also: the other alerts of the incident that the person saw and means, too."""

    reason: _Text = ""
    note: _Text = ""
    priority: _Text = ""
    also: Annotated[tuple[_Text, ...], Field(max_length=MOST_AT_ONCE)] = ()

    def act(self, step: Step, who: SignedIn) -> Act:
        """The step of this person; what is no known word counts as missing."""
        reason = CloseReason(self.reason) if self.reason in list(CloseReason) else None
        priority = Severity(self.priority) if self.priority in list(Severity) else None
        over_others = may(who.rights, Action.CORRECT_CLOSINGS)
        return Act(step, who.user_id, reason, self.note, priority, who.token_name, over_others)


@router.post("/alerts/{event_id}/{step}")
def act(request: Request, event_id: str, step: Step, wanted: Annotated[Wanted, Form()]) -> Response:
    """A person does something with an alert, or with several of an incident at once.

    Of several, each takes the step for which it is the time; that somebody else has one is told in any case.
    """
    context: Context = request.app.state.context
    try:
        with context.database.write() as connection:
            _check_site(connection, event_id, wanted.also)
            what = wanted.act(step, request.state.person)
            came_of = alert_work.act(connection, (event_id, *wanted.also), what, context.wall_s())
    except alerts.NoSuchAlertError:
        raise Refused(404, "not_found") from None
    taken = next((one for one in came_of if one.refused == "taken"), None)
    refused = [one.refused for one in came_of if one.refused]
    if taken is not None:
        return _taken(request, event_id, taken, len(came_of) - len(refused))
    if len(refused) == len(came_of):
        raise Refused(422 if refused[0] in _INCOMPLETE else 409, refused[0])
    if "text/html" not in request.headers.get("Accept", ""):
        return Response(status_code=204)
    return RedirectResponse(f"/alerts/{event_id}", status_code=303)


def _check_site(connection: Connection, event_id: str, also: Sequence[str]) -> None:
    """Who may handle the alert in the address may handle others of its site, and of no other one by the way."""
    if len(alerts.sites_of(connection, (event_id, *also))) > 1:
        raise Refused(404, "not_found")


def _taken(request: Request, event_id: str, taken: alert_work.Outcome, done: int) -> Response:
    """Tells who was faster and when."""
    if "text/html" in request.headers.get("Accept", ""):
        return RedirectResponse(f"/alerts/{event_id}?taken=true", status_code=303)
    context: Context = request.app.state.context
    language = request.app.state.pages.language(request)
    at = language.hour(taken.owned_at_s or 0.0, context.wall_s())
    return JSONResponse({"error": "taken", "by": taken.owner, "at": at, "done": done}, 409)
