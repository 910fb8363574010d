"""Where a calendar leaves nobody watched, for whoever saves it, and the day from which on a change shows. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from console.domain.armed_week import DayPlan, Stretch
from console.domain.calendar import Calendar, Period, Scope, dates, day_of, orders_in, spans_of


@dataclass(frozen=True, slots=True)
class Unarmed:
    """Places in which no rule is armed, each named by a scope of its zone (of a rule where a site has no boxes).

    never: in no minute of a week. after_hours: of the others, in some minute of it that is after hours.
    """

    never: tuple[Scope, ...] = ()
    after_hours: tuple[Scope, ...] = ()


def unarmed(week: Iterable[Sequence[DayPlan]]) -> Unarmed:
    """Of a week as `week_plan` gives it. What an old box does not tell counts as armed."""
    stretches = [stretch for days in week for stretch in days[0].stretches]
    places = dict[tuple[str, str, str], list[Scope]]()
    for scope in stretches[0].armed if stretches else ():
        places.setdefault((scope.node, scope.camera, scope.zone), []).append(scope)
    nights = [one for one in stretches if one.period == Period.AFTER_HOURS]
    never = [rules[0] for rules in places.values() if not any(_watched(one, rules) for one in stretches)]
    open_ = [rules[0] for rules in places.values() if not all(_watched(one, rules) for one in nights)]
    return Unarmed(tuple(never), tuple(one for one in open_ if one not in never))


def _watched(stretch: Stretch, rules: Sequence[Scope]) -> bool:
    return any(stretch.armed[rule].armed is not False for rule in rules)


def first_difference(
    calendar: Calendar, before: Calendar, public: Mapping[date, str], first: date, days: int
) -> date | None:
    """The first of so many days on which another kind of day, period or order counts. Both calendars: merged."""
    changed = {period for period in Period if orders_in(calendar, period) != orders_in(before, period)}
    for one in dates(first, days):
        kinds = [day_of(known, one, public).kind for known in (calendar, before)]
        spans = [spans_of(known, kind) for known, kind in zip((calendar, before), kinds, strict=True)]
        if kinds[0] != kinds[1] or spans[0] != spans[1] or any(span.period in changed for span in spans[0]):
            return one
    return None
