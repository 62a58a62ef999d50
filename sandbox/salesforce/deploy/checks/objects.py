"""Custom objects, their record types, processes and validation rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_SWITCHES: Final = ("enableBulkApi", "enableSharing", "enableStreamingApi")
_OF_PROCESS: Final = {"Case": "Status", "Lead": "Status", "Opportunity": "StageName", "Solution": "Status"}
_NOT_HERE: Final = "Not available for deploy for this organization"


def custom_object(component: Component, world: World) -> Complaints:
    node = component.node
    if component.full.endswith("__c"):
        yield from _described(node)
    elif world.object(component.full) is None:
        yield f"fullName must end with: __c (no standard object {component.full} in this org)", node
        return
    if len({node.value(switch) for switch in _SWITCHES}) > 1:
        yield f"{', '.join(_SWITCHES)} must all have the same value", node
    assigned = node.value("compactLayoutAssignment")
    if assigned not in (None, "SYSTEM") and not world.has("CompactLayout", f"{component.full}.{assigned}"):
        message = (
            f"In field: compactLayoutAssignment - no CompactLayout named {component.full}.{assigned} found"
        )
        yield message, node.first("compactLayoutAssignment") or node
    yield from _search_layouts(component, world)
    yield from overrides(node, world)


def _described(node: Node) -> Complaints:
    for name in ("label", "pluralLabel"):
        if not node.value(name):
            yield f"Must specify a non-empty {name} for the CustomObject", node
    for name in ("nameField", "deploymentStatus", "sharingModel"):
        if node.first(name) is None:
            yield f"Required field is missing: {name}", node


def _search_layouts(component: Component, world: World) -> Complaints:
    for layouts in component.node.all("searchLayouts"):
        for child in layouts.children:
            custom = child.tag.endswith("Fields") and child.text.endswith("__c")
            if custom and world.field(component.full, child.text) is None:
                yield no_field(child.tag, component.full, child.text), child


def overrides(node: Node, world: World) -> Complaints:
    """Pages that stand in for the usual ones."""
    for override in (*node.all("actionOverrides"), *node.all("profileActionOverrides")):
        content, kind = override.first("content"), override.value("type")
        if kind == "Flexipage" and content is not None and not world.has("FlexiPage", content.text):
            yield f"In field: content - no FlexiPage named {content.text} found", content


def business_process(component: Component, world: World) -> Complaints:
    if world.shape.professional:
        yield _NOT_HERE, component.node
        return
    yield from _of_object(component, world)
    known = world.field(component.object, _OF_PROCESS.get(component.object, ""))
    values = {value for value, _ in known.values} if known else set()
    for value in component.node.all("values"):
        name = unquote(value.value("fullName") or "")
        if known and name not in values:
            yield f"Picklist value: {name} in picklist: {known.name} not found", value


def record_type(component: Component, world: World) -> Complaints:
    if world.shape.professional:
        yield _NOT_HERE, component.node
        return
    node, process = component.node, component.node.value("businessProcess")
    yield from _of_object(component, world)
    if component.object in _OF_PROCESS and not process:
        yield "Required field is missing: businessProcess", node
    elif process and not world.has("BusinessProcess", f"{component.object}.{process}"):
        message = f"In field: businessProcess - no BusinessProcess named {component.object}.{process} found"
        yield message, node.first("businessProcess") or node
    assigned = node.value("compactLayoutAssignment")
    if assigned not in (None, "SYSTEM") and not world.has("CompactLayout", f"{component.object}.{assigned}"):
        message = (
            f"In field: compactLayoutAssignment - no CompactLayout named {component.object}.{assigned} found"
        )
        yield message, node.first("compactLayoutAssignment") or node
    for picklist in node.all("picklistValues"):
        yield from _offered(component.object, picklist, world)


def _offered(object_: str, picklist: Node, world: World) -> Complaints:
    name = picklist.value("picklist") or ""
    known = world.field(object_, name)
    if known is None or not known.values:
        yield f"Picklist not found: {name}", picklist.first("picklist") or picklist
        return
    values = {value for value, _ in known.values}
    for value in picklist.all("values"):
        offered = unquote(value.value("fullName") or "")
        if offered not in values:
            yield f"Picklist value: {offered} in picklist: {name} not found", value


def validation_rule(component: Component, world: World) -> Complaints:
    yield from _of_object(component, world)
    formula = component.node.first("errorConditionFormula") or component.node
    for name in world.unknown_in(component.object, formula.text):
        yield f"Field {name} does not exist. Check spelling.", formula
    shown = component.node.value("errorDisplayField")
    if shown and world.field(component.object, shown) is None:
        yield no_field("errorDisplayField", component.object, shown), component.node


def _of_object(component: Component, world: World) -> Complaints:
    if world.object(component.object) is None:
        yield no_object("fullName", component.object), component.node


def no_field(element: str, object_: str, field: str) -> str:
    return f"In field: {element} - no CustomField named {object_}.{field} found"


def no_object(element: str, object_: str) -> str:
    return f"In field: {element} - no CustomObject named {object_} found"
