"""The fields that Casewire keeps equal, how they are read, and the expected records of a subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from connector.ledger.attempts import Mirrored
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import OrgField, OrgShape
from connector.models.plan import Change, Lookup, Parent, Value
from connector.sync.apply.row_diff import Record, relationship
from connector.sync.org_schema.mapping import CURRENCY
from connector.sync.org_schema.person_accounts import person_field

MADE_BY_PLANS: Final = frozenset({Account.OBJECT, Contact.OBJECT, Case.OBJECT})
"""People's objects. Of these more is needed to make a record than what is ours: one that is gone is made again only by
a plan; and a record without a key is theirs."""
NUMBERS: Final = frozenset({"double", "currency", "percent"})
REFERENCE: Final = "reference"
_UNREADABLE: Final = frozenset({"encryptedstring", "base64"})
"""What is read of these says nothing of what is there."""


_TO_ACCOUNT: Final = (Account.OBJECT, fields.KEY)


class LookupKey(Protocol):
    """Where a mapped lookup leads to."""

    @property
    def object(self) -> str: ...
    @property
    def key(self) -> str: ...


class Mapped(Protocol):
    """A mapping of the policy that the org can take."""

    @property
    def object(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def when(self) -> str: ...
    @property
    def lookup(self) -> LookupKey | None: ...


@dataclass(frozen=True, slots=True)
class Owned:
    """``names``: object → the fields that may be compared. ``links``: lookup → the object it leads to, and the field
    by which its record is named."""

    shape: OrgShape
    names: Mapping[str, frozenset[str]]
    links: Mapping[tuple[str, str], tuple[str, str]]

    @classmethod
    def of(cls, shape: OrgShape, mapped: Iterable[Mapped]) -> Owned:
        always = [one for one in mapped if one.when == "always"]
        links = {(one.object, one.field): (one.lookup.object, one.lookup.key) for one in always if one.lookup}
        found: dict[str, frozenset[str]] = {}
        for object_, ours in _ours(shape, always).items():
            told = shape.objects.get(object_, {})
            links |= {
                (object_, name): to for name in ours if name in told and (to := _to_ours(told[name], shape))
            }
            found[object_] = frozenset(
                name for name in ours if name in told and _may(told[name], (object_, name) in links)
            )
        return cls(shape, {object_: names for object_, names in found.items() if names}, links)

    def field(self, object_: str, name: str) -> OrgField | None:
        """None: it is not compared."""
        return self.shape.field(object_, name) if name in self.names.get(object_, ()) else None

    def account_of(self, object_: str) -> str | None:
        """The lookup by which its records stand on an account of ours."""
        to_account = (
            name for (of, name), to in sorted(self.links.items()) if of == object_ and to == _TO_ACCOUNT
        )
        return None if object_ == Account.OBJECT else next(to_account, None)

    def columns(self, object_: str) -> list[str]:
        """What is selected: a lookup by its id and by what its record is named by."""
        found = ["Id", fields.KEY]
        for name in sorted(self.names[object_]):
            found.append(name)
            if (object_, name) in self.links:
                found.append(f"{relationship(name)}.{self.links[object_, name][1]}")
        return found

    def value(self, object_: str, name: str, kept: Any) -> Value | Parent | Lookup:
        """What the mirror keeps, as a plan would say it."""
        field = self.shape.objects[object_][name]
        if kept is None:
            return None
        if (object_, name) in self.links:
            target, key = self.links[object_, name]
            return Parent(target, str(kept)) if key == fields.KEY else Lookup(target, key, str(kept))
        return _value(field.type, kept)


def parent_of(value: object) -> Record | None:
    """The record of ours that a value leads to."""
    return (value.object, value.key) if isinstance(value, Parent) else None


def _value(type_: str, kept: Any) -> Value:
    if type_ in NUMBERS:
        return Decimal(str(kept))
    if type_ == "datetime":
        return datetime.fromisoformat(str(kept))
    if type_ == "date":
        return date.fromisoformat(str(kept))
    told: Value = kept
    return told


def _ours(shape: OrgShape, always: Iterable[Mapped]) -> dict[str, set[str]]:
    """Fields by object; those that are only written when a record is made, or by a transition, are among them, but no
    plan and no mirror speaks of those."""
    found = {object_: set(names) - {fields.KEY} | {CURRENCY} for object_, names in required_fields().items()}
    for one in always:
        found[one.object].add(one.field)
    if shape.person_accounts:
        persons = {person_field(name) for name in found[Contact.OBJECT]}
        found[Account.OBJECT] |= persons | {fields.PERSON_KEY}
    return found


def _may(field: OrgField, leads: bool) -> bool:
    """What can't be written can't be mended, and what can't be read can't be compared."""
    return field.writable and field.type not in _UNREADABLE and (field.type != REFERENCE or leads)


def _to_ours(field: OrgField, shape: OrgShape) -> tuple[str, str] | None:
    if field.type != REFERENCE or len(field.targets) != 1:
        return None
    (target,) = field.targets
    known = target in fields.ORDER and shape.field(target, fields.KEY) is not None
    return (target, fields.KEY) if known else None


_RANK: Final = {name: rank for rank, name in enumerate(fields.ORDER)}


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """``planned``: the plan speaks of the record. ``kept``: lookups of which only the mirror tells."""

    change: Change
    planned: bool
    kept: frozenset[str] = frozenset()

    @property
    def record(self) -> Record:
        return self.change.object, self.change.key

    @property
    def is_lost(self) -> bool:
        """If it is gone, nothing makes it again."""
        return not self.planned and self.change.object in MADE_BY_PLANS


def should(
    planned: Sequence[Change], mirror: Mapping[Record, Mirrored], owned: Owned
) -> dict[Record, ExpectedRecord]:
    """Parents before children, then by their keys."""
    changes = {(one.object, one.key): one for one in planned}
    records = (record for record in changes.keys() | mirror.keys() if record[0] in owned.names)
    found = {
        record: _with_kept(changes.get(record), record, mirror.get(record), owned)
        for record in sorted(records, key=lambda one: (_RANK[one[0]], one[1]))
    }
    return {record: one for record, one in found.items() if one.change.fields or one.change.parents}


def _with_kept(
    change: Change | None, record: Record, mirrored: Mirrored | None, owned: Owned
) -> ExpectedRecord:
    bare = change or Change(*record, rule="", reason="", fields={})
    values: dict[str, Value | Lookup] = {}
    parents: dict[str, Parent] = {}
    for name, kept in (mirrored.fields if mirrored else {}).items():
        if name in bare.fields or name in bare.parents or owned.field(record[0], name) is None:
            continue
        if name in bare.clears and kept not in (None, bare.clears[name]):
            values[name] = None
            continue
        value = owned.value(record[0], name, kept)
        if isinstance(value, Parent):
            parents[name] = value
        else:
            values[name] = value
    whole = replace(bare, fields={**values, **bare.fields}, parents={**parents, **bare.parents})
    return ExpectedRecord(whole, change is not None, frozenset(parents))
