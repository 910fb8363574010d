"""Who looked at, fetched or changed what, for auditors and whoever answers for it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.store import audit
from console.store.sessions import SignedIn
from console.web.context import Context
from console.web.people_pages import people_within

router = APIRouter()
MOST = 100
_MOST_ENTRY = 2**63 - 1


@router.get("/audit")
def audit_page(request: Request, before: Annotated[int | None, Query(ge=0, le=_MOST_ENTRY)] = None) -> Response:
    """The newest acts, or those before one; of the sites and people that whoever asks may know."""
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    context.notes.flush()  # what others have just looked at
    with context.database.read() as connection:
        known = () if who.rights.reach.everywhere else people_within(connection, who.rights.reach)
        entries = audit.listing(connection, who.rights.reach, known, before, MOST)
    page: Response = request.app.state.pages.render(
        request, "audit.html", entries=entries, older=entries[-1].id if len(entries) == MOST else None
    )
    return page
