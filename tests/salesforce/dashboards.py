"""Dashboards: each chart stands on a report of this folder that groups and adds up as the chart needs."""

from __future__ import annotations

from lxml import etree

from .folder import NAMESPACE, Component, Folder, text, texts
from .names import Complaints
from .reports import groupings

COUNT = "RowCount"
COMPONENT_LIMIT = 20
TITLE_LIMIT = 40
DESCRIPTION_LIMIT = 255

CHARTS = {
    "Bar": 1,
    "BarStacked": 2,
    "Column": 1,
    "ColumnGrouped": 2,
    "ColumnStacked": 2,
}
"""The kinds of chart we use, and by how many groupings each draws."""

SIDE_BY_SIDE = frozenset({"ColumnGrouped"})
"""Kinds that never put one group's amount on top of another's."""


def dashboards(folder: Folder) -> Complaints:
    reports = {c.name: c for c in folder.of("Report")}
    for c in folder.of("Dashboard"):
        yield from _words(folder, c)
        yield from _running_user(c)
        for component in components(c):
            report = reports.get(text(component, "report"))
            if report is None:
                yield f"{c.name}: report {text(component, 'report')} does not exist"
                continue
            yield from _chart(c, component, report)
            yield from _amounts(c, component, report)


def components(dashboard: Component) -> list[etree._Element]:
    return list(dashboard.root.iter(NAMESPACE + "components"))


def _words(folder: Folder, dashboard: Component) -> Complaints:
    if dashboard.name.split("/")[0] not in folder.names("DashboardFolder"):
        yield f"{dashboard.name}: its folder has no file"
    if set(folder.names("DashboardFolder")) & set(folder.names("ReportFolder")):
        yield f"{dashboard.name}: a folder of reports has the name of its folder"
    title = [
        dashboard.text("title"),
        *(text(c, t) for c in components(dashboard) for t in ("header", "title")),
    ]
    if any(not 0 < len(t) <= TITLE_LIMIT for t in title):
        yield f"{dashboard.name}: a title is missing or too long"
    if not 0 < len(dashboard.text("description")) <= DESCRIPTION_LIMIT:
        yield f"{dashboard.name}: description missing or too long"
    if not 0 < len(components(dashboard)) <= COMPONENT_LIMIT:
        yield f"{dashboard.name}: {len(components(dashboard))} components"


def _running_user(dashboard: Component) -> Complaints:
    """No org has our user, and an edition may allow no dashboard that runs as its reader."""
    if dashboard.text("dashboardType") != "SpecifiedUser" or dashboard.text("runningUser"):
        yield f"{dashboard.name}: does not run as whoever deploys it"


def _chart(dashboard: Component, component: etree._Element, report: Component) -> Complaints:
    kind, drawn = text(component, "componentType"), texts(component, "groupingColumn")
    if CHARTS.get(kind) != len(drawn):
        yield f"{dashboard.name}: a {kind} by {len(drawn)} groupings"
    for name in drawn:
        if name not in groupings(report):
            yield f"{dashboard.name}: {report.name} does not group by {name}"


def _amounts(dashboard: Component, component: etree._Element, report: Component) -> Complaints:
    """A sum is one the report makes, and only within a currency."""
    summed = {text(c, "field") for c in report.each("columns") if "Sum" in texts(c, "aggregateTypes")}
    for summary in component.findall(NAMESPACE + "chartSummary"):
        column, drawn = text(summary, "column"), texts(component, "groupingColumn")
        if column == COUNT:
            continue
        if column not in summed or text(summary, "aggregate") != "Sum":
            yield f"{dashboard.name}: {report.name} does not add up {column}"
        of_currency = ["Currency" in name for name in drawn]
        if not (
            of_currency[:1] == [True]
            or (any(of_currency) and text(component, "componentType") in SIDE_BY_SIDE)
        ):
            yield f"{dashboard.name}: puts amounts of different currencies together"
