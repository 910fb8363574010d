"""A week of what is armed when, as a page shows it: days that are alike together, rules that are alike together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from console.domain.armed_week import Armed, DayPlan, Stretch, WatchedBy, week_plan
from console.domain.calendar import RULES, Calendar, Day, Period, Scope
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
    found = rules_of_sites(connection, [site_id])[site_id]
    return found if found.watched else SiteRules(tuple(WatchedBy(Scope(rule)) for rule in RULES), {})


def rules_of_sites(connection: Connection, site_ids: Collection[int]) -> dict[int, SiteRules]:
    """Those that the boxes of each of these sites tell."""
    found = {}
    for site_id, told in calendars.rules(connection, site_ids).items():
        labels = {one.scope: f"{one.camera}: {one.zone}" if one.zone != one.camera else one.camera for one in told}
        found[site_id] = SiteRules(calendars.watched_by((one.scope, one.settings) for one in told), labels)
    return found


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
