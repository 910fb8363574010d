"""Lines of CSV files that spreadsheets open as they are meant: in UTF-8, and nothing in them as a formula.

Whoever writes one writes whole numbers: a Vietnamese spreadsheet takes 0.50 for a text and 1.25 for a date.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

_AT_ONCE = 1000  # lines

# What a spreadsheet would take for a formula, some of them wide letters, too; names come from boxes.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")


def csv_head(cells: Sequence[str]) -> str:
    """The first line, with the mark by which spreadsheets know UTF-8."""
    return "\ufeff" + csv_line(cells)


def csv_line(cells: Sequence[str]) -> str:
    """A line."""
    return csv_lines([cells])


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Lines."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    for cells in rows:
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return lines.getvalue()


def csv_pieces(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines, many at a time: each piece of an answer waits for a thread and goes out by itself."""
    left = iter(rows)
    while piece := csv_lines(islice(left, _AT_ONCE)):
        yield piece
