"""List views and compact layouts: the fields they show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.checks.objects import no_field, no_object
from sandbox.salesforce.deploy.columns import standard_columns
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_MOST_COLUMNS: Final = 15
_MOST_COMPACT: Final = 10


def list_view(component: Component, world: World) -> Complaints:
    if world.object(component.object) is None:
        yield no_object("fullName", component.object), component.node
        return
    columns = component.node.all("columns")
    if len(columns) > _MOST_COLUMNS:
        yield f"A list view can have at most {_MOST_COLUMNS} columns", columns[_MOST_COLUMNS]
    for column in columns:
        if not is_column(component.object, column.text, world):
            yield f"Could not resolve list view column: {column.text}", column
    for listed in component.node.all("filters"):
        named = listed.first("field") or listed
        if not is_column(component.object, named.text, world):
            yield f"Could not resolve list view filter field: {named.text}", named
        elif not _filterable(component.object, named.text, world):
            yield f"Field {named.text} cannot be used in a filter", named


def is_column(object_: str, name: str, world: World) -> bool:
    custom = name.endswith("__c") and world.field(object_, name) is not None
    return custom or name in standard_columns(object_)


def _filterable(object_: str, name: str, world: World) -> bool:
    known = world.field(object_, name)
    return known is None or known.filterable


def compact_layout(component: Component, world: World) -> Complaints:
    fields = component.node.all("fields")
    if len(fields) > _MOST_COMPACT:
        yield f"A compact layout can have at most {_MOST_COMPACT} fields", fields[_MOST_COMPACT]
    for node in fields:
        known = world.field(component.object, node.text)
        if known is None:
            yield no_field("fields", component.object, node.text), node
        elif not known.filterable:
            yield f"You can't include {node.text} in a compact layout because of its type", node
