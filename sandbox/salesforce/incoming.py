"""Reading a row that was sent: names, types, parents. What comes out may be stored; all else is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import RowError, RowRefused
from sandbox.salesforce.ids import MASTER_RECORD_TYPE
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.store import Row, Store
from sandbox.salesforce.values import stored


@dataclass(slots=True)
class Incoming:
    """Checked values by API name, the row's own external ids, and those of the parents it names.

    ``record_id`` and ``before``: of the row it changes, None for a new one. ``after``: the whole row as it would be.
    ``identity``: tells the row from all others of its object, however it was named.
    """

    values: Row = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    record_id: str | None = None
    before: Row | None = None
    after: Row = field(default_factory=dict)
    identity: str = ""


@dataclass(slots=True)
class Reader:
    """Reads the rows of one call; a parent named by many rows is looked up once.

    ``seen``: the schema as far as the user sees it, and may write. ``queue_objects``: (queue id, object name) for
    what queues may own. ``closed_types``: (object name, developer name) of record types the user may not choose.
    """

    schema: Schema
    seen: Schema
    store: Store
    queue_objects: frozenset[tuple[str, str]]
    closed_types: frozenset[tuple[str, str]] = frozenset()
    _found: dict[tuple[str, str, Any], str] = field(default_factory=dict)

    def read(self, kind: ObjectType, data: Row, creating: bool) -> Incoming:
        """Raises RowRefused for the first thing wrong with the row, RequestRefused for a wrong JSON type."""
        row = Incoming()
        kind = self.seen.objects[kind.name]
        closed: list[str] = []
        for name, value in data.items():
            if name == "attributes":
                continue
            known = kind.field(name)
            if known is None:
                self._read_parent(kind, name, value, row)
            elif not (known.createable if creating else known.updateable):
                closed.append(known.name)
            else:
                row.values[known.name] = self._value(kind, known, value)
                if known.upsert_key and value is not None:
                    row.keys.append(str(value))
        if closed:
            raise RowRefused(not_writable(closed, creating))
        return row

    def _value(self, kind: ObjectType, known: Field, value: Any) -> Any:
        if value is None:
            if known.type == "boolean":
                raise RowRefused(
                    RowError(
                        "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{known.label}: value not of required type: "
                    )
                )
            return None
        kept = stored(known, value)
        if known.type == "reference" and kept is not None:
            self._check_target(kind, known, kept, value)
        return kept

    def _check_target(self, kind: ObjectType, known: Field, target: str, sent: str) -> None:
        to = self.schema.of_id(target)
        if known.name == "RecordTypeId":
            self._check_record_type(kind, known, target, sent)
        elif to is None or to.name not in known.reference_to:
            message = f"{known.label}: id value of incorrect type: {sent}"
            raise RowRefused(RowError("MALFORMED_ID", message, (known.name,)))
        elif self.store.row(target) is None:
            deleted = target in self.store.table(to).deleted
            code = "ENTITY_IS_DELETED" if deleted else "INVALID_CROSS_REFERENCE_KEY"
            message = "entity is deleted" if deleted else "invalid cross reference id"
            raise RowRefused(RowError(code, message, ()))
        elif known.name == "OwnerId" and to.name == "Group" and (target, kind.name) not in self.queue_objects:
            raise RowRefused(RowError("INVALID_OPERATION", "Queue not associated with this SObject type"))

    def _check_record_type(self, kind: ObjectType, known: Field, target: str, sent: str) -> None:
        found = self.store.row(target)
        if target == MASTER_RECORD_TYPE:
            return
        if found is None or not self._may_choose(kind, found):
            message = f"{known.label}: this ID value isn't valid for the user: {sent}"
            raise RowRefused(RowError("INVALID_CROSS_REFERENCE_KEY", message, (known.name,)))

    def _may_choose(self, kind: ObjectType, record_type: Row) -> bool:
        own = record_type["SobjectType"] == kind.name and bool(record_type["IsActive"])
        return own and (kind.name, record_type["DeveloperName"]) not in self.closed_types

    def _read_parent(self, kind: ObjectType, name: str, value: Any, row: Incoming) -> None:
        link = kind.relationships.get(name.lower())
        if link is None:
            raise RowRefused(no_column(name, kind))
        if value is None:
            row.values[link.name] = None
            return
        if not isinstance(value, dict):
            message = f"Cannot deserialize instance of {link.reference_to[0]} from a scalar value"
            raise RowRefused(RowError("INVALID_FIELD", message))
        if not (link.createable or link.updateable):
            raise RowRefused(not_writable([link.name], True))
        row.values[link.name] = self._parent(link, value, row)

    def _parent(self, link: Field, reference: Row, row: Incoming) -> str:
        named = reference.get("attributes", {}).get("type", link.reference_to[0])
        parent = self.seen.get(str(named))
        if parent is None or parent.name not in link.reference_to:
            raise RowRefused(RowError("INVALID_FIELD", f"{named} is no parent of {link.name}"))
        pairs = [(name, value) for name, value in reference.items() if name != "attributes"]
        if len(pairs) != 1:
            message = f"A reference to {parent.name} must name exactly one external ID field"
            raise RowRefused(RowError("INVALID_FIELD", message))
        name, value = pairs[0]
        row.parents.append(str(value))
        cached = (parent.name, name, value)
        if cached not in self._found:
            self._found[cached] = self._find_parent(parent, name, value)
        return self._found[cached]

    def _find_parent(self, parent: ObjectType, name: str, value: Any) -> str:
        key = parent.field(name)
        if key is None:
            raise RowRefused(no_column(name, parent))
        if not key.upsert_key:
            message = f"Field name provided, {name} is not an External ID or indexed field for {parent.name}"
            raise RowRefused(RowError("INVALID_FIELD", message))
        found = self.matches(parent, key, value) if value is not None else ()
        if len(found) != 1:
            told = "not found" if not found else "matches more than one record"
            message = f"Foreign key external ID: {value} {told} for field {key.name} in entity {parent.name}"
            raise RowRefused(RowError("INVALID_FIELD", message))
        return found[0]

    def matches(self, kind: ObjectType, key: Field, value: Any) -> tuple[str, ...]:
        """The ids an upsert by this key would touch."""
        checked = stored(key, value)
        return tuple(self.store.table(kind).find(key, checked)) if checked is not None else ()


def no_column(name: str, kind: ObjectType) -> RowError:
    return RowError("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")


def missing(names: list[str]) -> RowError:
    listed = ", ".join(names)
    return RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{listed}]", tuple(names))


def not_writable(names: list[str], creating: bool) -> RowError:
    if creating and names == ["Id"]:
        return RowError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field "
        "and verify that it is read/write for your profile or permission set."
    )
    return RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, tuple(names))
