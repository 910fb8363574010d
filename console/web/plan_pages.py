"""The plan of a site with its cameras and zones, which light up: a page to look at, and to put them there."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from console.domain.access import Action, Place, may
from console.domain.alert import SEVERITY_ORDER
from console.store import audit, nodes, plans, site_setup
from console.store.open_alerts import Lit, by_place
from console.store.sessions import SignedIn
from console.web.camera_view import CameraView, Watch, watch
from console.web.context import Context
from console.web.errors import Refused
from console.web.plan_drawing import MOST_BYTES, drawing_of

router = APIRouter()
UPLOAD_S = 60.0
_MOST_ID = 2**31 - 1
_SiteId = Annotated[int, Path(ge=1, le=_MOST_ID)]
_Name = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
_Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_decoding = threading.Lock()  # a large picture takes 200 MB for a moment; two at once take twice that


@dataclass(frozen=True, slots=True)
class Mark:
    """A camera, or a zone of it, that can stand on a plan. spot: None until somebody puts it there.

    zone: its key, empty for the camera itself; condition, reason_code: how it sees; lit: what is open there.
    """

    seen: CameraView
    zone: str
    label: str
    spot: plans.Spot | None
    condition: str
    reason_code: str
    lit: Lit | None


class Wanted(BaseModel):
    """Where something is to stand; nowhere without x and y."""

    node: _Name
    camera: _Name
    zone: _Name = ""
    x: _Fraction | None = None
    y: _Fraction | None = None


@router.get("/plan")
def plan_page(
    request: Request, site: Annotated[int | None, Query(ge=1, le=_MOST_ID)] = None, edit: bool = False
) -> Response:
    """The plan of a site, of the first one where none is named. edit: to arrange what stands on it."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    now_s = context.wall_s()
    with context.database.read() as connection:
        listed = site_setup.listing(connection)
        every = [one for one in listed if may(who.rights, Action.SEE_NODES, Place(one.id))]
        chosen = next((one for one in every if one.id == site), every[0] if every and site is None else None)
        if chosen is None and site is not None:
            raise Refused(404, "not_found")
        of = {box.id for box in nodes.listing(connection) if chosen and box.site_id == chosen.id}
        seen = watch(connection, now_s, context.broker_connected(), of)
        drawing = plans.find(connection, chosen.id) if chosen else None
        spots = plans.spots(connection, chosen.id) if chosen else {}
        lit = by_place(connection, of) if may(who.rights, Action.SEE_ALERTS) else {}
    marks = _marks(seen, spots, lit)
    page: Response = request.app.state.pages.render(
        request,
        "plan.html",
        sites=every,
        chosen=chosen,
        drawing=drawing,
        watch=seen,
        marks=marks,
        ringing=_ringing(marks),
        edit=edit and drawing is not None and may(who.rights, Action.SET_PLANS),
        most_bytes=MOST_BYTES,
    )
    return page


def _marks(seen: Watch, spots: Mapping[plans.Key, plans.Spot], lit: Mapping[plans.Key, Lit]) -> list[Mark]:
    """Cameras with their zones behind them, always in the same order."""
    found = []
    cameras = sorted(seen.cameras, key=lambda one: (one.camera.label, one.camera.node, one.camera.name))
    for one in cameras:
        parts = [("", one.camera.label), *((zone.key, zone.name) for zone in one.zones)]
        for zone, label in parts:
            key = (one.camera.node, one.camera.name, zone)
            whole = (one.condition, one.reason_code, None)
            condition, reason_code, _ = one.sight(zone) if zone else whole
            found.append(Mark(one, zone, label, spots.get(key), condition, reason_code, lit.get(key)))
    return found


def _ringing(marks: list[Mark]) -> list[Mark]:
    """Where something is open, what needs people most first; a camera only for what none of its zones tells."""
    of_zones = {mark.lit.event_id for mark in marks if mark.zone and mark.lit}
    open_now = [(mark.lit, mark) for mark in marks if mark.lit and (mark.zone or mark.lit.event_id not in of_zones)]
    open_now.sort(key=lambda one: (one[0].new, SEVERITY_ORDER[one[0].priority]), reverse=True)
    return [mark for _, mark in open_now]


@router.get("/plan/{site_id}/image")
def image(request: Request, site_id: _SiteId) -> Response:
    """The drawing of a site."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        jpeg = plans.jpeg(connection, site_id)
    if jpeg is None:
        raise Refused(404, "not_found")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})


@router.put("/plan/{site_id}/image")
async def bring_image(request: Request, site_id: _SiteId) -> Response:
    """Takes in the drawing of a site: a JPEG, PNG or WebP file as the body."""
    try:
        async with asyncio.timeout(UPLOAD_S):
            data = await _body(request)
    except TimeoutError:
        raise Refused(408, "malformed", {"Connection": "close"}) from None
    return await run_in_threadpool(_keep, request, site_id, data)


async def _body(request: Request) -> bytes:
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MOST_BYTES:
                raise Refused(413, "plan_too_large", {"Connection": "close"})
    except ClientDisconnect:
        raise Refused(400, "malformed") from None
    return bytes(data)


def _keep(request: Request, site_id: int, data: bytes) -> Response:
    context: Context = request.app.state.context
    with _decoding:
        drawing = drawing_of(data)
    now_s = context.wall_s()
    with context.database.write() as connection:
        plans.set_drawing(connection, site_id, drawing, now_s)
        _note(connection, request, "plan", site_id, drawing.sheet.sha256)
    return Response(status_code=204)


@router.post("/plan/{site_id}/marks")
def place(request: Request, site_id: _SiteId, wanted: Annotated[Wanted, Form()]) -> Response:
    """Puts a camera or a zone on the plan of its site, moves it or takes it off."""
    context: Context = request.app.state.context
    spot = None if wanted.x is None or wanted.y is None else plans.Spot(wanted.x, wanted.y)
    with context.database.write() as connection:
        if not plans.place(connection, site_id, (wanted.node, wanted.camera, wanted.zone), spot):
            raise Refused(422, "malformed")
        _note(connection, request, "plan_mark", site_id, "/".join((wanted.node, wanted.camera, wanted.zone)).strip("/"))
    return Response(status_code=204)


@router.post("/plan/{site_id}/remove")
def remove(request: Request, site_id: _SiteId) -> Response:
    """Takes the plan of a site away."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        plans.remove(connection, site_id)
        _note(connection, request, "plan_removed", site_id, "")
    return RedirectResponse(f"/plan?site={site_id}", status_code=303)


def _note(connection: Connection, request: Request, action: str, site_id: int, detail: str) -> None:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    name = next((one.name for one in site_setup.listing(connection) if one.id == site_id), "")
    about = audit.About(site_id=site_id)
    audit.write_about(connection, who.by, action, name, detail, context.wall_s(), about)
