"""The shift handover: one printed page with what is open, what happened and what was not watched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from console.domain import statistics as sums
from console.domain.local_clock import offsets
from console.domain.node_condition import CameraCondition
from console.domain.search import Search
from console.store import alert_work, alerts, blind_times, nodes, search, statistics
from console.store.blind_times import BlindTime, Scope, Span
from console.web.alert_view import AlertView, alert_views, places_of
from console.web.camera_view import watch, watch_for_alerts
from console.web.context import Context
from console.web.errors import Refused
from console.web.find_places import Places, find
from console.web.i18n import Language
from console.web.preferences import LANGUAGE_COOKIE
from console.web.search_view import Asked, SearchProblemError, span_of
from console.web.statistics_view import blind_of

router = APIRouter()
HOURS = (8, 12, 24)
_SHIFT_H = 12
# As many lines as one printed page has room for, under names and notes of ordinary length.
MOST_OPEN, MOST_CLOSED, MOST_BLIND = 6, 6, 4
_LONG_AGO_S = 400 * 86_400.0
_MOST_COUNTED = 1000


class AskedHandover(BaseModel):
    """Of which school, and of which time: two local times, or the last hours."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    of: str = Field("", max_length=300, pattern=r"^[^\x00]*$")
    find: str = Field("", max_length=100, pattern=r"^[^\x00]*$")
    begin: str = Field("", alias="from", max_length=30)
    end: str = Field("", alias="to", max_length=30)
    hours: int = Field(_SHIFT_H, ge=1, le=72)

    def address(self, **more: object) -> str:
        """The address of the page of the same school, but for `more`."""
        return Asked.model_validate({"of": self.of}).address("/handover", **more)


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An alert that nobody has closed. note: what was written of it last, and by whom."""

    view: AlertView
    note: str = ""
    noted_by: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """All of the page. Numbers are of all there are, lists of those that there is room for.

    opened: alerts of the shift; closed: those of them that are closed. blind: times in which cameras did not see, with
    their labels, the latest first; blind_s: of all cameras together. unseeing, unheard: cameras and boxes, as of now.
    """

    begin_s: float
    end_s: float
    open: Sequence[OpenLine]
    open_in_all: int
    opened: sums.Summary
    closed: Sequence[AlertView]
    closed_in_all: int
    blind: Sequence[tuple[str, BlindTime]]
    more_blind: bool
    blind_s: float
    unseeing: Sequence[str]
    unheard: Sequence[str]


@router.get("/handover")
def handover_page(request: Request, asked: Annotated[AskedHandover, Query()]) -> Response:
    """The page of one school. In Vietnamese, whatever the browser speaks, unless the guard chose otherwise here: it is
    signed by two people, not read by one."""
    context: Context = request.app.state.context
    language = context.languages.choose(request.cookies.get(LANGUAGE_COOKIE), "")
    now_s, problem = context.wall_s(), ""
    with context.database.read() as connection:
        where = find(connection, asked.of, asked.find)
        if where is None or (where.chosen.key and where.site is None):
            raise Refused(404, "not_found")
        try:
            span = _span(language, asked, now_s)
        except SearchProblemError as error:
            problem, span = str(error), (now_s - _SHIFT_H * 3600, now_s)
        heard = context.broker_connected()
        told = _told(connection, language, where, span, now_s, heard=heard) if where.site else None
    shown = {"from": asked.begin or language.field(span[0]), "to": asked.end or language.field(span[1])}
    page: Response = request.app.state.pages.render(
        request,
        "handover.html",
        status=422 if problem else 200,
        language=language,
        asked=asked,
        where=where,
        told=told,
        problem=problem,
        times=shown,
        hours=HOURS,
    )
    return page


def _span(language: Language, asked: AskedHandover, now_s: float) -> tuple[float, float]:
    if not asked.begin and not asked.end:
        return now_s - 3600 * asked.hours, now_s
    begin_s, end_s = span_of(language, Asked.model_validate({"from": asked.begin, "to": asked.end, "days": 1}), now_s)
    return begin_s, min(end_s, now_s + 1)


def _told(
    connection: Connection, language: Language, where: Places, span: tuple[float, float], now_s: float, *, heard: bool
) -> Handover:
    within = where.within or frozenset({where.site.id if where.site else 0})
    ever = Search(now_s - _LONG_AGO_S, span[1], within, state=search.OPEN)
    shift = Search(*span, within)
    done = replace(shift, state="closed")
    open_ids, closed_ids = (
        [event_id for _, event_id in search.ids(connection, wanted, most)]
        for wanted, most in ((ever, MOST_OPEN), (done, MOST_CLOSED))
    )
    found = alerts.of_ids(connection, [*open_ids, *closed_ids])
    views = alert_views(connection, found, watch_for_alerts(connection, now_s, heard, places_of(found)))
    blind = blind_times.listing(connection, Scope(sites=within), Span(*span), MOST_BLIND + 1)
    seconds = blind_of(connection, where, Span(*span), now_s, heard=heard)
    boxes = watch(connection, now_s, heard, of=nodes.ids_at(connection, within), others=False)
    labels = {(one.camera.node, one.camera.name): one.camera.label for one in boxes.cameras}
    unseeing = [one.camera.label for one in boxes.cameras if one.condition != CameraCondition.SEES]
    unheard = [one.node.label for one in boxes.nodes if one.node.site_id in within and one.unheard]
    room = MOST_BLIND - bool(unseeing) - bool(unheard)  # they have a line of their own
    return Handover(
        *span,
        [_open_line(connection, one) for one in views[: len(open_ids)]],
        search.count(connection, ever, _MOST_COUNTED),
        sums.summary(statistics.counts(connection, shift, offsets(language.timezone, *span))),
        views[len(open_ids) :],
        search.count(connection, done, _MOST_COUNTED),
        [(labels.get((one.node, one.camera), one.camera), one) for one in blind[:room]],
        len(blind) > room,
        sum(seconds.values()),
        unseeing,
        unheard,
    )


def _open_line(connection: Connection, view: AlertView) -> OpenLine:
    """An alert with what was written of it last."""
    written = [one for one in alert_work.history(connection, view.alert.event_id) if one.text]
    return OpenLine(view, written[-1].text, written[-1].user) if written else OpenLine(view)
