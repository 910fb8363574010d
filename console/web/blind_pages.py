"""The page of blind times, and the same as a table to download."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from console.domain.watched import Stretch
from console.store import audit, blind_times, known_cameras
from console.store.blind_times import BlindTime
from console.web.blind_places import add_zones, camera_key, camera_keys, places
from console.web.blind_view import MOST_LINES, Question, TimeRangeError, span_of, times_of, view
from console.web.camera_view import watch
from console.web.context import Context
from console.web.csv_lines import csv_head, csv_lines, csv_pieces
from console.web.errors import Refused
from console.web.i18n import Language
from console.web.words import WORDS, sentence

router = APIRouter()
_AT_ONCE = 1000  # times in one reading, for the download
_DAYS = 7
_Text = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address of these pages asks for, as it was written."""

    of: str
    begin: str
    end: str
    days: int
    older: str
    find: str = ""
    page: int = 1

    def address(self, path: str = "/blind-times", **more: str | int) -> str:
        """The address of a page that asks for the same, the latest times first, but for `more`."""
        said = {"of": self.of, "from": self.begin, "to": self.end, "days": str(self.days), "find": self.find}
        return f"{path}?{urlencode({name: value for name, value in {**said, **more}.items() if value})}"

    def lately(self, days: int) -> str:
        """The address of a page that asks for the last days of the same place."""
        return replace(self, begin="", end="", days=days).address()


def _asked(
    of: _Text = "",
    begin: Annotated[str, Query(alias="from", max_length=30)] = "",
    end: Annotated[str, Query(alias="to", max_length=30)] = "",
    days: Annotated[int, Query(ge=1, le=400)] = _DAYS,
    older: Annotated[str, Query(max_length=60)] = "",
    find: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Asked:
    return Asked(of, begin, end, days, older, find.strip(), page)


_WhatIsAsked = Annotated[Asked, Depends(_asked)]


@router.get("/blind-times")
def blind_times_page(request: Request, asked: _WhatIsAsked) -> Response:
    """When cameras saw nothing: what no alert means."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s, problem = context.wall_s(), ""
    try:
        span = span_of(language, asked.begin, asked.end, asked.days, now_s)
    except TimeRangeError as error:
        problem, span = str(error), span_of(language, "", "", _DAYS, now_s)
    with context.database.read() as connection:
        known = places(connection)
        add_zones(connection, known, [camera_key(asked.of)])
        if asked.of not in known:
            raise Refused(404, "not_found")
        times = times_of(connection, known[asked.of], span, asked.older)
        add_zones(connection, known, camera_keys(times))
        seen = watch(connection, now_s, context.broker_connected(), of=())
        question = Question(known, known[asked.of], span, asked.older, now_s, seen, asked.find, asked.page)
        shown = view(connection, language, question, times)
    values = {"view": shown, "watch": seen, "asked": asked, "problem": problem, "last_s": -(-now_s // 60) * 60}
    values["pages"] = -(-shown.found // MOST_LINES)
    values["page"] = min(asked.page, -(-shown.found // MOST_LINES))
    page: Response = request.app.state.pages.render(
        request, "blind_times.html", status=422 if problem else 200, **values
    )
    return page


@router.get("/blind-times.csv")
def blind_times_table(request: Request, asked: _WhatIsAsked) -> Response:
    """The same times as a table, all of them, the latest first, and what is not known; who got it is written down."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s = context.wall_s()
    try:
        span = span_of(language, asked.begin, asked.end, asked.days, now_s)
    except TimeRangeError:
        raise Refused(422, "malformed") from None
    with context.database.read() as connection:
        known = places(connection, whole=True)
        if asked.of not in known:
            raise Refused(404, "not_found")
        seen = watch(connection, now_s, context.broker_connected(), of=())
    detail = f"{asked.of} {span.from_at_s:.0f} {span.to_at_s:.0f}"
    with context.database.write() as connection:  # after the long reading: whoever writes holds up all that comes in
        audit.write(connection, request.state.person.by, "download", "blind-times.csv", detail, now_s)
    question = Question(known, known[asked.of], span, "", now_s, seen)
    headers = {"Content-Disposition": 'attachment; filename="blind-times.csv"'}
    return StreamingResponse(_table(context, language, question), media_type="text/csv", headers=headers)


def _table(context: Context, language: Language, asked: Question) -> Iterator[str]:
    """Lines of a CSV file that spreadsheets read as UTF-8; read in pieces, however many there are."""
    heads = (sentence(language, "csv", code) for code in WORDS["csv"])
    yield csv_head([head.format(timezone=language.timezone.key) for head in heads])
    before = None
    while True:
        with context.database.read() as connection:
            times = blind_times.listing(connection, asked.place.scope, asked.span, _AT_ONCE, before)
        yield csv_lines(_cells(language, asked, one) for one in times)
        if len(times) < _AT_ONCE:
            break
        before = times[-1].from_at_s, times[-1].id
    yield from csv_pieces(_unknown_cells(language, camera, one) for camera, one in asked.unknown())


def _cells(language: Language, asked: Question, time: BlindTime) -> list[str]:
    zone = asked.zone(time)
    return [
        time.site,
        time.node,
        asked.label(time),
        time.camera,
        zone.label if zone else "",
        ", ".join(sentence(language, "rule", rule) for rule in zone.rules) if zone else "",
        sentence(language, "camera", time.state),
        language.sortable(time.from_at_s),
        "" if time.to_at_s is None else language.sortable(time.to_at_s),
        f"{asked.within_s(time):.0f}",
        sentence(language, "fault", time.reason_code),
        time.reason_code,
    ]


def _unknown_cells(language: Language, camera: known_cameras.KnownCamera, time: Stretch) -> list[str]:
    where = [camera.site, camera.node, camera.label, camera.name, "", ""]
    span = [language.sortable(time.begin_s), language.sortable(time.end_s), f"{time.length_s:.0f}"]
    told = [sentence(language, "not_known", time.sighted), str(time.sighted)]
    return [*where, language.text("not known"), *span, *told]
