"""Custom fields: what their type needs, and what they point to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sandbox.salesforce.custom import FIELD_TYPES, flag
from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Complaints = Iterator[tuple[str, Node]]

_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_NUMBERS: Final = frozenset({"Number", "Currency", "Percent"})
_LOOKUPS: Final = frozenset({"Lookup", "MasterDetail"})
_EXTERNAL: Final = frozenset({"Text", "Number", "Email", "AutoNumber"})
_LONGEST: Final = {"Text": 255, "EncryptedText": 175, "LongTextArea": 131072, "Html": 131072}
_OTHER_TYPES: Final = frozenset(
    {
        "Address",
        "Array",
        "CustomDataType",
        "ExternalLookup",
        "File",
        "Hierarchy",
        "IndirectLookup",
        "Location",
        "MetadataRelationship",
        "Time",
    }
)


def made_well(component: Component) -> Complaints:
    """What can be said without an org. A standard field only has its settings changed."""
    node, declared = component.node, component.node.value("type")
    if not component.own.endswith("__c"):
        return
    if not _NAME.fullmatch(component.own):
        yield (
            (
                "The custom field API Name can only contain underscores and alphanumeric characters. It must begin "
                "with a letter, not include spaces, not end with an underscore, and not contain two consecutive "
                "underscores."
            ),
            node,
        )
    if not node.value("label"):
        yield "Required field is missing: label", node
    if not declared:
        yield "Required field is missing: type", node
    elif declared not in FIELD_TYPES:
        yield _unknown_type(declared), node.first("type") or node
    else:
        yield from _sizes(node, declared)
        yield from _keys(node, declared)
        yield from _references(node, declared)


def _unknown_type(declared: str) -> str:
    if declared in _OTHER_TYPES:
        return f"The sandbox does not keep fields of type {declared}"
    return f"Error parsing file: '{declared}' is not a valid value for the enum 'FieldType'"


def _sizes(node: Node, declared: str) -> Complaints:
    for name in ("length", "precision", "scale", "visibleLines"):
        value = node.value(name)
        if value is not None and not value.strip().isdigit():
            yield (
                f"Error parsing file: '{value}' is not a valid value for the type xsd:int",
                node.first(name) or node,
            )
            return
    formula = node.value("formula") is not None
    if declared in _LONGEST and not formula:
        yield from _length(node, declared)
    if declared in _NUMBERS and not formula:
        yield from _digits(node, declared)


def _length(node: Node, declared: str) -> Complaints:
    length, most = int(node.value("length") or 0), _LONGEST[declared]
    least = 1 if most < 256 else 256
    if not node.value("length"):
        yield f"Must specify 'length' for a CustomField of type {declared}", node
    elif not least <= length <= most:
        yield f"Length must be between {least} and {most}", node.first("length") or node
    if most >= 256 and not node.value("visibleLines"):
        yield f"Must specify 'visibleLines' for a CustomField of type {declared}", node


def _digits(node: Node, declared: str) -> Complaints:
    for name in ("precision", "scale"):
        if not node.value(name):
            yield f"Must specify '{name}' for a CustomField of type {declared}", node
            return
    precision, scale = int(node.value("precision") or 0), int(node.value("scale") or 0)
    if not 1 <= precision <= 18 or scale > precision:
        yield "Number fields can't have more than 18 digits in all, or more decimals than digits", node


def _keys(node: Node, declared: str) -> Complaints:
    if flag(node, "externalId") and declared not in _EXTERNAL:
        yield (
            f"Can not specify 'externalId' for a CustomField of type {declared}",
            node.first("externalId") or node,
        )
    if flag(node, "unique") and declared not in _EXTERNAL:
        yield f"Can not specify 'unique' for a CustomField of type {declared}", node.first("unique") or node
    picklist = declared in ("Picklist", "MultiselectPicklist")
    if picklist and node.first("valueSet") is None:
        yield f"Must specify either 'valueSet' or 'valueSetName' for a CustomField of type {declared}", node


def _references(node: Node, declared: str) -> Complaints:
    if declared not in _LOOKUPS:
        return
    for name in ("referenceTo", "relationshipName"):
        if not node.value(name):
            yield f"Must specify '{name}' for a CustomField of type {declared}", node


def reaches(component: Component, world: World) -> Complaints:
    """What the field names is there, and the object it is on."""
    node, object_ = component.node, component.object
    kind = world.object(object_)
    if kind is None:
        yield (
            f"Entity '{object_}' is not available in this organization: no CustomObject named {object_} found",
            node,
        )
        return
    if not component.own.endswith("__c"):
        if component.own not in kind.fields:
            yield "Could not resolve standard field's name.", node
        return
    yield from _twins(component, world)
    for name in world.unknown_in(object_, node.value("formula") or ""):
        yield f"Field {name} does not exist. Check spelling.", node.first("formula") or node
    shared = node.first("valueSet") and (node.first("valueSet") or node).value("valueSetName")
    if shared and not world.has("GlobalValueSet", shared):
        yield (
            f"In field: valueSetName - no GlobalValueSet named {shared} found",
            node.first("valueSet") or node,
        )


def _twins(component: Component, world: World) -> Complaints:
    """Two lookups to one object may not call its children alike."""
    node = component.node
    target, named = node.value("referenceTo"), node.value("relationshipName")
    for other in world.catalog:
        if (
            target
            and other.type == "CustomField"
            and other.full < component.full
            and (other.node.value("referenceTo"), other.node.value("relationshipName")) == (target, named)
        ):
            message = f"There is already a Child Relationship named {named} on {world_label(world, target)}."
            yield message, node.first("relationshipName") or node


def world_label(world: World, object_: str) -> str:
    kind = world.object(object_)
    return kind.label if kind else object_
