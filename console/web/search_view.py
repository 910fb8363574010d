"""What an address of the search asks for, and how the same is written into another address."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from console.domain.alert import AlertState, CloseReason
from console.domain.local_clock import around, offsets
from console.domain.search import Search, read_clock_s, read_length_s
from console.store import search
from console.web.find_places import Places, find
from console.web.i18n import Language
from console.web.instruction_pages import KINDS
from console.web.written_moment import read_moment

DAYS, DAY_S = 7, 86_400.0
GIVES_MIN = (15, 30, 60, 120)  # minutes to both sides of a time of day
STATES = (search.OPEN, *AlertState)
REASONS = tuple(CloseReason)
RULES = KINDS
MOST_COUNTED = 1000
_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,12})_([0-9a-f-]{36})", re.ASCII)
_DAY_ALONE = re.compile(r"[0-9./-]+", re.ASCII)
_PLAIN = r"^[^\x00]*$"


class SearchProblemError(ValueError):
    """Something that can't be searched for; the text is a word of the group "search_problem"."""


class Asked(BaseModel):
    """What is searched for, as it was written; names are those in the address. Empty is of no account."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    of: str = Field("", max_length=300, pattern=_PLAIN)
    find: str = Field("", max_length=100, pattern=_PLAIN)
    begin: str = Field("", alias="from", max_length=30)
    end: str = Field("", alias="to", max_length=30)
    days: int = Field(DAYS, ge=1, le=400)
    around: str = Field("", max_length=40)
    give: int = Field(GIVES_MIN[1], ge=1, le=720)
    rule: str = Field("", max_length=40)
    state: str = Field("", max_length=40)
    reason: str = Field("", max_length=40)
    least: str = Field("", max_length=40)
    most: str = Field("", max_length=40)
    older: str = Field("", max_length=60)

    def query(self, **more: object) -> str:
        """The query of an address that asks for the same, the latest first, but for `more`."""
        said = self.model_dump(by_alias=True, exclude={"older"}) | more
        blank = {"days": DAYS, "give": GIVES_MIN[1]}
        return urlencode({name: value for name, value in said.items() if value and value != blank.get(name)})

    def address(self, path: str = "/search", **more: object) -> str:
        """The address of a page that asks for the same, the latest first, but for `more`."""
        query = self.query(**more)
        return f"{path}?{query}" if query else path

    def lately(self, days: int) -> str:
        """The same of the last days."""
        return self.model_copy(update={"begin": "", "end": "", "days": days}).address()

    def alert(self, event_id: str) -> str:
        """The address of an alert that was found, from which one goes on through what else was found."""
        return f"/alerts/{event_id}?{urlencode({'found': self.query() or 'days=' + str(DAYS)})}"


def asked_again(query: str) -> Asked | None:
    """What a query that `Asked.query` wrote asks for; None where it is another one."""
    try:
        return Asked.model_validate(dict(parse_qsl(query[:2000])))
    except ValidationError:
        return None


def places_of(connection: Connection, wanted: Asked) -> Places | None:
    """Where it is looked for; None where there is no such place."""
    return find(connection, wanted.of, wanted.find)


def wanted_of(language: Language, wanted: Asked, where: Places, now_s: float) -> Search:
    """What is looked for. Raises SearchProblemError."""
    begin_s, end_s = span_of(language, wanted, now_s)
    clock_s, least_s, most_s = _numbers(wanted)
    if (wanted.rule, wanted.state, wanted.reason) != tuple(
        word if word in known else ""
        for word, known in ((wanted.rule, RULES), (wanted.state, STATES), (wanted.reason, REASONS))
    ):
        raise SearchProblemError("word")
    daytime = None
    if clock_s is not None:
        give_s = 60 * wanted.give
        daytime = around(clock_s, give_s)
        begin_s, end_s = begin_s - give_s, end_s + give_s  # ten past midnight of a day is near the day before, too
    scope = where.chosen.scope
    return Search(
        begin_s,
        end_s,
        where.within,
        scope.node_id,
        scope.camera,
        scope.zone,
        wanted.rule,
        wanted.state,
        wanted.reason,
        least_s,
        most_s,
        daytime,
        offsets(language.timezone, begin_s, end_s) if daytime else (),
    )


def span_of(language: Language, wanted: Asked, now_s: float) -> tuple[float, float]:
    """From when to when: two local times, of which the second is a whole day where it has no hour; empty: lately.

    Raises SearchProblemError.
    """
    try:
        begin_s = read_moment(language, wanted.begin) if wanted.begin.strip() else None
        end_s = _end_s(language, wanted.end.strip()) if wanted.end.strip() else None
    except ValueError:
        raise SearchProblemError("time") from None
    if end_s is None:
        end_s = now_s + 1
    if begin_s is None:
        begin_s = end_s - wanted.days * DAY_S
    if begin_s >= end_s:
        raise SearchProblemError("order")
    return begin_s, end_s


def cursor_of(text: str) -> search.Cursor | None:
    """Where a page goes on, as `written` says it; None where nothing does."""
    found = _CURSOR.fullmatch(text)
    return (float(found[1]), found[2]) if found else None


def written(cursor: search.Cursor) -> str:
    """A place in the list, for an address."""
    return f"{cursor[0]!r}_{cursor[1]}"


def latest_days(language: Language, wanted: Asked, now_s: float) -> Sequence[tuple[str, str, bool]]:
    """For each of the last seven days, today first: its name, the address, and whether it is what is asked for."""
    today = datetime.fromtimestamp(now_s, UTC).astimezone(language.timezone)
    found = []
    for back in range(DAYS):
        day = language.day_field(today - timedelta(days=back))
        one = wanted.model_copy(update={"begin": day, "end": day, "days": DAYS, "older": ""})
        found.append((language.weekday(today - timedelta(days=back)), one.address(), wanted.begin == wanted.end == day))
    return found


def _end_s(language: Language, text: str) -> float:
    at_s = read_moment(language, text)
    if not _DAY_ALONE.fullmatch(text):
        return at_s + 60 if text.count(":") < 2 else at_s  # that minute, too
    day = datetime.fromtimestamp(at_s, UTC).astimezone(language.timezone).replace(tzinfo=None) + timedelta(days=1)
    return day.replace(tzinfo=language.timezone).timestamp()


def _numbers(wanted: Asked) -> tuple[int | None, float | None, float | None]:
    try:
        clock_s = read_clock_s(wanted.around)
    except ValueError:
        raise SearchProblemError("clock") from None
    try:
        return clock_s, read_length_s(wanted.least), read_length_s(wanted.most)
    except ValueError:
        raise SearchProblemError("length") from None


def shown_times(language: Language, wanted: Asked, now_s: float) -> Mapping[str, str]:
    """What stands in the fields of from and to."""
    try:
        begin_s, end_s = span_of(language, wanted, now_s)
    except SearchProblemError:
        return {"from": wanted.begin, "to": wanted.end}
    return {
        "from": wanted.begin or language.field(begin_s),
        "to": wanted.end or language.field(min(end_s - 1, now_s)),
    }
