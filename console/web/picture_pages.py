"""All cameras as pictures, and their live pictures where a media server runs beside the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from console.domain.access import Action, may
from console.domain.node_condition import CameraCondition
from console.store import audit, nodes, site_setup, sites
from console.store.open_alerts import Lit, by_place
from console.store.sessions import SignedIn
from console.web.camera_view import CameraView, watch
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
MOST = 48  # pictures; more say nothing to the eye
MOST_BOXES = 24  # of more a site is chosen first
OLD_S = 120.0
_MOST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Picture:
    """A camera with what is open before it; None where nothing is, or whoever looks may not know."""

    seen: CameraView
    lit: Lit | None

    @property
    def needs_eyes(self) -> bool:
        """Whether it must not be among those that have no room."""
        return self.lit is not None or self.seen.condition is not CameraCondition.SEES


class Offer(BaseModel):
    """What a browser can play, in the words of the Session Description Protocol."""

    offer: Annotated[str, Field(min_length=1, max_length=14_000, pattern=r"^[^\x00]*$")]


@router.get("/pictures")
def pictures_page(request: Request, site: Annotated[int | None, Query(ge=1, le=_MOST_ID)] = None) -> Response:
    """A wall of pictures: of one site, or of all of them where they are few."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    now_s = context.wall_s()
    with context.database.read() as connection:
        listed = site_setup.listing(connection)
        boxes = nodes.listing(connection)
        if site is not None and all(one.id != site for one in listed):
            raise Refused(404, "not_found")
        if site is None and len(boxes) > MOST_BOXES:
            site = boxes[0].site_id
        of = {box.id for box in boxes if site in (None, box.site_id)}
        seen = watch(connection, now_s, context.broker_connected(), of)
        lit = by_place(connection, of) if may(who.rights, Action.SEE_ALERTS) else {}
    every = [Picture(one, lit.get((one.camera.node, one.camera.name, ""))) for one in seen.cameras]
    shown = _with_room(every)
    at_sites = {box.site_id for box in boxes if box.id in of}
    context.notes.write(lambda connection: _note_look(connection, who.by, at_sites, now_s))
    page: Response = request.app.state.pages.render(
        request,
        "pictures.html",
        watch=seen,
        pictures=shown,
        left_out=len(every) - len(shown),
        sites=listed,
        chosen=site,
        live=context.live is not None,
        old_s=OLD_S,
    )
    return page


def _with_room(every: Sequence[Picture]) -> Sequence[Picture]:
    """Those that have room, each always in its own place: eyes know where to look."""
    shown = sorted(every, key=lambda one: not one.needs_eyes)[:MOST]
    return sorted(shown, key=lambda one: (one.seen.camera.site, one.seen.camera.label, one.seen.camera.name))


def _note_look(connection: Connection, by: audit.By, at_sites: set[int], now_s: float) -> None:
    for site_id in sorted(at_sites):
        audit.write_look(connection, by, "pictures", site_id, now_s)


@router.post("/cameras/{node}/{camera}/live")
def live(request: Request, node: str, camera: str, told: Annotated[Offer, Form()]) -> Response:
    """Begins a live look at a camera: the media server's answer to what the browser offers. It stands in the record."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    if context.live is None:
        raise Refused(404, "not_found")
    with context.database.read() as connection:
        place = sites.place_of_camera(connection, node, camera)
    if place is None:
        raise Refused(404, "not_found")
    answer = context.live.answer(node, camera, told.offer)
    subject, at_s, about = f"{node}/{camera}", context.wall_s(), audit.About(site_id=place.site_id)
    context.notes.write(lambda writing: audit.write_about(writing, who.by, "live", subject, "", at_s, about))
    return Response(answer, media_type="application/sdp")
