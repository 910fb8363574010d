"""Lines of CSV files that spreadsheets open as they are meant: in UTF-8, and nothing in them as a formula."""

import csv
import io
from collections.abc import Sequence

# What a spreadsheet would take for a formula, some of them wide letters, too; names come from boxes.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")


def csv_head(cells: Sequence[str]) -> str:
    """The first line, with the mark by which spreadsheets know UTF-8."""
    return "\ufeff" + csv_line(cells)


def csv_line(cells: Sequence[str]) -> str:
    """A line."""
    line = io.StringIO()
    csv.writer(line).writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return line.getvalue()
