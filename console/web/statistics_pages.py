"""Statistics of alerts as a page for a headmaster, and its tables to download."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query, Request, Response

from console.domain.alert import CloseReason
from console.domain.statistics import ENOUGH_FOR_A_SHARE, LATER, NEVER, Kind
from console.store import audit
from console.web.context import Context
from console.web.csv_lines import csv_head, csv_line
from console.web.errors import Refused
from console.web.find_places import find
from console.web.i18n import Language
from console.web.statistics_view import AskedStatistics, Figures, months, span_of, view
from console.web.words import sentence

router = APIRouter()
_ALL = 10_000  # lines of a table
Table = Literal["hours", "places", "answers", "blind"]
_WhatIsAsked = Annotated[AskedStatistics, Query()]


class AskedTable(AskedStatistics):
    """Which of the tables."""

    table: Table = "hours"


@router.get("/statistics")
def statistics_page(request: Request, asked: _WhatIsAsked) -> Response:
    """A month, or the last 30 days, on one page."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    now_s = context.wall_s()
    with _figures(context, language, asked) as figures:
        shown, where = view(figures), figures.where
    page: Response = request.app.state.pages.render(
        request,
        "statistics.html",
        asked=asked,
        where=where,
        view=shown,
        months=months(language, now_s),
        kinds=[kind for kind in Kind if shown.sums.kinds.get(kind)],
        tables=get_args(Table),
        highest=max((sum(hour.values()) for hour in shown.sums.by_hour), default=0),
        answers=range(NEVER + 1),
        enough=ENOUGH_FOR_A_SHARE,
    )
    return page


@router.get("/statistics.csv")
def statistics_table(request: Request, asked: Annotated[AskedTable, Query()]) -> Response:
    """One of its tables; who got it is written down."""
    context: Context = request.app.state.context
    language: Language = request.app.state.pages.language(request)
    with _figures(context, language, asked) as figures:
        lines = list(_TABLES[asked.table](language, figures))
    with context.database.write() as connection:
        by, name = request.state.person.by, f"statistics-{asked.table}.csv"
        audit.write(connection, by, "download", name, f"{asked.of} {asked.month}", context.wall_s())
    text = csv_head(lines[0]) + "".join(csv_line(line) for line in lines[1:])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv", headers=headers)


@contextmanager
def _figures(context: Context, language: Language, asked: AskedStatistics) -> Iterator[Figures]:
    """What is asked for, while the database is open. Raises Refused where there is no such place or time."""
    now_s = context.wall_s()
    span = span_of(language, asked, now_s)
    with context.database.read() as connection:
        where = find(connection, asked.of, asked.find)
        if where is None or span is None:
            raise Refused(404, "not_found")
        yield Figures(connection, language, where, span, now_s, context.broker_connected())


def _hours(language: Language, figures: Figures) -> Iterator[list[str]]:
    yield [
        _head(language, "hour"),
        *(sentence(language, "kind_of_outcome", kind) for kind in Kind),
        _head(language, "all"),
    ]
    for hour, kinds in enumerate(figures.summary().by_hour):
        yield [f"{hour:02}:00", *(str(kinds.get(kind, 0)) for kind in Kind), str(sum(kinds.values()))]


def _places(language: Language, figures: Figures) -> Iterator[list[str]]:
    reasons = [sentence(language, "reason", reason) for reason in CloseReason]
    open_ones = sentence(language, "kind_of_outcome", Kind.OPEN)
    counted = [_head(language, word) for word in ("all", "judged", "precision")]
    yield [_head(language, "place"), *counted, *reasons, open_ones]
    for line in figures.places(_ALL):
        own, reasons_of = line.sums, dict(line.sums.reasons)
        share = "" if own.precision is None else f"{100 * own.precision:.0f}"
        numbers = [str(reasons_of.get(reason, 0)) for reason in CloseReason]
        yield [line.label, str(own.in_all), str(own.judged), share, *numbers, str(own.kinds.get(Kind.OPEN, 0))]


def _answers(language: Language, figures: Figures) -> Iterator[list[str]]:
    yield [_head(language, "answer"), _head(language, "all")]
    answers = figures.summary().answers
    for bucket in range(LATER + 2):
        yield [sentence(language, "answer", str(bucket)), str(answers[bucket])]


def _blind(language: Language, figures: Figures) -> Iterator[list[str]]:
    yield [_head(language, "camera"), _head(language, "blind")]
    for line in figures.blind(figures.blind_s(), _ALL):
        yield [line.label, f"{line.seconds / 60:.0f}"]


_TABLES = {"hours": _hours, "places": _places, "answers": _answers, "blind": _blind}


def _head(language: Language, code: str) -> str:
    return sentence(language, "statistics_csv", code)
