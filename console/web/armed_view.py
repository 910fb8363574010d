"""What is armed now: of few sites in words, of many in numbers, and the sites at which a guard must know of it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from console.domain.armed_now import ArmedNow, armed_now, armed_of, open_places, orders_of, place_of
from console.domain.armed_schedule import monday_of
from console.domain.armed_week import WatchedBy
from console.domain.calendar import Calendar, Period, Scope, period_at
from console.store import calendars
from console.store.public_holidays import public_holidays
from console.web.calendar_view import SiteRules, rules_of_sites
from console.web.camera_view import NodeView

FEW = 3  # sites of which the wall says each in words
MOST_PLACES = 4  # named of one site


class Standing(StrEnum):
    """How a site stands now; what a guard must know first before the others."""

    NONE = "none"  # no rule is armed in any of its places
    PARTLY = "partly"
    APART = "apart"  # a box of it does not work by its calendar (yet)
    ARMED = "armed"


class Basis(StrEnum):
    """What a box goes by."""

    CALENDAR = "calendar"
    BOX = "box"  # what is set on it
    CLOCK = "clock"  # its clock is wrong: all is armed
    UNKNOWN = "unknown"  # a calendar that this console does not know any more, or not at all


@dataclass(frozen=True, slots=True)
class SiteArmed:
    """A site in words. now: None where nobody knows. open: what people call the first places in which no rule is armed;
    more_open: how many more there are. bases: what its boxes go by. late: boxes that don't work by its calendar."""

    site_id: int
    name: str
    standing: Standing
    now: ArmedNow | None
    open: tuple[str, ...]
    more_open: int
    bases: frozenset[Basis]
    late: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Armed:
    """All sites that have rules and a box that is heard. few: each in words, where they are few."""

    standings: Mapping[int, Standing]
    few: tuple[SiteArmed, ...]

    def count(self, standing: str) -> int:
        """How many stand so."""
        return sum(one == standing for one in self.standings.values())

    @property
    def nowhere(self) -> bool:
        """Whether nothing that people do can ring now."""
        return bool(self.standings) and self.count(Standing.NONE) == len(self.standings)


class Desk:
    """Looks at boxes at one moment. boxes: what is heard of them, as brief as it is."""

    def __init__(self, connection: Connection, boxes: Sequence[NodeView], now_s: float, timezone: ZoneInfo) -> None:
        self._connection, self._timezone = connection, timezone
        self._local = datetime.fromtimestamp(now_s, timezone)
        self._at = (self._local.weekday(), 60 * self._local.hour + self._local.minute)
        self._public = public_holidays(self._local.year)
        self._monday = monday_of(now_s, timezone)
        self._texts, self._parents = calendars.all_texts(connection)
        self._boxes: dict[int, list[NodeView]] = {}
        for box in boxes:
            if not box.unheard:
                self._boxes.setdefault(box.node.site_id, []).append(box)
        self._said_at: dict[int | None, tuple[str, ...]] = {None: ()}
        self._periods: dict[tuple[str, ...], Period | None] = {}
        self._wanted: dict[tuple[str, ...], str | None] = {}

    def look(self) -> Armed:
        """How each site stands."""
        found = {site_id: self._standing(site_id) for site_id in self._boxes}
        standings = {site_id: one for site_id, one in found.items() if one is not None}
        few = self.in_words(standings, standings) if len(standings) <= FEW else ()
        return Armed(standings, few)

    def in_words(self, site_ids: Collection[int], standings: Mapping[int, Standing]) -> tuple[SiteArmed, ...]:
        """These sites, by name."""
        rules = rules_of_sites(self._connection, site_ids)
        found = [self._in_words(one, rules[one], standings[one]) for one in site_ids]
        return tuple(sorted(found, key=lambda one: (one.name, one.site_id)))

    def _standing(self, site_id: int) -> Standing | None:
        """None where there are no rules, so far as its boxes tell."""
        said, places, open_ = self._said(site_id), 0, 0
        boxes = self._boxes[site_id]
        for box in boxes:
            counted = self._counted(box, said)
            places, open_ = places + counted[0], open_ + counted[1]
        if not places:
            return None
        if open_:
            return Standing.NONE if open_ == places else Standing.PARTLY
        return Standing.APART if any(self._is_late(box, said) for box in boxes) else Standing.ARMED

    def _counted(self, box: NodeView, said: tuple[str, ...]) -> tuple[int, int]:
        """How many places a box watches, and how many of them no rule does now, as far as anybody knows."""
        told = tuple([(one["camera"], one.get("armed", "")) for one in box.node.health.get("cameras", ())])
        basis = self._basis(box, said)
        by, period = (said, self._period(said)) if basis is Basis.CALENDAR else ((), None)
        at = self._at if '"hours"' in "".join([text for _, text in told]) else (0, 0)
        places, open_ = _places_of_box(box.node.name, told, by, period, at)
        return places, open_ if basis in (Basis.CALENDAR, Basis.BOX) else 0

    def _in_words(self, site_id: int, rules: SiteRules, standing: Standing) -> SiteArmed:
        said, boxes = self._said(site_id), self._boxes[site_id]
        bases = {box.node.name: self._basis(box, said) for box in boxes}
        of: dict[Basis, list[WatchedBy]] = {}
        for one in rules.watched:
            if one.scope.node in bases:
                of.setdefault(bases[one.scope.node], []).append(one)
        calendar = self._whole(said)
        known = [
            armed_now(calendar if basis is Basis.CALENDAR else None, self._public, mine, self._local)
            for basis, mine in of.items()
            if basis in (Basis.CALENDAR, Basis.BOX)
        ]
        if Basis.CLOCK in of:
            kinds = tuple(dict.fromkeys(one.scope.rule for one in of[Basis.CLOCK]))
            known.append(ArmedNow(kinds, (), (), len({place_of(one.scope) for one in of[Basis.CLOCK]})))
        now = _together(known) if known else None
        open_ = [rules.labels.get(scope, "") for scope in now.open] if now else []
        late = tuple(box.node.label for box in boxes if self._is_late(box, said))
        return SiteArmed(
            site_id,
            boxes[0].node.site,
            standing,
            now,
            tuple(open_[:MOST_PLACES]),
            max(0, len(open_) - MOST_PLACES),
            frozenset(of),
            late,
        )

    def _said(self, site_id: int) -> tuple[str, ...]:
        """As `calendars.said_at`; of sites that say nothing themselves what is said above them is looked for once."""
        one = site_id if site_id in self._texts else self._parents.get(site_id)
        if one not in self._said_at:
            self._said_at[one] = calendars.said_at(one or 0, self._texts, self._parents)
        return self._said_at[one]

    def _whole(self, said: tuple[str, ...]) -> Calendar | None:
        try:
            return calendars.whole(said)
        except (ValueError, LookupError, TypeError):  # a newer console wrote it; no box is taken to work by it
            return None

    def _period(self, said: tuple[str, ...]) -> Period | None:
        if said not in self._periods:
            calendar, minute = self._whole(said), 60 * self._local.hour + self._local.minute
            at = None if calendar is None else period_at(calendar, self._local.date(), minute, self._public)[1]
            self._periods[said] = at.period if at else None
        return self._periods[said]

    def _basis(self, box: NodeView, said: tuple[str, ...]) -> Basis:
        problems = box.node.health.get("node_problems") or ()
        codes = {one.get("code") for one in problems} if problems else ()
        if "clock_wrong" in codes:
            return Basis.CLOCK
        if "calendar_ended" in codes or not box.node.schedule_revision:
            return Basis.BOX
        return Basis.UNKNOWN if self._is_late(box, said) else Basis.CALENDAR

    def _is_late(self, box: NodeView, said: tuple[str, ...]) -> bool:
        """Whether a box does not work by what is said; one that is too old for any does not, where anything is."""
        if said not in self._wanted:
            self._wanted[said] = calendars.revision(said, self._timezone, self._monday)
        return (box.node.schedule_revision or "") != self._wanted[said]


@lru_cache(maxsize=8192)
def _places_of_box(
    box: str, told: tuple[tuple[str, str], ...], said: tuple[str, ...], period: Period | None, at: tuple[int, int]
) -> tuple[int, int]:
    """How many places, and in how many of them no rule is armed. at: local weekday and minute."""
    armed = armed_of(calendars.watched_in_brief(box, told), orders_of(calendars.whole(said), period), *at)
    return len({place_of(scope) for scope in armed}), len(open_places(armed))


def _together(known: Sequence[ArmedNow]) -> ArmedNow:
    """Of several boxes of one site. What goes on there, and until when, says the first that knows."""
    kinds: Counter[str] = Counter(kind for one in known for kind in (*one.on, *one.off))
    on = {kind for one in known for kind in one.on}
    first = next((one for one in known if one.period is not None), known[0])
    open_: list[Scope] = [scope for one in known for scope in one.open]
    return ArmedNow(
        tuple(kind for kind in kinds if kind in on),
        tuple(kind for kind in kinds if kind not in on),
        tuple(open_),
        sum(one.places for one in known),
        first.day,
        first.period,
        first.until,
    )
