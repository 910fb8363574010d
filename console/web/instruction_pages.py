"""What a site wants done about each kind of alert, and which of its cameras are neighbours: a page to write it."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from console.domain.access import Action, Place, Rights, may
from console.domain.alert import of_lens
from console.store import audit, site_setup
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
LENS = "camera_fault"  # faults of cameras are one kind: what is to be done is nearly the same
KINDS = ("loitering", "repeated_presence", "intrusion", "crowd", "line_crossing", LENS)


_MOST_ID = 2**31 - 1
_Text = Annotated[
    str, Field(max_length=2 * site_setup.TEXT_MOST, pattern=r"^[^\x00]*$")
]  # a browser sends two for a new line
_Area = Annotated[str, Field(max_length=site_setup.AREA_MOST, pattern=r"^[^\x00]*$")]


class SiteForm(BaseModel):
    """What is to be done about a kind of alert; or the area of each camera, in the order of their ids."""

    kind: _Text = ""
    text: _Text = ""
    camera: tuple[Annotated[int, Field(ge=1, le=_MOST_ID)], ...] = ()
    area: tuple[_Area, ...] = ()


def kind_of(rule: str) -> str:
    """The kind of alert of which an instruction speaks, a word of the group "kind"."""
    return LENS if of_lens(rule) else rule


@router.get("/instructions")
def instructions_page(
    request: Request, site: Annotated[int | None, Query(ge=1, le=_MOST_ID)] = None, saved: bool = False
) -> Response:
    """Instructions and neighbours of a site; of the first one where none is named."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        rights: Rights = request.state.person.rights
        listed = site_setup.listing(connection)
        every = [one for one in listed if may(rights, Action.SET_INSTRUCTIONS, Place(one.id))]
        chosen = next((one for one in every if one.id == site), every[0] if every and site is None else None)
        if chosen is None and site is not None:
            raise Refused(404, "not_found")
        texts = site_setup.instructions(connection, chosen.id) if chosen else {}
        cameras = site_setup.cameras(connection, chosen.id) if chosen else ()
    page: Response = request.app.state.pages.render(
        request, "instructions.html", sites=every, chosen=chosen, texts=texts, cameras=cameras, kinds=KINDS, saved=saved
    )
    return page


@router.post("/instructions/{site_id}")
def save(
    request: Request, site_id: Annotated[int, Path(ge=1, le=_MOST_ID)], told: Annotated[SiteForm, Form()]
) -> Response:
    """Writes down an instruction of a site, or the areas of its cameras; who changed it stands in the audit."""
    context: Context = request.app.state.context
    if (told.kind and told.kind not in KINDS) or len(told.camera) != len(told.area):
        raise Refused(422, "malformed")
    with context.database.write() as connection:
        site = next((one for one in site_setup.listing(connection) if one.id == site_id), None)
        if site is None:
            raise Refused(404, "not_found")
        if told.kind:
            site_setup.set_instruction(connection, site_id, told.kind, told.text.replace("\r\n", "\n"))
            _note(connection, request, "instructions", site, told.kind)
        if told.camera:
            site_setup.set_areas(connection, site_id, dict(zip(told.camera, told.area, strict=True)))
            _note(connection, request, "areas", site, "")
    return RedirectResponse(f"/instructions?site={site_id}&saved=true#{told.kind or 'areas'}", status_code=303)


def _note(connection: Connection, request: Request, action: str, site: site_setup.Site, detail: str) -> None:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    audit.write_about(connection, who.by, action, site.name, detail, context.wall_s(), audit.About(site_id=site.id))
