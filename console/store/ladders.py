"""The ladders of sites, and in which hours a wall must be open. A site without its own has those of the site above."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.alert import Severity
from console.domain.calendar import DayKind
from console.domain.escalation import ALWAYS, Duty, Hours, Ladder, LadderStep
from console.domain.site_tree import upwards
from console.store import sites
from console.store.escalation_tables import ladder, watch_hours


@dataclass(frozen=True, slots=True)
class SiteLadder:
    """A ladder with its number, its site and the priorities that it is for."""

    id: int
    site_id: int
    severities: frozenset[Severity]
    ladder: Ladder

    @property
    def version(self) -> str:
        """A word for exactly this ladder, by which two people who change it at once are noticed."""
        return hashlib.sha256(_steps_json(self.ladder).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class WatchHours:
    """Hours in which somebody must have the wall of a site open. is_on: whether anybody must at all."""

    site_id: int
    is_on: bool
    hours: Hours


def of_sites(connection: Connection, site_ids: Iterable[int]) -> Sequence[SiteLadder]:
    """The ladders of these sites, the most urgent first."""
    query = select(ladder).where(ladder.c.site_id.in_(list(site_ids))).order_by(ladder.c.id)
    found = [_ladder(row) for row in connection.execute(query)]
    order = list(reversed(Severity))
    return sorted(found, key=lambda one: min((order.index(each) for each in one.severities), default=len(order)))


def for_alert(connection: Connection, site_id: int, severity: Severity) -> SiteLadder | None:
    """The ladder that counts at a site for a priority: its own, else that of the nearest site above it that has one."""
    chain = upwards(sites.parents(connection), site_id)
    by_site = {one.site_id: one for one in of_sites(connection, chain) if severity in one.severities}
    return next((by_site[one] for one in chain if one in by_site), None)


def keep(connection: Connection, one: SiteLadder) -> int:
    """Writes a ladder down, anew where its id is 0; returns its id. Other ladders of the site lose its priorities."""
    for other in of_sites(connection, [one.site_id]):
        if other.id != one.id and other.severities & one.severities:
            rest = _severities(other.severities - one.severities)
            connection.execute(update(ladder).where(ladder.c.id == other.id).values(severities=rest))
    values = {
        "severities": _severities(one.severities),
        "steps_json": _steps_json(one.ladder),
        "rounds": one.ladder.rounds,
        "again_s": one.ladder.again_s,
        "hold_s": one.ladder.hold_s,
    }
    if one.id:
        mine = (ladder.c.id == one.id) & (ladder.c.site_id == one.site_id)
        connection.execute(update(ladder).where(mine).values(**values))
        return one.id
    result = connection.execute(insert(ladder).values(site_id=one.site_id, **values))
    return int((result.inserted_primary_key or (0,))[0])


def remove(connection: Connection, site_id: int, ladder_id: int) -> None:
    """Takes a ladder away: what the site above has counts again."""
    connection.execute(delete(ladder).where(ladder.c.id == ladder_id, ladder.c.site_id == site_id))


def all_watch_hours(connection: Connection) -> dict[int, WatchHours]:
    """Of each site that has hours of its own, these."""
    return {row.site_id: _hours_of(row) for row in connection.execute(select(watch_hours))}


def set_watch_hours(connection: Connection, one: WatchHours) -> None:
    """Says when a wall must be open for a site and all below it that have no hours of their own."""
    forget_watch_hours(connection, one.site_id)
    values = {"site_id": one.site_id, "is_on": one.is_on, "hours_json": json.dumps(hours_json(one.hours))}
    connection.execute(insert(watch_hours).values(**values))


def forget_watch_hours(connection: Connection, site_id: int) -> None:
    """From now on what the site above says counts."""
    connection.execute(delete(watch_hours).where(watch_hours.c.site_id == site_id))


def hours_json(hours: Hours) -> dict[str, Any]:
    """Hours as JSON."""
    return {
        "days": sorted(hours.days),
        "begins": hours.begins,
        "ends": hours.ends,
        "first_day": hours.first_day.isoformat() if hours.first_day else None,
        "last_day": hours.last_day.isoformat() if hours.last_day else None,
        "kinds": sorted(hours.kinds),
    }


def _steps_json(ladder: Ladder) -> str:
    steps = [
        {"name": step.name, "wait_s": step.wait_s, "duties": [_duty_json(duty) for duty in step.duties]}
        for step in ladder.steps
    ]
    return json.dumps(steps)


def _duty_json(duty: Duty) -> dict[str, Any]:
    return {"person": duty.person, **({} if duty.hours == ALWAYS else hours_json(duty.hours))}


def _hours(told: dict[str, Any]) -> Hours:
    if "days" not in told:
        return ALWAYS
    first, last = (date.fromisoformat(told[name]) if told[name] else None for name in ("first_day", "last_day"))
    kinds = frozenset(DayKind(kind) for kind in told["kinds"])
    return Hours(frozenset(told["days"]), told["begins"], told["ends"], first, last, kinds)


def _hours_of(row: Any) -> WatchHours:
    return WatchHours(row.site_id, row.is_on, _hours(json.loads(row.hours_json)))


def _severities(found: frozenset[Severity]) -> str:
    return ",".join(one for one in Severity if one in found)


def _ladder(row: Any) -> SiteLadder:
    steps = tuple(
        LadderStep(one["name"], one["wait_s"], tuple(Duty(duty["person"], _hours(duty)) for duty in one["duties"]))
        for one in json.loads(row.steps_json)
    )
    severities = frozenset(Severity(name) for name in row.severities.split(",") if name)
    return SiteLadder(row.id, row.site_id, severities, Ladder(steps, row.rounds, row.again_s, row.hold_s))
