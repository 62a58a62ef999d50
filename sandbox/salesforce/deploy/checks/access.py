"""Permission sets and queues: what may be granted, and what may be owned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sandbox.salesforce.custom import flag
from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.checks.objects import no_field, no_object
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_DEPENDS: Final = {
    "allowCreate": ("Create", "Read", ("allowRead",)),
    "allowEdit": ("Edit", "Read", ("allowRead",)),
    "allowDelete": ("Delete", "Edit", ("allowEdit",)),
    "viewAllRecords": ("View All", "Read", ("allowRead",)),
    "modifyAllRecords": (
        "Modify All",
        "Delete, View All",
        ("allowDelete", "viewAllRecords"),
    ),
}
"""Element → its name, what it needs in words, and in elements."""


def permission_set(component: Component, world: World) -> Complaints:
    node = component.node
    for granted in node.all("fieldPermissions"):
        yield from _field(granted, world)
    for granted in node.all("objectPermissions"):
        yield from _object(granted, world)
    for visible in node.all("recordTypeVisibilities"):
        yield from _named(visible, "recordType", "RecordType", world)
    for shown in node.all("tabSettings"):
        if not (shown.value("tab") or "").startswith("standard-"):
            yield from _named(shown, "tab", "CustomTab", world)
    for shown in node.all("applicationVisibilities"):
        if not (shown.value("application") or "").startswith("standard__"):
            yield from _named(shown, "application", "CustomApplication", world)
    for granted in node.all("customPermissions"):
        yield from _named(granted, "name", "CustomPermission", world)
    for granted in node.all("classAccesses"):
        yield from _named(granted, "apexClass", "ApexClass", world)


def _named(node: Node, element: str, type_: str, world: World) -> Complaints:
    full = node.value(element) or ""
    if not world.has(type_, full):
        yield f"In field: {element} - no {type_} named {full} found", node.first(element) or node


def _field(granted: Node, world: World) -> Complaints:
    node = granted.first("field") or granted
    object_, _, name = node.text.partition(".")
    known = world.field(object_, name)
    if world.object(object_) is None:
        yield no_object("field", object_), node
    elif known is None:
        yield no_field("field", object_, name), node
    elif not known.permissionable or known.required:
        yield f"You cannot deploy to a required field: {node.text}", node
    elif flag(granted, "editable") and not (known.createable or known.updateable):
        yield f"Field {node.text} is not editable: it is calculated or set by the system", node
    elif flag(granted, "editable") and not flag(granted, "readable"):
        yield f"Permission Edit {node.text} depends on permission(s): Read {node.text}", node


def _object(granted: Node, world: World) -> Complaints:
    node = granted.first("object") or granted
    if world.object(node.text) is None:
        yield no_object("object", node.text), node
        return
    for element, (power, needs, needed) in _DEPENDS.items():
        if flag(granted, element) and not all(flag(granted, other) for other in needed):
            told = ", ".join(f"{need} {node.text}" for need in needs.split(", "))
            yield f"Permission {power} {node.text} depends on permission(s): {told}", granted


def queue(component: Component, world: World) -> Complaints:
    for owned in component.node.all("queueSobject"):
        node = owned.first("sobjectType") or owned
        kind = world.object(node.text)
        if kind is None:
            yield no_object("queueSobject", node.text), node
        elif "OwnerId" not in kind.fields or node.text in ("Account", "Contact"):
            yield f"Queues cannot own records of {node.text}", node
