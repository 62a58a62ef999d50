"""What the columns of an ingest job mean, and a line of cells as the row it stands for.

An empty cell leaves its field alone, ``#N/A`` clears it. ``Account.Billing_Key__c`` names a parent by its external
id; where the lookup leads to more than one object, ``User:Owner.Username`` says to which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.salesforce.bulk.table import Unusable
from sandbox.salesforce.errors import RequestRefused, RowError, RowRefused
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.store import Row
from sandbox.salesforce.values import stored

_CLEARED: Final = "#N/A"
_BOOLEANS: Final = {"1": "true", "0": "false"}
_TYPES: Final = {
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
}


@dataclass(frozen=True, slots=True)
class Column:
    """``link``: the lookup it fills, None for a field of the object itself; ``parent``: what the lookup leads to."""

    field: Field
    link: Field | None = None
    parent: ObjectType | None = None

    def into(self, row: Row, value: str | None) -> None:
        if self.link is None:
            row[self.field.name] = value
        else:
            row[str(self.link.relationship)] = None if value is None else self._reference(value)

    def _reference(self, value: str) -> Row:
        assert self.parent is not None, "a lookup leads to something"
        return {"attributes": {"type": self.parent.name}, self.field.name: value}


def columns(schema: Schema, kind: ObjectType, header: Sequence[str]) -> list[Column]:
    """Raises Unusable for the first name that is none."""
    return [_column(schema, kind, name) for name in header]


def row_of(known: Sequence[Column], cells: Sequence[str]) -> Row:
    row: Row = {}
    for column, cell in zip(known, cells, strict=True):
        if cell != "":
            column.into(row, None if cell == _CLEARED else _plain(column.field, cell))
    return row


def misread(known: Sequence[Column], cells: Sequence[str]) -> RowError | None:
    """Why a row could not be read: the first cell that does not fit the type of its field."""
    for place, (column, cell) in enumerate(zip(known, cells, strict=True), start=1):
        if cell not in ("", _CLEARED) and not _fits(column.field, _plain(column.field, cell)):
            kind = _TYPES.get(column.field.type, "xsd:string")
            message = f"Failed to deserialize field at col {place}. Due to, '{cell}' is not a valid value"
            return RowError("INVALID_FIELD", f"{message} for the type {kind}", (column.field.name,))
    return None


def _plain(field: Field, cell: str) -> str:
    return _BOOLEANS.get(cell, cell) if field.type == "boolean" else cell


def _fits(field: Field, value: Any) -> bool:
    try:
        stored(field, value)
    except RequestRefused:
        return False
    except RowRefused:
        return True
    return True


def _column(schema: Schema, kind: ObjectType, name: str) -> Column:
    own = kind.field(name)
    if own:
        return Column(own)
    path, _, last = name.partition(".")
    named, _, relationship = path.rpartition(":")
    link = kind.relationships.get(relationship.lower()) if last else None
    if link is None:
        raise _not_found(name)
    parent = _parent(schema, link, relationship, named)
    key = parent.field(last) if parent else None
    if key is None:
        raise _not_found(name)
    return Column(key, link, parent)


def _parent(schema: Schema, link: Field, relationship: str, named: str) -> ObjectType | None:
    several = len(link.reference_to) > 1
    if several != bool(named):
        needed = "needed for" if several else "not needed for non"
        message = f"type is {needed} polymorphic foreign key references: {relationship}"
        raise Unusable(f"InvalidBatch : {message}")
    parent = schema.get(named or link.reference_to[0])
    return parent if parent and parent.name in link.reference_to else None


def _not_found(name: str) -> Unusable:
    return Unusable(f"InvalidBatch : Field name not found : {name}")
