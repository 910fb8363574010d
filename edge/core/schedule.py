"""Weekly hours, in which a rule is armed or uploads are to be quiet, in the site's own time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class WeeklySpan:
    """On from `begins` to `ends` (local "HH:MM", "24:00" is the day's end) on the days that it begins on.

    `ends` at or before `begins` runs past midnight into the following day.
    """

    days: tuple[str, ...] = DAYS
    begins: str = "00:00"
    ends: str = "24:00"

    def covers(self, day: int, minute: float) -> bool:
        """Whether local `minute` (0..1440) of weekday `day` (0 Monday) is within."""
        begins, ends = _minute(self.begins), _minute(self.ends)
        today, yesterday = DAYS[day] in self.days, DAYS[day - 1] in self.days
        if begins < ends:
            return today and begins <= minute < ends
        return (today and minute >= begins) or (yesterday and minute < ends)


@dataclass(frozen=True, slots=True)
class WeeklySchedule:
    """When something is on: in any of `spans`, read on the clocks of `timezone` (an IANA name)."""

    spans: tuple[WeeklySpan, ...] = (WeeklySpan(),)
    timezone: str = "UTC"

    def is_on(self, at_s: float) -> bool:
        """Whether it is on at `at_s` (UTC seconds). Raises ZoneInfoNotFoundError for no time zone."""
        local = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute + local.second / 60
        return any(span.covers(local.weekday(), minute) for span in self.spans)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    value = int(hours) * 60 + int(minutes)
    if not 0 <= value <= _DAY_MINUTES:
        raise ValueError(f"{clock!r} is no time of day; write HH:MM from 00:00 to 24:00")
    return value
