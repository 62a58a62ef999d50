"""The charts of the billing workbook, each drawn from the rows of one table of its first sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.mappers import phrases
from connector.reporting import ALL, Report, Section

WIDTH: Final = 520
HEIGHT: Final = 300
"""In pixels."""


@dataclass(frozen=True, slots=True)
class Chart:
    """``figures`` become series, the rows of ``section`` its categories. ``per_currency``: only the currency with the
    most cases is drawn, because amounts in several currencies have no common axis; the table has all."""

    section: str
    title: str
    figures: tuple[str, ...]
    shape: Mapping[str, str]
    per_currency: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """First row of a table, and the number of its label columns."""

    sheet: str
    first: int
    labels: int


CHARTS: Final = (
    Chart("weeks", "Cases by week", ("opened", "ended", "open_at_end"), {"type": "line"}),
    Chart("cases", "Cases by kind", ("opened", "resolved", "open_at_end"), {"type": "bar"}),
    Chart(
        "backlog",
        "Open cases by age",
        ("days_0_to_2", "days_3_to_7", "days_8_to_30", "days_over_30"),
        {"type": "bar", "subtype": "stacked"},
    ),
    Chart(
        "recovery_by_step",
        "Recovered and lost by dunning step",
        ("recovered_amount", "lost_amount"),
        {"type": "column"},
        per_currency=True,
    ),
    Chart(
        "recovery_by_decline",
        "Recovered and lost by decline",
        ("recovered_amount", "lost_amount"),
        {"type": "bar"},
        per_currency=True,
    ),
    Chart(
        "disputes",
        "Disputes decided, by reason",
        ("won", "lost", "accepted", "expired"),
        {"type": "bar", "subtype": "stacked"},
        per_currency=True,
    ),
)


def charts_of(report: Report) -> list[Chart]:
    """Charts whose table is not empty."""
    return [chart for chart in CHARTS if _rows(chart, report.section(chart.section))[1]]


def draw(workbook: Any, chart: Chart, section: Section, place: Place) -> Any:
    """Draw a chart of ``charts_of``."""
    currency, rows = _rows(chart, section)
    made = workbook.add_chart(dict(chart.shape))
    first, last = place.first + rows.start, place.first + rows.stop - 1
    for figure in chart.figures:
        column = place.labels + section.figures.index(figure)
        made.add_series(
            {
                "name": phrases.plain(figure).capitalize(),
                "categories": [place.sheet, first, place.labels - 1, last, place.labels - 1],
                "values": [place.sheet, first, column, last, column],
            }
        )
    made.set_title({"name": chart.title + (f", {currency}" if currency else ""), "name_font": {"size": 12}})
    made.set_legend({"position": "bottom"})
    if chart.shape["type"] == "bar":
        made.set_y_axis({"reverse": True})
        made.set_x_axis({"label_position": "high"})
    made.set_size({"width": WIDTH, "height": HEIGHT})
    return made


def _rows(chart: Chart, section: Section) -> tuple[str, range]:
    """Currency (empty if it does not matter) and rows to draw, without the row of totals."""
    label = len(section.labels) - 1
    if not chart.per_currency:
        return "", range(sum(1 for row in section.rows if row[label] != ALL))
    counts: Counter[str] = Counter()
    for row in section.rows:
        counts[str(row[0])] += sum(one for one in row[len(section.labels) :] if isinstance(one, int))
    if not counts:
        return "", range(0)
    currency = min(counts, key=lambda name: (-counts[name], name))
    drawn = [n for n, row in enumerate(section.rows) if row[0] == currency and row[label] != ALL]
    return currency, range(drawn[0], drawn[-1] + 1)
