"""Custom objects, fields, record types and queues: components as parts of a schema.

A field type this module does not know is an error, not a guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sandbox.salesforce.deploy.catalog import Catalog, Component
from sandbox.salesforce.markup import Node
from sandbox.salesforce.schema import Field, ObjectType, Queue, RecordType, Schema, label_of
from sandbox.salesforce.shapes import PLAIN, Shape, fitted
from sandbox.salesforce.standard import owner_field, standard_objects, system_fields

FIELD_TYPES: Final[dict[str, tuple[str, int]]] = {
    "Text": ("string", 255),
    "EncryptedText": ("string", 175),
    "TextArea": ("textarea", 255),
    "LongTextArea": ("textarea", 32768),
    "Html": ("textarea", 32768),
    "Number": ("double", 0),
    "Currency": ("currency", 0),
    "Percent": ("percent", 0),
    "Checkbox": ("boolean", 0),
    "Date": ("date", 0),
    "DateTime": ("datetime", 0),
    "Url": ("url", 255),
    "Email": ("email", 80),
    "Phone": ("phone", 40),
    "Picklist": ("picklist", 255),
    "MultiselectPicklist": ("multipicklist", 4099),
    "Lookup": ("reference", 18),
    "MasterDetail": ("reference", 18),
    "AutoNumber": ("string", 30),
    "Summary": ("double", 0),
}
"""Type in a describe, and usual length."""


class MetadataError(ValueError):
    """Metadata the sandbox cannot be true to."""


def build_schema(catalog: Catalog, shape: Shape = PLAIN) -> Schema:
    """The standard objects with all that the components add. Raises MetadataError."""
    objects = _by_object(catalog)
    standard = {kind.name: kind for kind in standard_objects(shape.multi_currency)}
    made = [_extend(kind, objects.pop(name, []), catalog) for name, kind in standard.items()]
    catalog.number_objects(objects)
    for name in sorted(objects):
        made.append(_custom_object(name, objects[name], catalog, shape.multi_currency))
    made = fitted(made, shape)
    _check_lookups(made)
    return Schema(made, map(_queue, (kept.component for kept in catalog.of("Queue"))))


def _by_object(catalog: Catalog) -> dict[str, list[Component]]:
    found: dict[str, list[Component]] = {}
    for component in sorted(catalog, key=lambda component: component.full):
        if component.type in ("CustomObject", "CustomField", "RecordType"):
            found.setdefault(component.object, []).append(component)
    return found


def _extend(kind: ObjectType, parts: list[Component], catalog: Catalog) -> ObjectType:
    added = {made.name: made for made in _fields(parts, catalog)}
    return replace(kind, fields={**kind.fields, **added}, record_types=_record_types(parts))


def _custom_object(name: str, parts: list[Component], catalog: Catalog, multi_currency: bool) -> ObjectType:
    root = next((part.node for part in parts if part.type == "CustomObject"), None)
    if root is None:
        raise MetadataError(f"object {name} has fields but is neither a known standard object nor described")
    fields = [*system_fields(multi_currency), _name_field(root), *_fields(parts, catalog)]
    if not any(part.node.value("type") == "MasterDetail" for part in parts):
        fields.insert(1, owner_field())
    return ObjectType(
        name,
        root.value("label") or label_of(name),
        root.value("pluralLabel") or label_of(name),
        catalog.prefixes[name],
        {made.name: made for made in fields},
        _record_types(parts),
    )


def _fields(parts: list[Component], catalog: Catalog) -> list[Field]:
    """The custom ones: what a package says of a standard field changes nothing the sandbox shows."""
    custom = [part for part in parts if part.type == "CustomField" and part.own.endswith("__c")]
    return [custom_field(part.own, part.node, catalog) for part in custom]


def _name_field(root: Node) -> Field:
    node = root.first("nameField") or Node("nameField")
    label = node.value("label") or "Name"
    if node.value("type") == "AutoNumber":
        pattern = node.value("displayFormat") or "{0000}"
        return Field(
            "Name",
            "string",
            label,
            80,
            createable=False,
            updateable=False,
            defaulted=True,
            auto_number=pattern,
            name_field=True,
        )
    return Field("Name", "string", label, 80, defaulted=True, name_field=True)


def custom_field(name: str, node: Node, catalog: Catalog) -> Field:
    """A ``CustomField`` as a field. Raises MetadataError for a type it does not know."""
    declared = node.value("type") or ""
    if declared not in FIELD_TYPES:
        raise MetadataError(f"field {name}: type {declared or '(none)'} is not supported by the sandbox")
    kind, length = FIELD_TYPES[declared]
    formula = node.value("formula") is not None
    computed = formula or declared in ("AutoNumber", "Summary")
    return Field(
        name=name,
        type=kind,
        label=node.value("label") or label_of(name),
        length=(_number(node, "length") or length) if kind in ("string", "textarea") else length,
        precision=_number(node, "precision") or (18 if kind in ("double", "currency", "percent") else 0),
        scale=_number(node, "scale"),
        required=flag(node, "required") or declared == "MasterDetail",
        createable=not computed,
        updateable=not computed and (declared != "MasterDetail" or flag(node, "reparentableMasterDetail")),
        unique=flag(node, "unique"),
        external_id=flag(node, "externalId"),
        id_lookup=flag(node, "externalId"),
        case_sensitive=flag(node, "caseSensitive"),
        calculated=formula or declared == "Summary",
        auto_number=(node.value("displayFormat") or "{0}") if declared == "AutoNumber" else None,
        defaulted=kind == "boolean" or computed,
        rich=declared == "Html",
        help=node.value("inlineHelpText"),
        **_picklist(node, catalog),
        **_lookup(node, declared, name),
    )


def _picklist(node: Node, catalog: Catalog) -> dict[str, Any]:
    default = _literal(node.value("defaultValue"))
    value_set = node.first("valueSet")
    if value_set is None:
        return {"default": default}
    values = value_nodes(value_set, catalog)
    chosen = [value.value("fullName") for value in values if value.value("default") == "true"]
    return {
        "values": tuple((value.value("fullName") or "", _label(value)) for value in values),
        "restricted": flag(value_set, "restricted"),
        "default": chosen[0] if chosen else default,
    }


def value_nodes(value_set: Node, catalog: Catalog) -> list[Node]:
    """The values of a picklist: its own, or those of the global set it names."""
    shared = catalog.get("GlobalValueSet", value_set.value("valueSetName") or "")
    return list(shared.node.all("customValue")) if shared else list(value_set.walk("value"))


def _label(value: Node) -> str:
    return value.value("label") or value.value("fullName") or ""


def _literal(formula: str | None) -> Any:
    """A default that is a plain literal; one that is a real formula is left to Salesforce."""
    if formula is None:
        return None
    stripped = formula.strip()
    if stripped in ("true", "false"):
        return stripped == "true"
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
        return stripped[1:-1]
    try:
        return float(stripped)
    except ValueError:
        return None


def _lookup(node: Node, declared: str, name: str) -> dict[str, Any]:
    if declared not in ("Lookup", "MasterDetail"):
        return {}
    target = node.value("referenceTo")
    if not target:
        raise MetadataError(f"field {name}: a {declared} needs referenceTo")
    children = node.value("relationshipName")
    return {
        "reference_to": (target,),
        "relationship": name.removesuffix("__c") + "__r",
        "children": f"{children}__r" if children else None,
        "cascade": declared == "MasterDetail" or node.value("deleteConstraint") == "Cascade",
    }


def _record_types(parts: list[Component]) -> tuple[RecordType, ...]:
    return tuple(_record_type(part.own, part.node) for part in parts if part.type == "RecordType")


def _record_type(name: str, node: Node) -> RecordType:
    active = node.value("active") != "false"
    return RecordType(name, node.value("label") or name, active, node.value("businessProcess"))


def _queue(component: Component) -> Queue:
    objects = tuple(entry.value("sobjectType") or "" for entry in component.node.all("queueSobject"))
    return Queue(component.full, component.node.value("name") or component.full, objects)


def _check_lookups(kinds: Iterable[ObjectType]) -> None:
    known = {kind.name for kind in kinds}
    for kind in kinds:
        for made in kind.fields.values():
            for target in made.reference_to:
                if target not in known:
                    raise MetadataError(f"{kind.name}.{made.name} looks up {target}, which does not exist")


def _number(node: Node, name: str) -> int:
    return int(node.value(name) or 0)


def flag(node: Node, name: str) -> bool:
    return node.value(name) == "true"
