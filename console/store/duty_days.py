"""What kind of day it is at a site, for those who are on duty on some kinds of day only."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from console.domain.calendar import day_of, merged
from console.domain.escalation import Moment
from console.store import calendars
from console.store.public_holidays import public_holidays


def moment(connection: Connection, site_id: int, local: datetime) -> Moment:
    """A moment at a site, with what its calendar says of today and of yesterday. local: the time there."""
    said = (one.calendar for one in calendars.chain(connection, site_id))
    calendar = merged(one for one in said if one is not None)
    days = (local.date(), local.date() - timedelta(days=1))
    public = public_holidays(days[1].year)
    return Moment(local, {day: day_of(calendar, day, public).kind for day in days})
