"""Reports and the report types they stand on.

A report names a column by its report type: ``Case$Billing_Rule__c``; a standard lookup by its relationship,
``Case$Owner``. The report types are this folder's own, so that every such name is known here: those Salesforce
makes for an object call its fields by names that only an org can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from . import standard
from .filters import Criterion, unsuitable
from .folder import NAMESPACE, Component, Folder, text
from .names import Complaints, objects, picklist_values

NAME_LIMIT = 40
DESCRIPTION_LIMIT = 255
BUCKET = "BucketField_"


def report_types(folder: Folder) -> Complaints:
    """A report type offers every field of its object, each once, but for long texts."""
    for c in folder.of("ReportType"):
        base = c.text("baseObject")
        if base not in objects(folder):
            yield f"{c.name}: about {base}, which does not exist"
        expected = _custom_fields(folder, base) | standard.report_columns(base)
        offered = Counter(columns_of(c))
        yield from (
            f"{c.name}: column {n} leads nowhere" for n in sorted(set(offered) - _dollar(base, expected))
        )
        yield from (f"{c.name}: does not offer {n}" for n in sorted(_dollar(base, expected) - set(offered)))
        yield from (f"{c.name}: offers {n} twice" for n, count in offered.items() if count > 1)
        if not 0 < len(c.text("description")) <= DESCRIPTION_LIMIT:
            yield f"{c.name}: description missing or too long"
        if c.text("deployed") != "true":
            yield f"{c.name}: still in development, so only administrators see it"


def columns_of(report_type: Component) -> list[str]:
    """As a report names them: table, dollar sign, field."""
    return [f"{text(e, 'table')}${text(e, 'field')}" for e in report_type.root.iter(NAMESPACE + "columns")]


def reports(folder: Folder) -> Complaints:
    types = {f"{c.name}__c": c for c in folder.of("ReportType")}
    for c in folder.of("Report"):
        yield from _words(folder, c)
        if c.text("reportType") not in types:
            yield f"{c.name}: report type {c.text('reportType')} does not exist"
            continue
        known = set(columns_of(types[c.text("reportType")])) | _buckets(c)
        yield from (f"{c.name}: column {n} does not exist" for n in sorted(_used(c) - known))
        yield from _shape(c)
        yield from _money(c)
        yield from _times(folder, c)
        yield from _criteria(folder, c)


def report_criteria(report: Component) -> list[Criterion]:
    items = report.root.iter(NAMESPACE + "criteriaItems")
    return [Criterion(_field(text(i, "column")), text(i, "operator"), text(i, "value")) for i in items]


def _words(folder: Folder, report: Component) -> Complaints:
    if report.name.split("/")[0] not in folder.names("ReportFolder"):
        yield f"{report.name}: its folder has no file"
    if len(report.text("name")) > NAME_LIMIT or not 0 < len(report.text("description")) <= DESCRIPTION_LIMIT:
        yield f"{report.name}: name or description missing or too long"


def _used(report: Component) -> set[str]:
    """Every column a report names, wherever it does."""
    tags = ("column", "sourceColumnName", "sortColumn", "dateColumn")
    return set(_shown(report)) | set(groupings(report)) | {name for tag in tags for name in report.deep(tag)}


def _shown(report: Component) -> list[str]:
    return [text(e, "field") for e in report.each("columns")]


def groupings(report: Component) -> list[str]:
    """The columns it groups by, the outermost first."""
    return [text(e, "field") for tag in ("groupingsDown", "groupingsAcross") for e in report.each(tag)]


def _buckets(report: Component) -> set[str]:
    return {text(e, "developerName") for e in report.each("buckets")}


def _shape(report: Component) -> Complaints:
    """Salesforce refuses a grouping that is also a column, and a table that is grouped."""
    shown, groups = _shown(report), groupings(report)
    yield from (f"{report.name}: {n} is grouped by and shown" for n in groups if n in shown)
    yield from (f"{report.name}: {n} is shown twice" for n, count in Counter(shown).items() if count > 1)
    if report.text("format") != _format(report):
        yield f"{report.name}: {report.text('format')} with {len(groups)} groupings"
    if report.text("sortColumn") and report.text("sortColumn") not in shown:
        yield f"{report.name}: sorted by a column it does not show"
    yield from (
        f"{report.name}: {n} is not a bucket's name" for n in _buckets(report) if not n.startswith(BUCKET)
    )


def _format(report: Component) -> str:
    """What its groupings make of it."""
    if report.each("groupingsAcross"):
        return "Matrix"
    return "Summary" if report.each("groupingsDown") else "Tabular"


def _money(report: Component) -> Complaints:
    """Amounts of different currencies are never added up."""
    if not report.deep("aggregateTypes"):
        return
    outermost = groupings(report)[:1]
    if report.text("showGrandTotal") != "false" or not any("Currency" in name for name in outermost):
        yield f"{report.name}: adds up amounts of different currencies"


def _times(folder: Folder, report: Component) -> Complaints:
    for name in report.deep("dateColumn"):
        field = folder.field(_field(name))
        if field is None or field.text("type") not in ("Date", "DateTime"):
            yield f"{report.name}: {name} is no date"


def _criteria(folder: Folder, report: Component) -> Complaints:
    for criterion in report_criteria(report):
        yield from unsuitable(folder, report, criterion)
        yield from _ambiguous(folder, report, criterion)


def _ambiguous(folder: Folder, report: Component, criterion: Criterion) -> Complaints:
    """Reports have compared picklists by label and by value, so a value filtered on is called by its label."""
    field = folder.field(criterion.field)
    if field is None:
        return
    for value in criterion.values & picklist_values(field):
        if (label := _label(field, value)).casefold() != value:
            yield f"{report.name}: {criterion.field} value {value} is labelled {label}"


def _label(field: Component, value: str) -> str:
    found: Iterator[str] = (
        text(e, "label") for e in field.root.iter(NAMESPACE + "value") if text(e, "fullName") == value
    )
    return next(found)


def _field(column: str) -> str:
    return column.replace("$", ".")


def _dollar(object_: str, names: set[str]) -> set[str]:
    return {f"{object_}${name}" for name in names}


def _custom_fields(folder: Folder, object_: str) -> set[str]:
    found = [c for c in folder.of("CustomField") if c.object == object_]
    return {c.own_name for c in found if c.text("type") != "LongTextArea"}
