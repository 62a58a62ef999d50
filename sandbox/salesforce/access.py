"""What the integration user may see and write: permissions, and the schema as they leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.salesforce.schema import Field, ObjectType, Schema

_LEVELS: Final = ("edit", "read", "none")
_OBJECT: Final = "object"
_RECORD_TYPES: Final = "record_types"


@dataclass(frozen=True, slots=True)
class Access:
    """To one object: ``edit``, ``read`` or ``none``, for it, for some of its fields, for some record types."""

    level: str
    fields: Mapping[str, str]
    record_types: Mapping[str, str]


def permissions(schema: Schema, told: Any) -> dict[str, Access]:
    """``{"Account": {"object": "read", "Phone": "none", "record_types": {"Billing": "none"}}}`` by object.

    What is not named may be edited. Raises ValueError for a name or a level that does not exist.
    """
    if not isinstance(told, dict):
        raise ValueError("permissions are a JSON object, by name of the object")
    return {kind.name: access for kind, access in (_access(schema, *item) for item in told.items())}


def seen(schema: Schema, granted: Mapping[str, Access]) -> Schema:
    """The schema without what may not be seen, and unwritable where it may only be read."""
    hidden = {name for name, access in granted.items() if access.level == "none"}
    kinds = (kind for kind in schema if kind.name not in hidden)
    return Schema((_narrowed(kind, granted.get(kind.name), hidden) for kind in kinds), schema.queues)


def closed_types(granted: Mapping[str, Access]) -> frozenset[tuple[str, str]]:
    """(object name, developer name) of the record types the user may not choose."""
    return frozenset(
        (name, record_type)
        for name, access in granted.items()
        for record_type, level in access.record_types.items()
        if level == "none"
    )


def _access(schema: Schema, name: str, told: Any) -> tuple[ObjectType, Access]:
    kind = schema.get(name)
    if kind is None or not isinstance(told, dict):
        raise ValueError(f"no object {name} in this org, or its permissions are no JSON object")
    types = told.get(_RECORD_TYPES, {})
    unknown = set(types) - {made.developer_name for made in kind.record_types}
    if unknown:
        raise ValueError(f"{kind.name} has no record type {sorted(unknown)[0]}")
    levels = {part: level for part, level in told.items() if part not in (_OBJECT, _RECORD_TYPES)}
    fields = {_permissionable(kind, part).name: _level(level) for part, level in levels.items()}
    types = {part: _level(level) for part, level in types.items()}
    return kind, Access(_level(told.get(_OBJECT, "edit")), fields, types)


def _permissionable(kind: ObjectType, name: str) -> Field:
    field = kind.field(name)
    if field is None:
        raise ValueError(f"no field {name} on {kind.name}")
    if not field.permissionable or field.required or field.name_field:
        raise ValueError(f"{kind.name}.{field.name} can be kept from nobody")
    return field


def _level(told: Any) -> str:
    if told not in _LEVELS:
        raise ValueError(f"{told!r} is not one of {', '.join(_LEVELS)}")
    return str(told)


def _narrowed(kind: ObjectType, access: Access | None, hidden: set[str]) -> ObjectType:
    if access is None and not hidden:
        return kind
    fields = {field.name: field for field in _fields(kind, access, hidden)}
    writable = kind.writable and (access is None or access.level == "edit")
    return replace(kind, fields=fields, writable=writable)


def _fields(kind: ObjectType, access: Access | None, hidden: set[str]) -> Iterator[Field]:
    for field in kind.fields.values():
        level = _lower(access.level, access.fields.get(field.name, "edit")) if access else "edit"
        if level == "none":
            continue
        shown = field if level == "edit" else replace(field, createable=False, updateable=False)
        targets = tuple(name for name in field.reference_to if name not in hidden)
        if targets != field.reference_to:
            kept = field.relationship if targets else None
            shown = replace(shown, reference_to=targets, relationship=kept)
        yield shown


def _lower(one: str, other: str) -> str:
    return max(one, other, key=_LEVELS.index)
