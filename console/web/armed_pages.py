"""What is armed now at each site: first those where a guard must know that nothing is."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from console.web.armed_view import Desk, Standing
from console.web.camera_view import boxes_in_sight
from console.web.context import Context
from console.web.find_places import folded

router = APIRouter()
MOST_LISTED = 60


@router.get("/armed")
def armed_page(request: Request, find: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "") -> Response:
    """The sites, or those of which a part of the name is `find`: at most `MOST_LISTED` in words."""
    context: Context = request.app.state.context
    now_s, heard, wanted = context.wall_s(), context.broker_connected(), folded(find.strip())
    with context.database.read() as connection:
        boxes = boxes_in_sight(connection, now_s, heard)
        desk = Desk(connection, boxes, now_s, ZoneInfo(context.timezone))
        armed = desk.look()
        names = {box.node.site_id: box.node.site for box in boxes}
        order = tuple(Standing).index
        fitting = [one for one in armed.standings if wanted in folded(names[one])]
        fitting.sort(key=lambda one: (order(armed.standings[one]), names[one]))
        shown = {one.site_id: one for one in desk.in_words(fitting[:MOST_LISTED], armed.standings)}
    page: Response = request.app.state.pages.render(
        request,
        "armed.html",
        armed=armed,
        heard=heard,
        find=find,
        listed=[shown[one] for one in fitting[:MOST_LISTED]],
        fitting=len(fitting),
    )
    return page
