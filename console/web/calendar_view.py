"""A week of what is armed when, as a page shows it: days that are alike together, rules that are alike together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from console.domain.alert import Severity
from console.domain.armed_week import Armed, DayPlan, Setting, Stretch, WatchedBy, hours_of, week_plan
from console.domain.calendar import RULES, Calendar, CalendarError, Day, Period, Scope
from console.domain.unarmed import unarmed
from console.store import calendars


@dataclass(frozen=True, slots=True)
class Chip:
    """How rules of one kind stand. where: what people call their zones; empty: all of that kind.

    before: how they stand now, where that is otherwise.
    """

    rule: str
    where: str
    now: Armed
    before: Armed | None


@dataclass(frozen=True, slots=True)
class Row:
    """A stretch of a day; begins, ends: local minutes. period_before: what it is now, where that is otherwise."""

    begins: str
    ends: str
    period: Period
    period_before: Period | None
    chips: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class DayGroup:
    """Days that are alike. before: what the first of them is now, where that is another kind."""

    dates: tuple[date, ...]
    day: Day
    before: Day | None
    rows: tuple[Row, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class SiteRules:
    """The rules of a site, and what people call their places; empty where the site has no boxes of its own."""

    watched: tuple[WatchedBy, ...]
    labels: Mapping[Scope, str]


def site_rules(connection: Connection, site_id: int) -> SiteRules:
    """Those that the boxes of a site tell; all kinds of rules where it has none."""
    settings = dict[Scope, list[Setting]]()
    labels = dict[Scope, str]()
    for one in calendars.rules(connection, site_id):
        if one.scope.rule in RULES:
            settings.setdefault(one.scope, []).extend(_setting(one.settings))
            labels[one.scope] = f"{one.camera}: {one.zone}" if one.zone != one.camera else one.camera
    if not settings:
        return SiteRules(tuple(WatchedBy(Scope(rule)) for rule in RULES), {})
    return SiteRules(tuple(WatchedBy(scope, tuple(told)) for scope, told in settings.items()), labels)


def _setting(told: Mapping[str, object] | None) -> list[Setting]:
    if told is None:
        return []
    try:
        hours = hours_of(told.get("hours") or ())  # type: ignore[arg-type]  # as the contract says
    except CalendarError:
        return []  # what it does not tell soundly, it does not tell
    seconds, priority = told.get("seconds"), Severity(str(told.get("severity") or Severity.MEDIUM))
    follows = told.get("follows_calendar") is not False
    return [Setting(seconds if isinstance(seconds, float) else None, priority, hours, follows)]


@dataclass(frozen=True, slots=True)
class WeekView:
    """Days that are alike together. never, after_hours: what people call places that `Unarmed` names."""

    groups: tuple[DayGroup, ...]
    never: tuple[str, ...]
    after_hours: tuple[str, ...]


def week_view(
    calendar: Calendar, before: Calendar | None, public: Mapping[date, str], rules: SiteRules, first: date
) -> WeekView:
    """Seven days from `first` on. calendar, before: merged; before: None where there is no calendar now."""
    plan = week_plan(calendar, before, public, rules.watched, first)
    open_ = unarmed(plan)
    named = [tuple(rules.labels.get(one, "") for one in scopes) for scopes in (open_.never, open_.after_hours)]
    return WeekView(tuple(_group(days, rules.labels) for days in plan), *named)


def _group(days: Sequence[DayPlan], labels: Mapping[Scope, str]) -> DayGroup:
    one = days[0]
    before = one.before if one.before is not None and one.before.kind != one.day.kind else None
    together = _together(one.stretches, labels)
    rows = tuple(_row(stretch, together) for stretch in one.stretches)
    return DayGroup(tuple(plan.day.date for plan in days), one.day, before, rows, any(plan.differs for plan in days))


def _together(stretches: Sequence[Stretch], labels: Mapping[Scope, str]) -> list[tuple[Scope, str]]:
    """Rules of one kind that stand alike all day: the first of them, and what people call where they are."""
    alike = list[list[Scope]]()
    scopes = list(stretches[0].armed)
    for scope in scopes:
        same = (group for group in alike if group[0].rule == scope.rule and _stand_alike(group[0], scope, stretches))
        group = next(same, None)
        if group is None:
            alike.append([scope])
        else:
            group.append(scope)
    kinds = [group[0].rule for group in alike]
    return [
        (group[0], "" if kinds.count(group[0].rule) == 1 else ", ".join(labels.get(scope, "") for scope in group))
        for group in sorted(alike, key=lambda group: RULES.index(group[0].rule))
    ]


def _stand_alike(one: Scope, other: Scope, stretches: Sequence[Stretch]) -> bool:
    return all(
        stretch.armed[one] == stretch.armed[other] and stretch.before[one] == stretch.before[other]
        for stretch in stretches
    )


def _row(stretch: Stretch, together: Sequence[tuple[Scope, str]]) -> Row:
    chips = tuple(
        Chip(
            scope.rule,
            where,
            stretch.armed[scope],
            None if stretch.armed[scope].is_as(stretch.before[scope]) else stretch.before[scope],
        )
        for scope, where in together
    )
    other = stretch.period_before if stretch.period_before not in (None, stretch.period) else None
    return Row(clock(stretch.begins), clock(stretch.ends), stretch.period, other, chips)


def clock(minute: int) -> str:
    """Local minutes as people write them."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
