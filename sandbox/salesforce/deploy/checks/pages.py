"""Layouts, Lightning pages, tabs and apps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.checks.lists import is_column
from sandbox.salesforce.deploy.checks.objects import no_field, no_object, overrides
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_RECORD: Final = re.compile(r"\{!Record\.([\w.]+)\}")
_SYSTEM: Final = frozenset({"CreatedById", "LastModifiedById"})


def layout(component: Component, world: World) -> Complaints:
    object_ = unquote(component.full.partition("-")[0])
    kind = world.object(object_)
    if kind is None:
        yield no_object("fullName", object_), component.node
        return
    placed = [node for item in component.node.walk("layoutItems") for node in item.all("field")]
    for node in placed:
        if world.field(object_, node.text) is None and node.text not in _SYSTEM:
            yield no_field("field", object_, node.text), node
    counts = Counter(node.text for node in placed)
    for node in placed:
        if counts[node.text] > 1:
            yield f"Field:{node.text} must not be duplicated in the layout", node
    if kind.custom and kind.fields["Name"].createable and "Name" not in counts:
        yield "Layout must contain an item for required layout field: Name", component.node
    for related in component.node.all("relatedLists"):
        yield from _related(object_, related, world)


def _related(object_: str, related: Node, world: World) -> Complaints:
    named = related.first("relatedList") or related
    child, _, field = named.text.partition(".")
    if not field.endswith("__c"):
        return
    link = world.field(child, field)
    if link is None or object_ not in link.reference_to:
        yield f"Cannot find related list:{named.text}", named
        return
    for node in (*related.all("fields"), *related.all("sortField")):
        if not is_column(child, node.text, world):
            yield f"Invalid field:{node.text} in related list:{named.text}", node


def flexi_page(component: Component, world: World) -> Complaints:
    node, object_ = component.node, component.node.value("sobjectType")
    if node.value("type") == "RecordPage" and not object_:
        yield "Required field is missing: sobjectType", node
        return
    if object_ and world.object(object_) is None:
        yield no_object("sobjectType", object_), node.first("sobjectType") or node
        return
    if object_:
        yield from _on_record(node, object_, world)
    for instance in node.walk("componentInstance"):
        yield from _reports(instance, world)


def _on_record(node: Node, object_: str, world: World) -> Complaints:
    for item in node.walk("fieldItem"):
        path = item.text.removeprefix("Record.")
        if not world.leads(object_, path):
            yield no_field("fieldItem", object_, path), item
    for criterion in node.walk("leftValue"):
        for path in _RECORD.findall(criterion.text):
            if not world.leads(object_, path):
                yield no_field("leftValue", object_, path), criterion
    kind = world.object(object_)
    children = world.schema.children(kind) if kind else {}
    for entry in node.walk("componentInstanceProperties"):
        if entry.value("name") == "relatedListApiName":
            value = entry.first("value") or entry
            if value.text.endswith("__r") and value.text.lower() not in children:
                yield f"Cannot find related list:{value.text}", value


def _reports(instance: Node, world: World) -> Complaints:
    for entry in instance.all("componentInstanceProperties"):
        value = entry.first("value")
        if entry.value("name") == "reportName" and value is not None:
            found = any(kept.component.full.endswith(f"/{value.text}") for kept in world.catalog.of("Report"))
            if not found:
                yield f"In field: reportName - no Report named {value.text} found", value


def tab(component: Component, world: World) -> Complaints:
    node, page = component.node, component.node.first("flexiPage")
    if node.value("customObject") == "true" and world.object(component.full) is None:
        yield no_object("customObject", component.full), node
    if page is not None and not world.has("FlexiPage", page.text):
        yield f"In field: flexiPage - no FlexiPage named {page.text} found", page
    if page is None and not node.value("motif"):
        yield "Required field is missing: motif", node


def application(component: Component, world: World) -> Complaints:
    node = component.node
    if not node.value("label"):
        yield "Required field is missing: label", node
    for shown in (*node.all("tabs"), *node.all("defaultLandingTab")):
        if not shown.text.startswith("standard-") and not world.has("CustomTab", shown.text):
            yield f"In field: {shown.tag} - no CustomTab named {shown.text} found", shown
    bar = node.first("utilityBar")
    if bar is not None and not world.has("FlexiPage", bar.text):
        yield f"In field: utilityBar - no FlexiPage named {bar.text} found", bar
    yield from overrides(node, world)
