"""Compute the row to send for a change: only the fields that differ from the mirror. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

from connector.ledger.attempts import Encoded, Mirrored
from connector.mappers import fields
from connector.models.plan import Change, CreateValue, Lookup, Parent, Queue, RecordType, Value
from connector.redaction import redact_value

Record = tuple[str, str]
"""A Salesforce record: its object and its key."""


class OrgIds(Protocol):
    """Ids of the org's queues and record types by name. None: the org has none of that name."""

    def queue(self, name: str) -> str | None: ...
    def record_type(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One record to write. ``payload``: the fields to send, without the key. ``exists``: Salesforce has the record.
    ``id``: write by this Salesforce id, as the record may not have our key yet. ``frees``: the id of another record
    that has the key; the key is cleared there first."""

    change: Change
    payload: Mapping[str, Any]
    before: Encoded
    after: Encoded
    mirror: Encoded
    exists: bool
    id: str | None = None
    frees: str | None = None

    @property
    def record(self) -> Record:
        return self.change.object, self.change.key

    @property
    def parents(self) -> tuple[Record, ...]:
        return tuple((parent.object, parent.key) for parent in self.change.parents.values())

    def without(self, parents: Collection[Record]) -> Row:
        """Copy the row without these lookups."""
        lookups = {
            name for name, parent in self.change.parents.items() if (parent.object, parent.key) in parents
        }
        return self.but(lookups)

    def lookups(self) -> set[str]:
        """Fields that refer to records that Casewire does not write and that may not exist."""
        wanted = {**self.change.on_create, **self.change.fields}
        return {name for name in self.after if isinstance(wanted.get(name), Lookup)}

    def but(self, names: Collection[str]) -> Row:
        """Copy the row without these fields."""
        left_out = {*names, *map(relationship, names)}

        def kept(values: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in values.items() if name not in left_out}

        return replace(self, payload=kept(self.payload), after=kept(self.after), mirror=kept(self.mirror))


def row_for(
    change: Change, mirrored: Mirrored | None, *, exists: bool, org: OrgIds, id_: str | None = None
) -> Row | None:
    """Compute the row for a change, or None if nothing differs."""
    wanted: dict[str, CreateValue] = {**change.fields, **change.parents}
    last = mirrored.fields if mirrored is not None and exists else {}
    wanted |= dict.fromkeys(
        name
        for name, kept in change.clears.items()
        if name not in wanted and last.get(name) not in (None, kept)
    )
    different = {name: value for name, value in wanted.items() if _differs(last, name, value)}
    if exists and not different and change.transition is None:
        return None
    sent = {**different, **change.transition_fields}
    if not exists:
        sent = {name: value for name, value in {**sent, **change.on_create}.items() if value is not None}
    after = {name: encode(value) for name, value in sent.items()}
    return Row(
        change=change,
        payload=_payload(sent, org),
        before={name: redact_value(name, last[name]) for name in after if name in last},
        after=after,
        mirror={**last, **{name: encode(value) for name, value in wanted.items()}},
        exists=exists,
        id=id_,
    )


def _differs(last: Encoded, name: str, value: CreateValue) -> bool:
    return name not in last or last[name] != encode(value)


def encode(value: CreateValue) -> Any:
    """Encode a value for the mirror and the audit trail: JSON, equal values as equal text."""
    match value:
        case Parent(key=key):
            return key
        case Lookup(value=named):
            return named
        case Queue(name=name) | RecordType(name=name):
            return name
        case Decimal():
            return format(value.normalize(), "f") if value else "0"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case _:
            return value


def _payload(sent: Mapping[str, CreateValue], org: OrgIds) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for name, value in sent.items():
        match value:
            case Parent(object=parent, key=key):
                payload[relationship(name)] = {"attributes": {"type": parent}, fields.KEY: key}
            case Lookup(object=target, field=key_field, value=named):
                payload[relationship(name)] = {"attributes": {"type": target}, key_field: named}
            case Queue(name=queue):
                _put(payload, name, org.queue(queue))
            case RecordType(name=record_type):
                _put(payload, name, org.record_type(record_type))
            case _:
                payload[name] = value
    return payload


def _put(payload: dict[str, Any], name: str, value: Value) -> None:
    if value is not None:
        payload[name] = value


def relationship(lookup: str) -> str:
    """The relationship field that refers to a parent by external id: ``Account__c`` → ``Account__r``."""
    return f"{lookup[:-1]}r" if lookup.endswith(("__c", "__pc")) else lookup.removesuffix("Id")
