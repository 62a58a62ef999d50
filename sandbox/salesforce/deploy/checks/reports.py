"""Report types, reports and dashboards.

A report names a column by its report type: ``Case$Billing_Rule__c``. Of the report types Salesforce makes for its
own objects only the custom fields are known here, ``Case.Billing_Rule__c``; what else they call their columns is
taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.checks.objects import no_object
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_STANDARD: Final = frozenset({"AccountList", "AccountContactRole", "CaseList", "ContactList", "CaseHistory"})
_OF_OBJECTS: Final = re.compile(r"CustomEntity\$(\w+__c)")
_CUSTOM: Final = re.compile(r"(\w+)\.(\w+__c)")
_COLUMNS: Final = ("column", "dateColumn", "sortColumn", "sourceColumnName")
_FIELDS: Final = ("columns", "groupingsDown", "groupingsAcross")
_OWN: Final = ("RowCount", "FORMULA", "CDF")


def report_type(component: Component, world: World) -> Complaints:
    base = component.node.first("baseObject") or component.node
    if world.object(base.text) is None:
        yield no_object("baseObject", base.text), base
        return
    for column in component.node.walk("columns"):
        table, field = column.value("table") or "", column.value("field") or ""
        object_ = world.table(table)
        if object_ is None:
            yield f"Could not find table {table} for report type", column
        elif not world.leads(object_, field):
            yield f"Could not find field {field} in table {table}", column


def report(component: Component, world: World) -> Complaints:
    node = component.node
    folder = component.full.rpartition("/")[0]
    if not world.has("ReportFolder", folder) and folder != "unfiled$public":
        yield f"Cannot find folder:{folder}", node
    named = node.first("reportType") or node
    offered = _offered(named.text, world)
    if offered is None:
        yield f"In field: reportType - no ReportType named {named.text.removesuffix('__c')} found", named
        return
    own = {value for entry in node.walk("developerName") for value in (entry.text,)}
    for used in _used(node):
        if used.text not in own and not used.text.startswith(_OWN) and not offered(used.text):
            yield f"Invalid column name in report: {used.text}", used
    yield from _shape(node)


class _Columns:
    """The columns of one report type."""

    def __init__(self, names: frozenset[str] | None, world: World) -> None:
        self._names = names
        self._world = world

    def __call__(self, column: str) -> bool:
        if self._names is not None:
            return column in self._names
        custom = _CUSTOM.fullmatch(column)
        return custom is None or self._world.field(custom[1], custom[2]) is not None


def _offered(name: str, world: World) -> _Columns | None:
    own = world.component("ReportType", name.removesuffix("__c"))
    if name.endswith("__c") and own is not None:
        columns = own.node.walk("columns")
        return _Columns(frozenset(f"{c.value('table')}${c.value('field')}" for c in columns), world)
    object_ = _OF_OBJECTS.fullmatch(name)
    if name in _STANDARD or (object_ and world.object(object_[1])):
        return _Columns(None, world)
    return None


def _used(node: Node) -> Iterator[Node]:
    for tag in _FIELDS:
        yield from (field for entry in node.all(tag) for field in entry.all("field"))
    for tag in _COLUMNS:
        yield from node.walk(tag)


def _shape(node: Node) -> Complaints:
    groups = [*node.all("groupingsDown"), *node.all("groupingsAcross")]
    shape = node.value("format")
    if shape == "Tabular" and groups:
        yield "Tabular reports can't have groupings", groups[0]
    if shape in ("Summary", "Matrix") and not groups:
        yield f"{shape} reports must have at least one grouping", node.first("format") or node
    shown = {entry.value("field") for entry in node.all("columns")}
    for group in groups:
        if group.value("field") in shown:
            yield f"A column can't be both grouped and shown: {group.value('field')}", group


def dashboard(component: Component, world: World) -> Complaints:
    folder = component.full.rpartition("/")[0]
    if not world.has("DashboardFolder", folder):
        yield f"Cannot find folder:{folder}", component.node
    for named in component.node.walk("report"):
        if not world.has("Report", named.text):
            yield f"In field: report - no Report named {named.text} found", named
