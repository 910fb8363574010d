"""The calendars of sites, and what each box is to be told of its site's."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from console.domain.access import EVERYWHERE
from console.domain.alert import Severity
from console.domain.armed_schedule import NO_CALENDAR, ArmedSchedule, compiled, monday_of
from console.domain.armed_week import Setting, WatchedBy, hours_of
from console.domain.calendar import (
    RULES,
    Calendar,
    CalendarError,
    DayKind,
    Order,
    OwnDays,
    Period,
    Scope,
    Span,
    merged,
)
from console.domain.node_clock import NodeClock
from console.domain.site_tree import SiteKind, upwards
from console.store import cameras
from console.store.database import lock
from console.store.narrowing import seeing
from console.store.public_holidays import public_holidays
from console.store.tables import calendar, node, site

_LOCK = 7_203_131


@dataclass(frozen=True, slots=True)
class Said:
    """What a site of a chain says; calendar: None where it says nothing, or a newer console wrote it: `unreadable`."""

    site_id: int
    kind: SiteKind
    calendar: Calendar | None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A box and the calendar that it works by. revision: empty: none; None: it does not tell, for it is too old.

    clock_behind_s: seconds by which its clock is slow; negative where it is fast.
    """

    name: str
    label: str
    site_id: int
    revision: str | None
    until_at_s: float | None
    clock_behind_s: float


@dataclass(frozen=True, slots=True)
class RuleHere:
    """A rule of a site as its box tells it. settings: as in the contract's RuleSetting; None: the box is too old."""

    scope: Scope
    camera: str
    zone: str
    settings: Mapping[str, Any] | None


def chain(connection: Connection, site_id: int) -> tuple[Said, ...]:
    """What a site and those above it say, the topmost first, itself last; whoever asks: it holds there."""
    query = select(site.c.id, site.c.parent_id, site.c.kind, calendar.c.content_json)
    query = query.outerjoin(calendar, calendar.c.site_id == site.c.id)
    found, here = list[Said](), site_id
    with seeing(EVERYWHERE):
        for _ in SiteKind:  # the tree has no more levels
            row = connection.execute(query.where(site.c.id == here)).first()
            if row is None:
                break
            found.append(_said(row.id, SiteKind(row.kind), row.content_json))
            here = row.parent_id or 0
    return tuple(reversed(found))


def _said(site_id: int, kind: SiteKind, text: str | None) -> Said:
    try:
        return Said(site_id, kind, calendar_of(text) if text else None)
    except (ValueError, LookupError, TypeError):  # who is called when something rings must not hang on it
        return Said(site_id, kind, None, unreadable=True)


def version(said: Calendar | None) -> str:
    """A word for exactly this content, by which two people who change it at once are noticed."""
    return hashlib.sha256(text_of(said or Calendar()).encode()).hexdigest()[:16]


def own_to_change(connection: Connection, site_id: int) -> Calendar | None:
    """What a site says, which nobody else changes before the end of this transaction."""
    lock(connection, _LOCK)
    text = connection.execute(select(calendar.c.content_json).where(calendar.c.site_id == site_id)).scalar()
    return calendar_of(text) if text else None


def save(connection: Connection, site_id: int, said: Calendar, at_s: float) -> None:
    """Writes down what a site says."""
    remove(connection, site_id)
    values = {"site_id": site_id, "content_json": text_of(said), "changed_at_s": at_s}
    connection.execute(insert(calendar).values(**values))


def remove(connection: Connection, site_id: int) -> None:
    """The site says nothing any more."""
    connection.execute(delete(calendar).where(calendar.c.site_id == site_id))


def all_texts(connection: Connection) -> tuple[dict[int, str], dict[int, int | None]]:
    """What each site says, as text, and of each site the one above it: what every schedule is made of."""
    with seeing(EVERYWHERE):
        texts = {row.site_id: row.content_json for row in connection.execute(select(calendar))}
        parents = {row.id: row.parent_id for row in connection.execute(select(site.c.id, site.c.parent_id))}
    return texts, parents


def boxes(connection: Connection, site_id: int | None = None) -> Sequence[Box]:
    """The boxes of a site, or all, by name."""
    told = (node.c.schedule_revision, node.c.schedule_until_at_s, node.c.clock_json)
    query = select(node.c.name, node.c.label, node.c.site_id, *told).order_by(node.c.name)
    if site_id is not None:
        query = query.where(node.c.site_id == site_id)
    return [
        Box(
            row.name,
            row.label or row.name,
            row.site_id,
            row.schedule_revision,
            row.schedule_until_at_s,
            NodeClock(**json.loads(row.clock_json)).behind_s if row.clock_json else 0.0,
        )
        for row in connection.execute(query)
    ]


def said_at(site_id: int, texts: Mapping[int, str], parents: Mapping[int, int | None]) -> tuple[str, ...]:
    """What a site and those above it say, the topmost first; nothing where none of them has a calendar.

    texts, parents: see `all_texts`.
    """
    return tuple(texts[one] for one in reversed(upwards(parents, site_id)) if one in texts)


@lru_cache(maxsize=1024)
def whole(said: tuple[str, ...]) -> Calendar | None:
    """What counts where that is said; None where nobody says anything. Raises what `calendar_of` does."""
    return merged(map(calendar_of, said)) if said else None


def readable(said: tuple[str, ...]) -> Iterator[Calendar]:
    """Those of `said_at` that this console can read: who is called when something rings must not hang on the others."""
    for text in said:
        with suppress(ValueError, LookupError, TypeError):  # a newer console wrote it
            yield calendar_of(text)


def compiled_of(said: tuple[str, ...], timezone: ZoneInfo, now_s: float) -> ArmedSchedule:
    """What the boxes are told in the week of a UTC second. Raises what `calendar_of` does."""
    calendar = whole(said)
    if calendar is None:
        return NO_CALENDAR
    return compiled(calendar, public_holidays(monday_of(now_s, timezone).year), timezone, now_s)


@lru_cache(maxsize=2048)
def revision(said: tuple[str, ...], timezone: ZoneInfo, monday: date) -> str | None:
    """Of the calendar that boxes are to work by in that week; None where a newer console wrote it."""
    noon = datetime(monday.year, monday.month, monday.day, 12, tzinfo=timezone)
    try:
        return compiled_of(said, timezone, noon.timestamp()).revision
    except (ValueError, LookupError, TypeError):
        return None


def rules(connection: Connection, site_ids: Collection[int]) -> dict[int, list[RuleHere]]:
    """By site the rules that its boxes tell, by box, camera and zone; of a kind there may be several in a zone."""
    query = select(node.c.id, node.c.name, node.c.site_id).where(node.c.site_id.in_(sorted(site_ids)))
    boxes_there = {row.name: row for row in connection.execute(query)}
    found: dict[int, list[RuleHere]] = {one: [] for one in site_ids}
    here = cameras.listing(connection, [row.id for row in boxes_there.values()])
    for one in sorted(here, key=lambda one: (one.node, one.label, one.name)):
        for shape in one.health.get("zones", ()):
            label = shape.get("label") or shape["zone"]
            for scope, settings in _told(one.node, one.name, shape):
                found[boxes_there[one.node].site_id].append(RuleHere(scope, one.label, label, settings))
    return found


def _told(box: str, camera: str, shape: Mapping[str, Any]) -> Iterator[tuple[Scope, Mapping[str, Any] | None]]:
    """The rules of a zone as its box tells them, and how they are set; None: the box is too old to tell."""
    settings = shape.get("settings")
    for setting in settings or [{"rule": rule} for rule in shape.get("rules", ())]:
        yield Scope(setting["rule"], box, camera, shape["zone"]), setting if settings else None


def watched_by(told: Iterable[tuple[Scope, Mapping[str, Any] | None]]) -> tuple[WatchedBy, ...]:
    """What of it a calendar can arm."""
    settings = dict[Scope, list[Setting]]()
    for scope, setting in told:
        if scope.rule in RULES:
            settings.setdefault(scope, []).extend(_setting(setting))
    return tuple(WatchedBy(scope, tuple(one)) for scope, one in settings.items())


def watched_in_brief(box: str, cameras_told: Iterable[tuple[str, str]]) -> tuple[WatchedBy, ...]:
    """The same of the cameras of one box, by what stands in its node's brief report: names and texts."""
    shapes = ((name, shape) for name, text in cameras_told for shape in json.loads(text or "[]"))
    return watched_by(one for name, shape in shapes for one in _told(box, name, shape))


def _setting(told: Mapping[str, Any] | None) -> list[Setting]:
    if told is None:
        return []
    try:
        hours = hours_of(told.get("hours") or ())
    except CalendarError:
        return []  # what it does not tell soundly, it does not tell
    seconds, priority = told.get("seconds"), Severity(str(told.get("severity") or Severity.MEDIUM))
    follows = told.get("follows_calendar") is not False
    return [Setting(seconds if isinstance(seconds, float) else None, priority, hours, follows)]


def text_of(said: Calendar) -> str:
    """A calendar as text; equal ones have the same."""
    orders = sorted(said.orders.items(), key=lambda one: (one[0][0], one[0][1]))
    return json.dumps(
        {
            "week": said.week,
            "timetables": {
                kind: [[span.begins, span.ends, span.period] for span in sorted(spans)]
                for kind, spans in sorted(said.timetables.items())
            },
            "public_holidays": said.public_holidays,
            "days": [[one.first.isoformat(), one.last.isoformat(), one.kind, one.name] for one in said.days],
            "orders": [
                [scope.rule, scope.node, scope.camera, scope.zone, period, one.armed, one.seconds, one.priority]
                for (scope, period), one in orders
            ],
        },
        ensure_ascii=False,
    )


def calendar_of(text: str) -> Calendar:
    """The calendar that `text_of` wrote."""
    told = json.loads(text)
    return Calendar(
        None if told["week"] is None else tuple(map(DayKind, told["week"])),
        {
            DayKind(kind): tuple(Span(begins, ends, Period(period)) for begins, ends, period in spans)
            for kind, spans in told["timetables"].items()
        },
        told["public_holidays"],
        tuple(
            OwnDays(date.fromisoformat(first), date.fromisoformat(last), DayKind(kind), name)
            for first, last, kind, name in told["days"]
        ),
        {
            (Scope(rule, box, camera, zone), Period(period)): Order(armed, seconds, priority and Severity(priority))
            for rule, box, camera, zone, period, armed, seconds, priority in told["orders"]
        },
    )
