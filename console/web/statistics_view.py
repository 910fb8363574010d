"""What the page of statistics shows: a month or the last days of a place, in numbers and in sentences."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from console.domain import statistics as sums
from console.domain.local_clock import Offset, offsets
from console.domain.search import Search
from console.domain.statistics import Advice, PlaceSummary, Summary
from console.store import blind_times, search, sites, statistics
from console.store.blind_times import Scope, Span
from console.store.cameras import CameraName
from console.store.cameras import names_of as cameras_of
from console.web.camera_view import unheard_since_s
from console.web.find_places import Places
from console.web.i18n import Language
from console.web.words import sentence

DAYS, DAY_S = 30, 86_400.0
MONTHS = 13  # to choose from
MOST_PLACES = 30
MOST_BLIND = 8
_MONTH = re.compile(r"(20[2-9]\d)-(0[1-9]|1[0-2])", re.ASCII)
_MOST_BEFORE = 1_000_000


class AskedStatistics(BaseModel):
    """Of what and when. month: 2026-11; empty: the last 30 days."""

    model_config = ConfigDict(frozen=True)

    of: str = Field("", max_length=300, pattern=r"^[^\x00]*$")
    find: str = Field("", max_length=100, pattern=r"^[^\x00]*$")
    month: str = Field("", max_length=7)

    def address(self, path: str = "/statistics", **more: object) -> str:
        """The address of a page that asks for the same, but for `more`."""
        said = {name: value for name, value in {**self.model_dump(), **more}.items() if value}
        return f"{path}?{urlencode(said)}" if said else path


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A place with its alerts. label: what people call it; key: what stands for it in addresses."""

    key: str
    label: str
    sums: PlaceSummary


@dataclass(frozen=True, slots=True)
class BlindLine:
    """A camera that saw nothing for so many seconds."""

    key: str
    label: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StatisticsView:
    """All of the page. before: alerts in a time as long before it; None where nothing is known of that.

    of_sites: whether places are sites. blind_s: of all cameras together; cameras: how many there are.
    """

    begin_s: float
    end_s: float
    sums: Summary
    before: int | None
    places: Sequence[PlaceLine]
    of_sites: bool
    advice: Sequence[str]
    blind: Sequence[BlindLine]
    blind_s: float
    cameras: int


def span_of(language: Language, asked: AskedStatistics, now_s: float) -> tuple[float, float] | None:
    """From when to when: a month by the local calendar, to now where it lasts; None where it is none, or to come."""
    if not asked.month:
        return now_s - DAYS * DAY_S, now_s + 1
    found = _MONTH.fullmatch(asked.month)
    if not found:
        return None
    year, month = int(found[1]), int(found[2])
    begin = datetime(year, month, 1, tzinfo=language.timezone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=language.timezone)
    return (begin.timestamp(), min(end.timestamp(), now_s + 1)) if begin.timestamp() < now_s else None


def months(language: Language, now_s: float) -> Sequence[tuple[str, str]]:
    """The latest months, this one first: as an address has them, and as people say them."""
    now = datetime.fromtimestamp(now_s, UTC).astimezone(language.timezone)
    found = []
    for back in range(MONTHS):
        number = now.year * 12 + now.month - 1 - back
        first = datetime(number // 12, number % 12 + 1, 1, tzinfo=language.timezone)
        found.append((f"{first:%Y-%m}", language.month(first)))
    return found


@dataclass(frozen=True, slots=True)
class Figures:
    """What can be told of one place and time. Each part asks the database for itself: a table needs one of them.

    span: from when to when. heard: whether the console hears the boxes now.
    """

    connection: Connection
    language: Language
    where: Places
    span: tuple[float, float]
    now_s: float
    heard: bool

    def summary(self) -> Summary:
        """All alerts together."""
        clocks = offsets(self.language.timezone, *self.span)
        return sums.summary(statistics.counts(self.connection, _wanted(self.where, *self.span), clocks))

    def places(self, most: int) -> Sequence[PlaceLine]:
        """The places with the most alerts."""
        clocks = offsets(self.language.timezone, *self.span)
        return place_lines(self.connection, self.where, _wanted(self.where, *self.span), clocks, most)

    def blind_s(self) -> Mapping[tuple[int, str], float]:
        """By id of the node and camera how many seconds it saw nothing."""
        return blind_of(self.connection, self.where, Span(*self.span), self.now_s, heard=self.heard)

    def blind(self, blind_s: Mapping[tuple[int, str], float], most: int) -> Sequence[BlindLine]:
        """The cameras that saw nothing for longest."""
        return _blind_lines(self.connection, self.where, blind_s, most)

    def before(self) -> int | None:
        """How many alerts there were in a time as long before; None where nothing is known of it."""
        begin_s, end_s = self.span
        wanted = _wanted(self.where, 2 * begin_s - end_s, begin_s)
        return search.count(self.connection, wanted, _MOST_BEFORE) or None


def view(figures: Figures) -> StatisticsView:
    """Everything of one place and time."""
    where, lines, blind_s = figures.where, figures.places(MOST_PLACES), figures.blind_s()
    names = {line.sums.place: line.label for line in lines}
    return StatisticsView(
        *figures.span,
        figures.summary(),
        figures.before(),
        lines,
        where.of_many_sites,
        [_advised(figures.language, one, names[one.place]) for one in sums.advice(line.sums for line in lines)],
        figures.blind(blind_s, MOST_BLIND),
        sum(blind_s.values()),
        1 if where.chosen.camera else sites.count_cameras(figures.connection, where.within),
    )


def place_lines(
    connection: Connection, where: Places, wanted: Search, clocks: Sequence[Offset], most: int
) -> Sequence[PlaceLine]:
    """The places with the most alerts: sites, or of one site its zones."""
    if where.of_many_sites:
        found = sums.by_place(statistics.of_sites(connection, wanted, most))
        names = {one.id: one.name for one in sites.listing(connection)}
        return [PlaceLine(f"/{one.place}", names[one.place], one) for one in found if isinstance(one.place, int)]
    found = sums.by_place(statistics.of_zones(connection, wanted, clocks))[:most]
    cameras = cameras_of(connection, {one.place[:2] for one in found if isinstance(one.place, tuple)})
    return [_zone_line(one, one.place, cameras, where) for one in found if isinstance(one.place, tuple)]


def blind_of(
    connection: Connection, where: Places, span: Span, now_s: float, *, heard: bool
) -> Mapping[tuple[int, str], float]:
    """By id of the node and camera how many seconds of a time it saw nothing."""
    unheard = unheard_since_s(connection, now_s, heard)
    scope = where.chosen.scope if where.chosen.camera else Scope(sites=where.within)
    return blind_times.blind_s(connection, scope, span, unheard)


def _wanted(where: Places, begin_s: float, end_s: float) -> Search:
    scope = where.chosen.scope
    return Search(begin_s, end_s, where.within, scope.node_id, scope.camera, scope.zone)


def _zone_line(
    one: PlaceSummary, at: tuple[int, str, str], cameras: Mapping[tuple[int, str], CameraName], where: Places
) -> PlaceLine:
    node_id, name, zone = at
    camera = cameras.get((node_id, name), CameraName("", "", name))
    key = "/".join(part for part in (camera.node, name, zone) if part)
    place = where.options.get(key)
    label = " · ".join(part for part in (camera.label, place.label if place and place.zone else zone) if part)
    return PlaceLine(key if place else "", label, one)


def _blind_lines(
    connection: Connection, where: Places, blind: Mapping[tuple[int, str], float], most: int
) -> Sequence[BlindLine]:
    longest = sorted(blind.items(), key=lambda one: -one[1])[:most]
    cameras = cameras_of(connection, {key for key, _ in longest})
    found = []
    for key, seconds in longest:
        camera = cameras.get(key, CameraName("", "", key[1]))
        label = f"{camera.site} · {camera.label}" if where.of_many_sites else camera.label
        found.append(BlindLine(f"{camera.node}/{key[1]}", label, seconds))
    return found


def _advised(language: Language, one: Advice, place: str) -> str:
    """What is worth changing about a place, as sentences."""
    values = {"place": place, "n": language.number(one.part), "all": language.number(one.whole)}
    part = "most" if one.part == 9 else "half" if one.whole == 2 else "of"
    known = sentence(language, "advice_what", one.reason)
    told = sentence(language, "advice_part", part).format(what=known, **values)
    if one.from_hour is not None:
        told += " " + sentence(language, "advice_part", "peak").format(begin=one.from_hour, end=one.to_hour)
    return f"{told} {sentence(language, 'advice', one.reason)}"
