"""What kind of day it is at a site, for those who are on duty on some kinds of day only."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from console.domain.calendar import Calendar, DayKind, day_of, merged
from console.domain.escalation import Moment
from console.store import calendars
from console.store.public_holidays import public_holidays


def moment(connection: Connection, site_id: int, local: datetime) -> Moment:
    """A moment at a site, with what its calendar says of today and of yesterday. local: the time there."""
    said = (one.calendar for one in calendars.chain(connection, site_id))
    return Moment(local, _kinds(merged(one for one in said if one is not None), local))


def moments(connection: Connection, site_ids: Collection[int], local: datetime) -> dict[int, Moment]:
    """The same moment at each of these sites, by the calendar of each. What nobody here can read, nobody says."""
    texts, parents = calendars.all_texts(connection)
    kinds: dict[tuple[str, ...], dict[date, DayKind]] = {}
    found = {}
    for site_id in site_ids:
        said = calendars.said_at(site_id, texts, parents)
        if said not in kinds:
            kinds[said] = _kinds(merged(calendars.readable(said)), local)
        found[site_id] = Moment(local, kinds[said])
    return found


def _kinds(calendar: Calendar, local: datetime) -> dict[date, DayKind]:
    days = (local.date(), local.date() - timedelta(days=1))
    public = public_holidays(days[1].year)
    return {day: day_of(calendar, day, public).kind for day in days}
