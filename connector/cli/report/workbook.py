"""The billing report as a workbook: figures with charts, their definitions, and the counted cases."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from connector.cli.output.spreadsheets import Book, Table, open_book
from connector.cli.report.charts import HEIGHT, WIDTH, Chart, Place, charts_of, draw
from connector.mappers import phrases
from connector.reporting import DEFINITIONS, GENERAL, PERCENT, Case, Counting, Report, Section

_COLUMNS: Final = (
    *("Key", "Case", "Kind", "Opened (UTC)", "Ended (UTC)", "How it ended", "Problem over (UTC)", "Outcome"),
    *("Amount", "Currency", "Owner", "Reopened", "Escalated", "Cycle", "Dunning step", "Decline", "Reason"),
    *("Dispute reason", "Answer due (UTC)", "Dispute status", "Processor"),
)
_CHARTS_AT: Final = (3, 4)
"""The row and column where the charts begin, right of the key figures."""
_ACROSS: Final = 2
_STEP: Final = (HEIGHT // 20 + 1, WIDTH + 15)
"""From one chart to the next: rows of 20 pixels downwards, pixels to the right."""


def write_book(path: Path, cases: Iterable[Case], counting: Counting) -> None:
    """Write the sheets Billing, Definitions and Cases. Cases are streamed once; the figures are written afterwards."""
    with open_book(path) as book:
        front = book.sheet("Billing")
        book.add(
            Table(
                "Definitions",
                ("Section", "Figure", "What is counted", "Divided by", "Source"),
                _definitions(),
            )
        )
        book.add(Table("Cases", _COLUMNS, map(_row, cases)))
        _Front(book, front).fill(counting.report())


def _definitions() -> Iterable[Sequence[object]]:
    yield "All", "", GENERAL, "", ""
    for one in DEFINITIONS:
        yield phrases.plain(one.section), phrases.plain(one.figure), one.counted, one.whole, one.source


def _row(case: Case) -> Sequence[object]:
    return (
        *(case.key, case.number, phrases.plain(case.kind), case.opened_at, case.ended_at, case.ending),
        *(case.resolved_at, case.outcome, case.amount, case.currency, case.owner, len(case.reopened)),
        *(case.escalated, case.cycle, case.dunning_step, case.decline, case.reason),
        *(case.dispute_reason, case.due_at, case.dispute_status, case.gateway),
    )


class _Front:
    """The first sheet: key figures with the charts beside them, and the other tables below."""

    def __init__(self, book: Book, sheet: Any) -> None:
        self._book, self._sheet = book, sheet
        self._row = 0
        shapes: dict[str, dict[str, object]] = {
            "title": {"bold": True, "font_size": 16},
            "section": {"bold": True, "font_size": 12},
            "heading": {"bold": True, "bottom": 1},
            "figure heading": {"bold": True, "bottom": 1, "align": "right"},
            "share": {"num_format": "0.0%"},
            "hours": {"num_format": "#,##0.0"},
            "count": {"num_format": "#,##0"},
            "amount": {"num_format": "#,##0.00#"},
            "nothing": {"align": "right", "font_color": "#808080"},
        }
        self._shapes = {name: book.workbook.add_format(shape) for name, shape in shapes.items()}

    def fill(self, report: Report) -> None:
        charts = charts_of(report)
        self._sheet.set_column(0, 0, 34)
        self._sheet.set_column(1, 10, 21)
        self._sheet.hide_gridlines(2)
        self._line(f"Billing, {report.period.month}", "title")
        self._line(_about(report))
        self._row += 1
        first, *others = report.sections
        self._table(first)
        self._row = max(self._row, _CHARTS_AT[0] + _STEP[0] * math.ceil(len(charts) / _ACROSS))
        places = {section.name: self._table(section) for section in others}
        self._draw(charts, report, places)

    def _draw(self, charts: Sequence[Chart], report: Report, places: Mapping[str, Place]) -> None:
        for number, chart in enumerate(charts):
            made = draw(self._book.workbook, chart, report.section(chart.section), places[chart.section])
            down, across = divmod(number, _ACROSS)
            place = {"x_offset": across * _STEP[1], "object_position": 3}
            self._sheet.insert_chart(_CHARTS_AT[0] + down * _STEP[0], _CHARTS_AT[1], made, place)

    def _line(self, text: str, shape: str = "") -> None:
        self._book.put(self._sheet, self._row, 0, text, self._shapes.get(shape))
        self._row += 1

    def _table(self, section: Section) -> Place:
        """Write the table of a section. Returns the place of its rows."""
        self._line(section.title, "section")
        for column, name in enumerate((*section.labels, *section.figures)):
            shape = "heading" if column < len(section.labels) else "figure heading"
            self._book.put(self._sheet, self._row, column, _heading(name), self._shapes[shape])
        place = Place("Billing", self._row + 1, len(section.labels))
        for number, row in enumerate(section.rows):
            for column, value in enumerate(row):
                self._cell(section, place.first + number, column, row[0], value)
        self._row = place.first + len(section.rows) + 1
        if not section.rows:
            self._book.put(self._sheet, place.first, 0, "None in this month.")
            self._row += 1
        return place

    def _cell(self, section: Section, row: int, column: int, first: object, value: object) -> None:
        if column < len(section.labels):
            label = phrases.plain(value) if isinstance(value, str) else value
            self._book.put(self._sheet, row, column, label)
            return
        name = section.figures[column - len(section.labels)]
        shape = _shape(str(first) if name == "value" else name, value)
        self._book.put(self._sheet, row, column, "–" if value is None else value, self._shapes[shape])


def _shape(name: str, value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Decimal):
        return "amount"
    if isinstance(value, float):
        return "share" if name.endswith(PERCENT) else "hours"
    return "count"


def _heading(name: str) -> str:
    return phrases.plain(name).capitalize()


def _about(report: Report) -> str:
    period = report.period
    until = (
        f"up to {period.as_of:%Y-%m-%d %H:%M} UTC: the month has not ended"
        if period.runs
        else "the whole month, UTC"
    )
    site = f"; only site {report.site}" if report.site else ""
    nothing = " Nothing happened in it: no case was open, opened or ended." if report.is_empty else ""
    return f"{until[0].upper()}{until[1:]}{site}. What each figure means: sheet Definitions.{nothing}"
