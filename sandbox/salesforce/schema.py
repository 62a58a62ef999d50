"""What objects and fields an org has. Names are looked up without regard to case, as Salesforce does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

TEXT_TYPES: Final = frozenset({"string", "textarea", "url", "email", "phone", "picklist", "multipicklist"})
NUMBER_TYPES: Final = frozenset({"double", "currency", "percent", "int"})
_SHARED_WITH_CONTACT: Final = frozenset(
    {"LastName", "FirstName", "Salutation", "Phone", "Fax", "OwnerId", "CurrencyIsoCode"}
)
LONG_TEXT: Final = 255
"""Text areas longer than this can neither be filtered nor sorted."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field; the names of its attributes are those of a describe answer where there is one.

    ``permissionable``: an administrator may hide it from users, or from some of them. ``rich``: its text is HTML.
    """

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    permissionable: bool = True
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    restricted: bool = False
    values: tuple[tuple[str, str], ...] = ()
    default: Any = None
    defaulted: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    cascade: bool = False
    restrict: bool = False
    auto_number: str | None = None
    calculated: bool = False
    name_field: bool = False
    rich: bool = False
    help: str | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith(("__c", "__pc"))

    @property
    def is_text(self) -> bool:
        return self.type in TEXT_TYPES

    @property
    def filterable(self) -> bool:
        return not (self.type == "textarea" and self.length > LONG_TEXT)

    @property
    def indexed(self) -> bool:
        return self.unique or self.external_id or self.id_lookup or self.type == "reference"

    @property
    def upsert_key(self) -> bool:
        return self.external_id or self.id_lookup


@dataclass(frozen=True, slots=True)
class RecordType:
    developer_name: str
    label: str
    active: bool = True
    business_process: str | None = None
    person: bool = False


@dataclass(frozen=True)
class ObjectType:
    """One object with its fields in order."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: Mapping[str, Field]
    record_types: tuple[RecordType, ...] = ()
    writable: bool = True

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {name.lower(): field for name, field in self.fields.items()}

    @cached_property
    def relationships(self) -> dict[str, Field]:
        """Lookup fields by the lower-case name of their relationship (``account``, ``account__r``)."""
        return {field.relationship.lower(): field for field in self.fields.values() if field.relationship}

    @cached_property
    def required(self) -> tuple[Field, ...]:
        written = (field for field in self.fields.values() if field.createable or field.updateable)
        return tuple(field for field in written if field.required and field.default is None)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return {field.name: field.default for field in self.fields.values() if field.default is not None}

    @cached_property
    def unique(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.unique)

    @cached_property
    def upsert_keys(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.upsert_key and field.name != "Id")

    @cached_property
    def filled(self) -> tuple[Field, ...]:
        """Fields a new row has whether or not they were sent: booleans and automatic numbers."""
        return tuple(field for field in self.fields.values() if field.auto_number or field.type == "boolean")

    @cached_property
    def name_field(self) -> str | None:
        return next((field.name for field in self.fields.values() if field.name_field), None)

    def field(self, name: str) -> Field | None:
        return self.fields.get(name) or self._by_name.get(name.lower())


class Schema:
    """The objects of an org."""

    def __init__(self, objects: Iterable[ObjectType], queues: Iterable[Queue] = ()) -> None:
        self.objects = {kind.name: kind for kind in objects}
        self.queues = tuple(queues)
        self._by_name = {name.lower(): kind for name, kind in self.objects.items()}
        self.by_prefix = {kind.prefix: kind for kind in self.objects.values()}

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self.objects.values())

    def get(self, name: str) -> ObjectType | None:
        return self.objects.get(name) or self._by_name.get(name.lower())

    def of_id(self, record_id: str) -> ObjectType | None:
        return self.by_prefix.get(record_id[:3])

    @cached_property
    def _children(self) -> dict[str, dict[str, tuple[ObjectType, Field]]]:
        found: dict[str, dict[str, tuple[ObjectType, Field]]] = {}
        for kind in self:
            for field in kind.fields.values():
                for parent in field.reference_to if field.children else ():
                    found.setdefault(parent, {})[str(field.children).lower()] = (kind, field)
        return found

    @cached_property
    def _referrers(self) -> dict[str, list[tuple[ObjectType, Field]]]:
        found: dict[str, list[tuple[ObjectType, Field]]] = {}
        for kind in self:
            for field in kind.fields.values():
                for parent in field.reference_to:
                    found.setdefault(parent, []).append((kind, field))
        return found

    @cached_property
    def person_pairs(self) -> dict[str, str]:
        """Field of a contact → the field of its person account that is the same; empty without person accounts."""
        account, contact = self.objects.get("Account"), self.objects.get("Contact")
        if account is None or contact is None or "IsPersonAccount" not in account.fields:
            return {}
        pairs = ((name, person_field(name)) for name in contact.fields)
        return {name: same for name, same in pairs if same in account.fields}

    def referrers(self, parent: ObjectType) -> list[tuple[ObjectType, Field]]:
        """Every lookup that can point at the object."""
        return self._referrers.get(parent.name, [])

    def children(self, parent: ObjectType) -> dict[str, tuple[ObjectType, Field]]:
        """Child relationships by lower-case name (``contacts``, ``billing_invoices__r``)."""
        return self._children.get(parent.name, {})


@dataclass(frozen=True, slots=True)
class Queue:
    developer_name: str
    label: str
    objects: tuple[str, ...]


def person_field(name: str) -> str:
    """The field of a person account that is this field of its contact: ``Email`` → ``PersonEmail``."""
    if name.endswith("__c"):
        return name.removesuffix("c") + "pc"
    return name if name in _SHARED_WITH_CONTACT else f"Person{name}"


def label_of(name: str) -> str:
    """A label made of an API name: ``BillingCity`` → ``Billing City``."""
    plain = name.removesuffix("__c").removesuffix("Id") if name != "Id" else "Record"
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain.replace("_", " "))
    return f"{words} ID" if name.endswith("Id") else words
