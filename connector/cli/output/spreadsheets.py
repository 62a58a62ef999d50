"""Tables as files for spreadsheets: xlsx and CSV, of any length in flat memory, and no text in them is ever a formula.

A file is written to a temporary name and renamed when it is complete, so that a reader never sees half a report.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click
from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxFileError

ROWS: Final = 1_048_576
"""Rows of an Excel sheet, the heading included."""
_LONGEST: Final = 32_767
"""Characters in an Excel cell."""
_DIGITS: Final = 10**15
"""Excel keeps fifteen digits of a number; a longer one is an identifier and stays text."""
_FIRST_DAY: Final = date(1900, 3, 1)
"""Excel counts a 29th of February 1900, so earlier days are text."""

_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 does not allow."""
_FORMULA: Final = frozenset("=+-@\u2212")
"""First characters that a spreadsheet program may read as a formula (OWASP, CSV injection), and the minus sign."""
_LINE: Final = frozenset("\t\r\n")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
"""Unicode categories without a glyph of their own: blanks, controls, zero-width and bidi marks, the byte-order mark."""
_BLANK_GLYPHS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Hangul fillers and the empty Braille pattern: letters and symbols by category, and nothing to be seen."""
_NOT_IN_TITLES: Final = re.compile(r"[\[\]:*?/\\]")

_FORMS: Final = {
    "heading": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "day": {"num_format": "yyyy-mm-dd"},
    "amount": {"num_format": "#,##0.00#"},
    "quoted": {"quote_prefix": True},
}
"""``quoted``: shown as text, and still text after somebody has edited the cell (Excel's apostrophe)."""
_WIDTHS: Final = {"moment": 19, "day": 11}


@dataclass(frozen=True, slots=True)
class Table:
    """Content of one sheet. ``rows`` may be a stream: it is read once, when the file is written.

    A cell is a text, number, Decimal, bool, date, datetime or None. A moment with a zone is written in UTC, so its
    column should say so: ``Opened (UTC)``. Every row has as many cells as there are columns.
    """

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


class NewFile(click.ParamType[Path]):
    """A file to write. Checked at the start, so that a long command does not fail at its end."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            self.fail(f"{str(path)!r} is a folder; name a file in it.", param, ctx)
        if path.exists() and not path.is_file():
            self.fail(f"{str(path)!r} is a device or a pipe; name a file.", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"There is no folder {str(path.parent)!r}; create it, or name another.", param, ctx)
        if not os.access(path.parent, os.W_OK):
            self.fail(f"Files cannot be written in {str(path.parent)!r}; name another folder.", param, ctx)
        return path


def apart(csv_: Path | None, xlsx: Path | None) -> None:
    """UsageError if both options name the same file."""
    if csv_ and xlsx and csv_.resolve() == xlsx.resolve():
        raise click.UsageError("--csv and --xlsx name the same file; name two.")


def write_xlsx(path: Path, tables: Iterable[Table]) -> None:
    """One sheet for each table. click.FileError if the file cannot be written."""
    with open_book(path) as book:
        for table in tables:
            book.add(table)


def write_csv(path: Path, table: Table) -> None:
    """The table as UTF-8 with a byte-order mark, without which Excel assumes the system's own encoding.

    Every cell is quoted: Excel in half of Europe splits an unquoted one at its semicolons. Moments are UTC.
    """
    with _beside(path) as made, made.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
        lines = csv.writer(file, quoting=csv.QUOTE_ALL)
        lines.writerow([_csv_cell(name) for name in table.columns])
        lines.writerows([_csv_cell(cell) for cell in row] for row in table.rows)


_A4: Final = 9


class Book:
    """A workbook that is being written: complete tables, or sheets that are filled cell by cell from top to bottom."""

    def __init__(self, workbook: Any, rows: int = ROWS) -> None:
        self.workbook = workbook
        self._rows = rows
        self._forms = {name: workbook.add_format(form) for name, form in _FORMS.items()}

    def add(self, table: Table) -> None:
        """A sheet with this table: bold frozen heading, filter, fitting widths. If the table has more rows than
        a sheet, the last row has the number of missing rows."""
        sheet = self.sheet(table.title)
        sheet.freeze_panes(1, 0)
        widths = [self.put(sheet, 0, column, name, "heading") for column, name in enumerate(table.columns)]
        rows, last = iter(table.rows), 0
        for last, row in enumerate(islice(rows, self._rows - 2), 1):
            sizes = [self.put(sheet, last, column, cell) for column, cell in enumerate(row)]
            widths = [*map(max, widths, sizes)] if last < 1000 else widths
        last += self._rest(sheet, last + 1, rows)
        if table.columns:
            sheet.autofilter(0, 0, last, len(table.columns) - 1)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(max(width + 2, 9), 60))

    def _rest(self, sheet: Any, place: int, rows: Iterator[Sequence[object]]) -> int:
        """Fill the last row: with the final row, or with the number of rows that do not fit."""
        final = next(rows, None)
        if final is None:
            return 0
        missing = sum(1 for _ in rows)
        if missing:
            final = [
                f"{missing + 1:,} more rows do not fit: a sheet holds {self._rows:,}. A CSV file holds all."
            ]
        for column, cell in enumerate(final):
            self.put(sheet, place, column, cell)
        return 1

    def sheet(self, title: str) -> Any:
        """An empty sheet under this title, as far as Excel allows it as a title."""
        wanted = _NOT_IN_TITLES.sub(" ", _clean(title)).strip(" '")[:31] or "Sheet"
        taken = {one.get_name().casefold() for one in self.workbook.worksheets()} | {"history"}
        name, number = wanted, 2
        while name.casefold() in taken:
            ending = f" ({number})"
            name, number = wanted[: 31 - len(ending)] + ending, number + 1
        made = self.workbook.add_worksheet(name)
        made.set_landscape()
        made.set_paper(_A4)
        made.fit_to_pages(1, 0)  # printed, no table is cut in two from top to bottom
        return made

    def put(self, sheet: Any, row: int, column: int, value: object, form: Any = None) -> int:
        """Write one cell and return its width in characters. ``form``: a name in ``_FORMS``, or a format of the
        workbook."""
        kind, content = _cell(value)
        given = form if form is not None else kind
        if kind == "text" and form is None and is_formula(content):
            given = "quoted"
        shape = self._forms.get(given) if isinstance(given, str) else given
        getattr(sheet, _WRITERS.get(kind, "write_number"))(row, column, content, shape)
        return _WIDTHS.get(kind, max(map(len, str(content).split("\n"))))


_WRITERS: Final = {
    "text": "write_string",
    "nothing": "write_blank",
    "truth": "write_boolean",
    "moment": "write_datetime",
    "day": "write_datetime",
}


def _cell(value: object) -> tuple[str, Any]:
    """Kind of the cell, and its value for Excel."""
    match value:
        case None | "":
            return "nothing", ""
        case bool():
            return "truth", value
        case datetime() if value.date() > _FIRST_DAY:
            return "moment", _utc(value)
        case date() if not isinstance(value, datetime) and value > _FIRST_DAY:
            return "day", value
        case Decimal() if value.is_finite() and abs(value) < _DIGITS:
            return ("amount" if value.as_tuple().exponent else "number"), value
        case int() | float() if abs(value) < _DIGITS:
            return "number", value
        case _:
            return "text", _cut(_clean(str(value)))


def _utc(moment: datetime) -> datetime:
    """In UTC and without a zone, which Excel does not have."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _clean(text: str) -> str:
    return _REFUSED.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _cut(text: str) -> str:
    """Cut to the length of a cell; Excel counts characters beyond the basic plane twice."""
    if len(text.encode("utf-16-le")) // 2 <= _LONGEST:
        return text
    return text.encode("utf-16-le")[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + "…"


def _csv_cell(value: object) -> str:
    """A cell of a CSV file. A text that would begin a formula begins with an apostrophe instead."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return _utc(value).strftime("%Y-%m-%d %H:%M:%S")
        case date() | int() | float() | Decimal():
            return str(value)
        case _:
            text = str(value).replace("\0", "\ufffd")
            return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet program may read this text as a formula. Some drop invisible characters before they read
    the first character, and treat its full-width and small forms (NFKC) like itself."""
    if text[:1] in _LINE:
        return True
    first = next((one for one in text if not _is_unseen(one)), "")
    return unicodedata.normalize("NFKC", first)[:1] in _FORMULA


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _BLANK_GLYPHS


@contextmanager
def open_book(path: Path) -> Iterator[Book]:
    """A workbook that is at ``path`` once the block ends well. click.FileError if it cannot be written."""
    with _beside(path) as made, tempfile.TemporaryDirectory(prefix="casewire-") as scraps:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        workbook = Workbook(str(made), {**options, "tmpdir": scraps, "default_date_format": "yyyy-mm-dd"})
        workbook.use_zip64()
        try:
            yield Book(workbook)
        finally:
            _close(workbook.close)


def _close(close: Callable[[], None]) -> None:
    """Turn the library's own error, for example of a full disk, into OSError."""
    try:
        close()
    except XlsxFileError as error:
        raise OSError(str(error)) from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``: renamed to it on success, removed otherwise. A symbolic link stays one."""
    path = path.resolve()
    made = path.with_name(f".{path.name[:80]}.{uuid4().hex}")
    try:
        made.touch()
        yield made
        made.replace(path)
    except OSError as error:
        raise click.FileError(str(path), error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            made.unlink()
