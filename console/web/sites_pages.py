"""The tree of sites, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Place
from console.domain.site_tree import SiteKind, in_order
from console.store import audit, sites
from console.store.sessions import SignedIn
from console.web.access import MOST_ID
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
Name = Annotated[str, Form(max_length=120, pattern=r"^[^\x00-\x1f]*$")]
Kind = Annotated[SiteKind, Form()]
Parent = Annotated[int, Form(ge=0, le=MOST_ID)]  # 0: below nothing


@router.get("/sites")
def sites_page(request: Request, edit: Annotated[int, Query(ge=0, le=MOST_ID)] = 0) -> Response:
    """The tree. edit: the site whose form is open; a thousand forms would be too much for a page."""
    return _page(request, edit=edit)


@router.post("/sites")
def add(request: Request, name: Name, kind: Kind, parent: Parent = 0) -> Response:
    """Adds a site."""
    context: Context = request.app.state.context
    name = _checked(request, name, parent)
    try:
        with context.database.write() as connection:
            site_id = sites.add(connection, name, kind, parent or None)
            _note(request, connection, "site_added", name, site_id)
    except sites.SiteError as error:
        return _page(request, 422, problem=str(error))
    return RedirectResponse("/sites", status_code=303)


@router.post("/sites/{site_id}")
def change(request: Request, site_id: int, name: Name, kind: Kind, parent: Parent = 0) -> Response:
    """Another name, kind or place; who has rights above it has them from then on."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        before = next((one for one in sites.listing(connection) if one.id == site_id), None)
    if before is None:
        raise Refused(404, "not_found")
    name = name.strip() if (before.parent_id or 0) == parent else _checked(request, name, parent)
    try:
        with context.database.write() as connection:
            sites.change(connection, site_id, name or before.name, kind, parent or None)
            _note(request, connection, "site_changed", name or before.name, site_id, before.name)
    except sites.SiteError as error:
        return _page(request, 422, problem=str(error), edit=site_id)
    return RedirectResponse("/sites", status_code=303)


@router.post("/sites/{site_id}/remove")
def remove(request: Request, site_id: int) -> Response:
    """Takes away a site at which nothing stands and nothing happened."""
    context: Context = request.app.state.context
    try:
        with context.database.write() as connection:
            name = next((one.name for one in sites.listing(connection) if one.id == site_id), None)
            if name is None:
                raise Refused(404, "not_found")
            sites.remove(connection, site_id)
            _note(request, connection, "site_removed", name, site_id)
    except sites.SiteError as error:
        return _page(request, 409, problem=str(error), edit=site_id)
    return RedirectResponse("/sites", status_code=303)


def _checked(request: Request, name: str, parent: int) -> str:
    """The name. Raises Refused where there is none, or the new place is not one of who asks: then it is not there."""
    who: SignedIn = request.state.person
    reach = who.rights.reach
    if not name.strip():
        raise Refused(422, "malformed")
    if not (reach.covers(Place(parent)) if parent else reach.everywhere):
        raise Refused(404, "not_found")
    return name.strip()


def _note(request: Request, connection: Connection, action: str, name: str, site_id: int, detail: str = "") -> None:
    context: Context = request.app.state.context
    audit.write_about(
        connection, request.state.person.by, action, name, detail, context.wall_s(), audit.About(site_id=site_id)
    )


def _page(request: Request, status: int = 200, problem: str = "", edit: int = 0) -> Response:
    context: Context = request.app.state.context
    with context.database.read() as connection:
        values = {"sites": in_order(sites.listing(connection)), "boxes": sites.boxes(connection)}
    page: Response = request.app.state.pages.render(
        request, "sites.html", status=status, problem=problem, edit=edit, kinds=tuple(SiteKind), **values
    )
    return page
