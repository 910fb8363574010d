"""Search among all alerts, the same as a table, and the way from one that was found to the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from console.domain.search import Search
from console.store import alerts, audit, search
from console.web.alert_view import alert_views, places_of
from console.web.camera_view import Watch, watch_for_alerts
from console.web.context import Context
from console.web.csv_lines import csv_head, csv_lines
from console.web.errors import Refused
from console.web.i18n import Language
from console.web.search_view import (
    DAY_S,
    DAYS,
    GIVES_MIN,
    MOST_COUNTED,
    REASONS,
    RULES,
    STATES,
    Asked,
    SearchProblemError,
    asked_again,
    cursor_of,
    latest_days,
    shown_times,
    wanted_of,
    written,
)
from console.web.search_view import places_of as where_of
from console.web.words import WORDS, sentence

router = APIRouter()
MOST = 50  # on a page
MOST_EARLIER = 6
_AT_ONCE = 1000  # in one reading, for the download
_WhatIsAsked = Annotated[Asked, Query()]


@router.get("/search")
def search_page(request: Request, asked: _WhatIsAsked) -> Response:
    """What was looked for, the latest first; without a question the last days."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s, problem = context.wall_s(), ""
    with context.database.read() as connection:
        where = where_of(connection, asked)
        if where is None:
            raise Refused(404, "not_found")
        try:
            wanted = wanted_of(language, asked, where, now_s)
        except SearchProblemError as error:
            problem, wanted = str(error), None
        cursors = search.ids(connection, wanted, MOST + 1, cursor_of(asked.older)) if wanted else ()
        counted = search.count(connection, wanted, MOST_COUNTED + 1) if wanted else 0
        found = alerts.of_ids(connection, [event_id for _, event_id in cursors[:MOST]])
        near = watch_for_alerts(connection, now_s, context.broker_connected(), places_of(found))
        views = alert_views(connection, found, near)
    page: Response = request.app.state.pages.render(
        request,
        "search.html",
        status=422 if problem else 200,
        asked=asked,
        where=where,
        problem=problem,
        views=views,
        counted=min(counted, MOST_COUNTED),
        more_than_counted=counted > MOST_COUNTED,
        goes_on=written(cursors[MOST - 1]) if len(cursors) > MOST else "",
        times=shown_times(language, asked, now_s),
        latest=latest_days(language, asked, now_s),
        known={"rule": RULES, "state": STATES, "reason": REASONS, "give": GIVES_MIN},
    )
    return page


@router.get("/search.csv")
def search_table(request: Request, asked: _WhatIsAsked) -> Response:
    """All that was found as a table, the latest first; who got it is written down."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s = context.wall_s()
    with context.database.read() as connection:
        where = where_of(connection, asked)
        if where is None:
            raise Refused(404, "not_found")
        try:
            wanted = wanted_of(language, asked, where, now_s)
        except SearchProblemError:
            raise Refused(422, "malformed") from None
    with context.database.write() as connection:
        audit.write(connection, request.state.person.by, "download", "search.csv", asked.query(), now_s)
    headers = {"Content-Disposition": 'attachment; filename="search.csv"'}
    return StreamingResponse(_table(context, language, wanted), media_type="text/csv", headers=headers)


@dataclass(frozen=True, slots=True)
class Beside:
    """Where an alert stands among what was found: addresses of the one before, the one after and of the list.

    place: from 1 on, None where it is beyond what is counted; counted: of how many.
    """

    newer: str
    older: str
    back: str
    place: int | None
    counted: int


def beside(connection: Connection, language: Language, found: str, at: search.Cursor, now_s: float) -> Beside | None:
    """The way on from an alert through what was searched for (`found`: the query); None where that can't be read."""
    asked = asked_again(found) if found else None
    where = where_of(connection, asked) if asked else None
    if asked is None or where is None:
        return None
    try:
        wanted = wanted_of(language, asked, where, now_s)
    except SearchProblemError:
        return None
    newer, older = search.beside(connection, wanted, at)
    before = search.count(connection, wanted, MOST_COUNTED, before=at)
    counted = search.count(connection, wanted, MOST_COUNTED + 1)
    # Back to the page of the list that begins with this one, or to the first page where it stands on that.
    back = asked.address() if newer is None or before < MOST else asked.address(older=written(newer))
    return Beside(
        asked.alert(newer[1]) if newer else "",
        asked.alert(older[1]) if older else "",
        f"{back}#a-{at[1]}",
        before + 1 if before < MOST_COUNTED else None,
        counted,
    )


@dataclass(frozen=True, slots=True)
class EarlierHere:
    """Alerts of the same place in the days before one, the latest first, at most `MOST_EARLIER`.

    around: the address of a search at this place at this time of day; number: of all there are, up to what is counted.
    """

    found: Sequence[alerts.Alert]
    number: int
    around: str


def earlier_here(connection: Connection, language: Language, own: alerts.Alert) -> EarlierHere:
    """What rang at the place of an alert in the week before it: whoever it was, for no face is ever compared."""
    node_id, camera, zone = alerts.place_of(connection, own.event_id)
    here = Search(own.opened_at_s - DAYS * DAY_S, own.opened_at_s, frozenset({own.site_id}), node_id, camera, zone)
    cursors = search.ids(connection, here, MOST_EARLIER)
    found = alerts.of_ids(connection, [event_id for _, event_id in cursors])
    key = "/".join(part for part in (own.node, camera, zone) if part)
    clock = language.time(own.opened_at_s)[:5]
    begin, end = (language.field(at_s).split()[0] for at_s in (here.begin_s, here.end_s))
    asked = Asked.model_validate({"of": key, "around": clock, "give": 60, "from": begin, "to": end})
    return EarlierHere(found, search.count(connection, here, MOST_COUNTED), asked.address())


def _table(context: Context, language: Language, wanted: Search) -> Iterator[str]:
    """Lines of a CSV file, read in pieces."""
    heads = [sentence(language, "search_csv", code) for code in WORDS["search_csv"]]
    yield csv_head([head.format(timezone=language.timezone.key) for head in heads])
    behind = None
    while True:
        with context.database.read() as connection:
            cursors = search.ids(connection, wanted, _AT_ONCE, behind)
            found = alerts.of_ids(connection, [event_id for _, event_id in cursors])
            heard = context.broker_connected()
            near = watch_for_alerts(connection, context.wall_s(), heard, places_of(found))
        yield csv_lines(_cells(language, one, _zone_label(near, one)) for one in found)
        if len(cursors) < _AT_ONCE:
            break
        behind = cursors[-1]


def _zone_label(near: Watch, one: alerts.Alert) -> str:
    camera, zone = near.camera(one.node, one.event["camera"]), one.event.get("zone") or ""
    return camera.zone_label(zone) if camera else zone


def _cells(language: Language, one: alerts.Alert, zone: str) -> list[str]:
    event = one.event
    return [
        one.site,
        one.camera_label,
        zone,
        language.sortable(one.opened_at_s),
        sentence(language, "rule", event["rule"]),
        sentence(language, "severity", one.priority),
        f"{event['dwell_s']:.0f}",
        sentence(language, "state", one.state),
        sentence(language, "reason", one.close_reason) if one.close_reason else "",
        one.close_note,
        one.owner or "",
        "" if one.acknowledged_at_s is None else language.sortable(one.acknowledged_at_s),
        "" if one.closed_at_s is None else language.sortable(one.closed_at_s),
        one.event_id,
    ]
