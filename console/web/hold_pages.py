"""Has boxes keep what they recorded, whatever becomes of their disks: around an alert, or of any camera and time."""

import re
import uuid
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from broker.contract.holds import MOST_HOLDS
from console.domain.access import Action, Place, may
from console.domain.hold import AROUND_MOST_MIN, LONGEST_S, span_problem
from console.store import alerts, audit, changes, holds, nodes, sites
from console.store.known_cameras import KnownCamera
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused
from console.web.find_places import find
from console.web.i18n import Language
from console.web.written_moment import read_moment

router = APIRouter()
MOST = 50  # on a page
_PLAIN = r"^[^\x00]*$"
_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,12})_([0-9a-f-]{36})", re.ASCII)
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
_Reason = Annotated[str, Field(max_length=500, pattern=_PLAIN)]
_Minutes = Annotated[int, Field(ge=0, le=AROUND_MOST_MIN)]


class AskedHolds(BaseModel):
    """What the address of the page asks for: the camera and time to begin with, or older holds. done: what was done."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    of: str = Field("", max_length=300, pattern=_PLAIN)
    find: str = Field("", max_length=100, pattern=_PLAIN)
    begin: str = Field("", alias="from", max_length=30)
    end: str = Field("", alias="to", max_length=30)
    older: str = Field("", max_length=60)
    done: str = Field("", max_length=20)

    def address(self, **more: object) -> str:
        """The address of the page that asks for the same, but for `more`; the latest holds first."""
        said = self.model_dump(by_alias=True, exclude={"older", "done"}) | more
        query = urlencode({name: value for name, value in said.items() if value})
        return f"/holds?{query}" if query else "/holds"


class SpanForm(BaseModel):
    """A camera and a time, in local moments, to be kept; of: "node/camera"."""

    model_config = ConfigDict(populate_by_name=True)

    id: _Id
    of: str = Field("", max_length=300, pattern=_PLAIN)
    begin: str = Field("", alias="from", max_length=30)
    end: str = Field("", alias="to", max_length=30)
    reason: _Reason = ""


class AlertForm(BaseModel):
    """Minutes before and after an alert to be kept with its files."""

    id: _Id
    before: _Minutes
    after: _Minutes
    reason: _Reason


class ReleaseForm(BaseModel):
    """Why it need not be kept any longer. back: the page of its alert, not the list."""

    reason: _Reason
    back: bool = False


class _ProblemError(ValueError):
    """Why this can't be kept; the text is a word of the group "hold_problem"."""


@router.get("/holds")
def holds_page(request: Request, asked: Annotated[AskedHolds, Query()]) -> Response:
    """What is kept, the latest first, and a form to have more of it kept."""
    return _page(request, asked)


def _page(request: Request, asked: AskedHolds, problem: str = "", reason: str = "") -> Response:
    context: Context = request.app.state.context
    cursor = _CURSOR.fullmatch(asked.older)
    with context.database.read() as connection:
        where = find(connection, asked.of, asked.find)
        if where is None:
            raise Refused(404, "not_found")
        older = (float(cursor[1]), cursor[2]) if cursor else None
        found = holds.listing(connection, MOST + 1, older)
    last = found[MOST - 1] if len(found) > MOST else None
    page: Response = request.app.state.pages.render(
        request,
        "holds.html",
        status=422 if problem else 200,
        asked=asked,
        where=where,
        problem=problem,
        reason=reason,
        found=found[:MOST],
        goes_on=f"{last.asked_at_s!r}_{last.id}" if last else "",
        new_id=str(uuid.uuid4()),
    )
    return page


@router.post("/holds")
def hold_span(request: Request, told: Annotated[SpanForm, Form()]) -> Response:
    """Has a box keep what a camera of it recorded in a time, or will."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s = context.wall_s()
    try:
        reason = _reason(told.reason)
        from_at_s, to_at_s = _span(language, told, now_s)
        with context.database.write() as connection:
            camera = _camera(connection, request, told.of)
            box = nodes.find(connection, camera.node)
            behind_s = box.clock_behind_s if box else 0.0
            asked = holds.Asked(told.id, camera.node_id, camera.name, None, from_at_s, to_at_s, behind_s, reason)
            who = _who(request)
            if holds.ask(connection, asked, who.user_id, now_s, MOST_HOLDS):
                subject, about = f"{camera.site} · {camera.label}", audit.About(site_id=camera.site_id)
                detail = _detail(language, from_at_s, to_at_s, reason)
                audit.write_about(connection, who.by, "hold", subject, detail, now_s, about)
    except (_ProblemError, holds.TooManyHoldsError) as error:
        again = AskedHolds.model_validate({"of": told.of, "from": told.begin, "to": told.end})
        return _page(request, again, str(error) or "too_many", told.reason)
    return RedirectResponse("/holds?done=asked", status_code=303)


@router.post("/holds/of-alert/{event_id}")
def hold_alert(request: Request, event_id: str, told: Annotated[AlertForm, Form()]) -> Response:
    """Has a box keep all files of an alert, and what was recorded around it."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s, reason = context.wall_s(), told.reason.strip()
    if not reason:
        raise Refused(422, "hold_reason")
    with context.database.write() as connection:
        own, place = alerts.find(connection, event_id), sites.place_of_alert(connection, event_id)
        if own is None or place is None or place.node_id is None:
            raise Refused(404, "not_found")
        if not nodes.CAMERA_NAME.fullmatch(place.camera):
            raise Refused(422, "hold_camera")
        closed_at_s = own.event.get("closed_at_s")
        ended_s = max(own.opened_at_s, now_s if closed_at_s is None else closed_at_s + own.clock_behind_s)
        from_at_s = own.opened_at_s - 60 * told.before
        to_at_s = min(ended_s + 60 * told.after, from_at_s + LONGEST_S)
        behind_s = own.clock_behind_s
        asked = holds.Asked(told.id, place.node_id, place.camera, event_id, from_at_s, to_at_s, behind_s, reason)
        try:
            is_new = holds.ask(connection, asked, _who(request).user_id, now_s, MOST_HOLDS)
        except holds.TooManyHoldsError:
            raise Refused(409, "too_many_holds") from None
        if is_new:
            detail = _detail(language, from_at_s, to_at_s, reason)
            audit.write(connection, _who(request).by, "hold", event_id, detail, now_s)
            changes.append(connection, "alert", event_id, "held", now_s)
    return RedirectResponse(f"/alerts/{event_id}#holds", status_code=303)


@router.post("/holds/{hold_id}/release")
def release(request: Request, hold_id: str, told: Annotated[ReleaseForm, Form()]) -> Response:
    """Lets go: from now on the box may overwrite it as anything else."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s, reason = context.wall_s(), told.reason.strip()
    if not reason:
        raise Refused(422, "hold_reason")
    with context.database.write() as connection:
        hold, place = holds.find(connection, hold_id), holds.place(connection, hold_id)
        if hold is None or place is None:
            raise Refused(404, "not_found")
        who = _who(request)
        if not holds.release(connection, hold_id, who.user_id, reason, now_s):
            raise Refused(409, "hold_released")
        detail = _detail(language, hold.from_at_s, hold.to_at_s, reason)
        if hold.event_id:
            audit.write(connection, who.by, "hold_released", hold.event_id, detail, now_s)
            changes.append(connection, "alert", hold.event_id, "held", now_s)
        else:
            subject, about = f"{hold.site} · {hold.camera_label}", audit.About(site_id=place.site_id)
            audit.write_about(connection, who.by, "hold_released", subject, detail, now_s, about)
    to = f"/alerts/{hold.event_id}#holds" if told.back and hold.event_id else "/holds?done=released"
    return RedirectResponse(to, status_code=303)


def _who(request: Request) -> SignedIn:
    who: SignedIn = request.state.person
    return who


def _reason(text: str) -> str:
    """Raises _ProblemError where there is none."""
    if not text.strip():
        raise _ProblemError("reason")
    return text.strip()


def _span(language: Language, told: SpanForm, now_s: float) -> tuple[float, float]:
    """UTC seconds. Raises _ProblemError."""
    try:
        span = read_moment(language, told.begin), read_moment(language, told.end, last=True)
    except ValueError:
        raise _ProblemError("time") from None
    if problem := span_problem(*span, now_s):
        raise _ProblemError(problem)
    return span


def _camera(connection: Connection, request: Request, key: str) -> KnownCamera:
    """The camera of a key, within the rights of who asks. Raises _ProblemError."""
    where = find(connection, key)
    camera = where.chosen.camera if where else None
    if camera is None or not nodes.CAMERA_NAME.fullmatch(camera.name):
        raise _ProblemError("place")
    if not may(_who(request).rights, Action.HOLD_RECORDING, Place(camera.site_id, camera.node_id, camera.name)):
        raise _ProblemError("place")
    return camera


def _detail(language: Language, from_at_s: float, to_at_s: float, reason: str) -> str:
    return f"{language.sortable(from_at_s)} – {language.sortable(to_at_s)}: {reason}"
