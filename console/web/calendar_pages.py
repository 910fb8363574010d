"""The calendar of a site: which rules are armed when. Each change is looked at as a week before it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Action, Place, Rights, may
from console.domain.alert import Severity
from console.domain.armed_schedule import NO_CALENDAR, compiled, monday_of
from console.domain.calendar import (
    RULES,
    WITH_SECONDS,
    Calendar,
    CalendarError,
    DayKind,
    Order,
    OwnDays,
    Period,
    Scope,
    check,
    merged,
    order_for,
    orders_in,
)
from console.domain.site_tree import Site, in_order
from console.domain.unarmed import first_difference
from console.store import audit, calendars, sites
from console.store.calendars import Said
from console.store.public_holidays import public_holidays
from console.store.sessions import SignedIn
from console.web.access import MOST_ID
from console.web.calendar_form import NAME_MOST, CalendarForm, Part, drafted, key_of
from console.web.calendar_view import SiteRules, clock, site_rules, week_view
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
ALONE = Calendar(week=(DayKind.SCHOOL_DAY,) * 7, public_holidays=False)  # without a calendar days do not differ
FREE_ROWS = 3
YEAR_DAYS = 366
_Date = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True, slots=True)
class Desk:
    """A site whose calendar is looked at. chain: what those above it say, the topmost first, and it itself last."""

    site: Site
    chain: tuple[Said, ...]
    rules: SiteRules

    @property
    def own(self) -> Calendar | None:
        """What the site says itself."""
        return self.chain[-1].calendar

    def whole(self, own: Calendar | None) -> Calendar | None:
        """What counts there, with `own` in place of what it says now; None where nobody says anything."""
        said = [*(one.calendar for one in self.chain[:-1]), own]
        told = [one for one in said if one is not None]
        return merged(told) if told else None

    def above(self) -> Calendar:
        """What would count if the site said nothing."""
        return merged(one.calendar for one in self.chain[:-1] if one.calendar is not None)

    def scopes(self) -> tuple[Scope, ...]:
        """What orders may be for: kinds of rules; cameras with several zones of a kind; zones; what is gone."""
        here = [one.scope for one in self.rules.watched if one.scope.node]
        cameras = [Scope(one.rule, one.node, one.camera) for one in here]
        several = [one for one in dict.fromkeys(cameras) if cameras.count(one) > 1]
        gone = [scope for scope, _ in (self.own or Calendar()).orders]
        return tuple(dict.fromkeys((*map(Scope, RULES), *several, *here, *gone)))


@router.get("/calendar")
def calendar_page(
    request: Request,
    site: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
    show: _Date = "",
    scope: Annotated[str, Query(max_length=300)] = "",
    saved: bool = False,
) -> Response:
    """The calendar of a site; of the first one where none is named. show: first day of the week. scope: of orders."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        every = _changeable(connection, request)
        chosen = next((one for _, one in every if one.id == site), every[0][1] if every and site is None else None)
        if chosen is None and site is not None:
            raise Refused(404, "not_found")
        desk = _desk(connection, chosen) if chosen else None
        boxes = calendars.boxes(connection, chosen.id) if chosen else ()
    if desk is None:
        page: Response = request.app.state.pages.render(request, "calendar.html", sites=(), desk=None)
        return page
    return _editor(request, desk, {"sites": every, "boxes": boxes, "saved": saved, "show": show, "scope": scope})


@router.post("/calendar/{site_id}")
def change(
    request: Request, site_id: Annotated[int, Path(ge=1, le=MOST_ID)], told: Annotated[CalendarForm, Form()]
) -> Response:
    """Shows what a change would mean, or makes it; who changed what stands in the audit."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        every = _changeable(connection, request)
        site = next((one for _, one in every if one.id == site_id), None)
        if site is None:
            raise Refused(404, "not_found")
        desk = _desk(connection, site)
        boxes = calendars.boxes(connection, site_id)
    new = desk.own
    try:
        new = None if told.part == Part.END else drafted(desk.own or Calendar(), told, desk.scopes())
        check(new or Calendar())
        if told.step == "save":
            _save(request, desk, told, new)
            return RedirectResponse(f"/calendar?site={site_id}&saved=true", status_code=303)
    except CalendarError as error:
        part = f"{told.part}-{told.kind}" if told.part == Part.TIMES else told.part
        around = {"sites": every, "boxes": boxes, "saved": False, "show": "", "scope": told.scope}
        return _editor(request, desk, {**around, "problem": error.code, "part": part, "draft": new}, 422)
    return _preview(request, desk, told, new)


def _save(request: Request, desk: Desk, told: CalendarForm, new: Calendar | None) -> None:
    """Raises CalendarError where somebody else was faster."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        own = calendars.own_to_change(connection, desk.site.id)
        if told.known != calendars.version(own):
            raise CalendarError("changed_meanwhile")
        if new is None:
            calendars.remove(connection, desk.site.id)
        else:
            calendars.save(connection, desk.site.id, new, context.wall_s())
        _note(connection, request, "calendar", desk.site, _changes(told, own or Calendar(), new or Calendar()))


def _note(connection: Connection, request: Request, action: str, site: Site, detail: str) -> None:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    audit.write_about(connection, who.by, action, site.name, detail, context.wall_s(), audit.About(site_id=site.id))


def _changes(told: CalendarForm, own: Calendar, new: Calendar) -> str:
    """What was changed, for the record: code words, which `told_change` translates; what people wrote is in quotes."""
    if told.part == Part.WEEK:
        holidays = "public_holidays" if new.public_holidays else "no_public_holidays"
        return f"week: {', '.join(new.week)}; {holidays}" if new.week else "week: -"
    if told.part == Part.TIMES:
        spans = new.timetables.get(told.kind)
        times = (
            "-"
            if spans is None
            else ", ".join(f"{clock(one.begins)} {one.period}" for one in spans) or Period.AFTER_HOURS
        )
        return f"{told.kind}: {times}"
    if told.part == Part.DAYS:
        gone, come = set(own.days) - set(new.days), set(new.days) - set(own.days)
        return "; ".join([*(f"- {_told(one)}" for one in gone), *(f"+ {_told(one)}" for one in come)])
    if told.part == Part.ORDERS:
        orders = {period: order for (scope, period), order in new.orders.items() if key_of(scope) == told.scope}
        rule, _, place = told.scope.partition("/")
        head = f'{rule} "{place}"' if place else rule
        return f"{head}: " + (", ".join(f"{period} {_ordered(one)}" for period, one in orders.items()) or "-")
    return told.part


def _told(one: OwnDays) -> str:
    return f"{one.first}..{one.last} {one.kind}" + (f' "{one.name}"' if one.name else "")


def _ordered(order: Order) -> str:
    armed = "box" if order.armed is None else "on" if order.armed else "off"
    return " ".join((armed, *((f"{order.seconds:g} s",) if order.seconds else ()), *filter(None, (order.priority,))))


def _changeable(connection: Connection, request: Request) -> list[tuple[int, Site]]:
    """Sites whose calendar whoever asks may change, as a tree."""
    rights: Rights = request.state.person.rights
    mine = [one for one in sites.listing(connection) if may(rights, Action.SET_CALENDAR, Place(one.id))]
    return in_order(mine)


def _desk(connection: Connection, site: Site) -> Desk:
    chain = calendars.chain(connection, site.id)
    if any(one.unreadable for one in chain):
        raise Refused(409, "calendar_newer")
    return Desk(site, chain, site_rules(connection, site.id))


def _zone(request: Request) -> ZoneInfo:
    context: Context = request.app.state.context
    return ZoneInfo(context.timezone)


def _week_of(request: Request, written: str) -> date:
    """The Monday of a date as it is written in an address; of today where it is none."""
    context: Context = request.app.state.context
    try:
        day = date.fromisoformat(written)
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2100:
        return monday_of(context.wall_s(), _zone(request))
    return day - timedelta(days=day.weekday())


def _preview(request: Request, desk: Desk, told: CalendarForm, new: Calendar | None) -> Response:
    first = _week_of(request, told.show or _first_changed(request, desk, new))
    whole, before = desk.whole(new), desk.whole(desk.own)
    page: Response = request.app.state.pages.render(
        request,
        "calendar_preview.html",
        desk=desk,
        part=told.part,
        again=tuple(told.again()),
        scope=_scope_label(desk, told.scope),
        kind=told.kind,
        alone=whole is None,
        **_week(request, desk, whole or ALONE, before, first),
    )
    return page


def _first_changed(request: Request, desk: Desk, new: Calendar | None) -> str:
    """The first day from today on that the change is for, within a year; empty: none is, or all are."""
    context: Context = request.app.state.context
    today = datetime.fromtimestamp(context.wall_s(), _zone(request)).date()
    before, whole = desk.whole(desk.own), desk.whole(new)
    if before is None or whole is None:
        return ""
    found = first_difference(whole, before, public_holidays(today.year), today, YEAR_DAYS)
    own, days = desk.own or Calendar(), (new or Calendar()).days  # of an entry the name alone may be another one
    named = [max(one.first, today) for one in {*own.days} ^ {*days} if one.last >= today]
    return min((found, *named) if found else named).isoformat() if found or named else ""


def _week(request: Request, desk: Desk, whole: Calendar, before: Calendar | None, first: date) -> dict[str, Any]:
    """What the template of a week needs."""
    language = request.app.state.pages.language(request)
    view = week_view(whole, before, public_holidays(first.year, language.code), desk.rules, first)
    week = timedelta(days=7)
    return {"week_view": view, "groups": view.groups, "first": first, "earlier": first - week, "later": first + week}


def _editor(request: Request, desk: Desk, around: dict[str, Any], status: int = 200) -> Response:
    """The page with all forms; around: what does not come from the calendar itself, and a draft that can't be saved."""
    context: Context = request.app.state.context
    draft = around.pop("draft", desk.own)
    own, here, above = draft or Calendar(), desk.whole(desk.own), desk.above()
    language = request.app.state.pages.language(request)
    now_s = context.wall_s()
    today = datetime.fromtimestamp(now_s, _zone(request)).date()
    public = public_holidays(today.year, language.code)
    schedule = NO_CALENDAR if here is None else compiled(here, public, _zone(request), now_s)
    scopes = desk.scopes()
    scope = next((one for one in scopes if key_of(one) == around["scope"]), scopes[0])
    shown = desk.whole(draft) or merged([])
    values = {
        "problem": "",
        "part": "",
        "open_orders": bool(around["scope"]),
        **around,
        "desk": desk,
        "has": here is not None,
        "own": own,
        "whole": shown,
        "said_by": _said_by(desk),
        "known": calendars.version(desk.own),
        "wanted": schedule,
        "public": [(day, name) for day, name in sorted(public.items()) if today <= day < today + timedelta(days=366)],
        "inherited_days": above.days,
        "past_days": [one for one in own.days if one.last < today],
        "scopes": [(key_of(one), one, _scope_label(desk, key_of(one))) for one in scopes],
        "scope": scope,
        "scope_key": key_of(scope),
        "orders": [
            (period, own.orders.get((scope, period)), _inherited(own, above, scope, period)) for period in Period
        ],
        "with_seconds": scope.rule in WITH_SECONDS,
        "severities": tuple(Severity),
        "day_kinds": tuple(DayKind),
        "periods": tuple(one for one in Period if one != Period.AFTER_HOURS),
        "free_rows": range(FREE_ROWS),
        "name_most": NAME_MOST,
        "clock": clock,
        "alone": here is None,
        **_week(request, desk, here or ALONE, here, _week_of(request, around["show"])),
    }
    page: Response = request.app.state.pages.render(request, "calendar.html", status, **values)
    return page


def _inherited(own: Calendar, above: Calendar, scope: Scope, period: Period) -> Order:
    """What counts for a scope where the site itself says nothing for exactly that one."""
    wider = {one: order for (one, where), order in own.orders.items() if where == period and one != scope}
    return order_for({**dict(orders_in(above, period)), **wider}, scope) or Order()


def _said_by(desk: Desk) -> dict[str, str]:
    """Of each part of the calendar who says it: a word of the group "said_by"."""

    def who(says: Sequence[bool]) -> str:
        levels = [*(one.kind.value for one in desk.chain[:-1]), "own"]
        told = [level for level, said in zip(levels, says, strict=True) if said]
        return told[-1] if told else "suggested"

    said = [one.calendar or Calendar() for one in desk.chain]
    found = {kind.value: who([kind in one.timetables for one in said]) for kind in DayKind}
    return {**found, "week": who([one.week is not None for one in said])}


def _scope_label(desk: Desk, key: str) -> str:
    """What people call the place of a scope; empty for all of a kind."""
    scope = next((one for one in desk.scopes() if key_of(one) == key), None)
    if scope is None or not scope.node:
        return ""
    if scope in desk.rules.labels:
        return desk.rules.labels[scope]
    named = (label for one, label in desk.rules.labels.items() if (one.node, one.camera) == (scope.node, scope.camera))
    camera = next(named, scope.camera).partition(":")[0]
    return f"{camera}: {scope.zone}" if scope.zone else camera
