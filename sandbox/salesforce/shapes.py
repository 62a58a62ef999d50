"""The shapes an org can have: what person accounts, currencies and editions change in its schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

from sandbox.salesforce.notation import read_fields
from sandbox.salesforce.schema import Field, ObjectType, RecordType, person_field

_STATUSES: Final = (("New", False), ("Working", False), ("Escalated", False), ("Closed", True))
_OTHER_STATUSES: Final = (("Offen", False), ("In Arbeit", False), ("Erledigt", True), ("Abgelehnt", True))
_MOST_FIELDS: Final = 500
_MOST_FIELDS_PROFESSIONAL: Final = 100

_PERSON: Final = """
    PersonContactId reference ro "Contact ID" -> Contact.PersonContact
    IsPersonAccount boolean   ro
"""
_NAMES: Final = ("LastName", "FirstName", "Salutation")
_NOT_OF_A_PERSON: Final = frozenset(
    {
        "Id",
        "IsDeleted",
        "MasterRecordId",
        "AccountId",
        "Name",
        "Phone",
        "Fax",
        "ReportsToId",
        "Description",
        "OwnerId",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
        "LastActivityDate",
        "LastViewedDate",
        "LastReferencedDate",
        "IsEmailBounced",
        "PhotoUrl",
        "Jigsaw",
        "CurrencyIsoCode",
    }
)
_LABELS: Final = {"PersonMobilePhone": "Mobile", "PersonAssistantName": "Assistant"}
_BUSINESS: Final = RecordType("Business_Account", "Business Account")
_PERSONS: Final = RecordType("PersonAccount", "Person Account", person=True)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an org was bought and set up with.

    ``professional``: no record types, no business processes, 100 custom fields an object.
    ``other_statuses``: cases have statuses of the org's own, two of them closed.
    """

    person_accounts: bool = False
    multi_currency: bool = False
    professional: bool = False
    other_statuses: bool = False

    @classmethod
    def named(cls, text: str) -> Shape:
        """``person_accounts,multi_currency`` as a shape. Raises ValueError for a name it does not know."""
        known = [field.name for field in fields(cls)]
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return cls(**dict.fromkeys(names, True))

    @property
    def statuses(self) -> tuple[tuple[str, bool], ...]:
        """Name of each case status, and whether it is closed; the first is the default."""
        return _OTHER_STATUSES if self.other_statuses else _STATUSES

    @property
    def most_fields(self) -> int:
        """Custom fields an object may have."""
        return _MOST_FIELDS_PROFESSIONAL if self.professional else _MOST_FIELDS


PLAIN: Final = Shape()


def fitted(kinds: Iterable[ObjectType], shape: Shape) -> list[ObjectType]:
    """The objects as an org of this shape has them. Raises ValueError for more custom fields than it allows."""
    made = {kind.name: kind for kind in kinds}
    for kind in made.values():
        _within(kind, shape)
    if shape.professional:
        made = {name: _bare(kind) for name, kind in made.items() if name != "BusinessProcess"}
    made["Case"] = _with_statuses(made["Case"], shape)
    if shape.person_accounts:
        made["Account"] = _with_persons(made["Account"], made["Contact"])
        made["Contact"] = _extended(made["Contact"], read_fields("IsPersonAccount boolean ro"))
    return list(made.values())


def _within(kind: ObjectType, shape: Shape) -> None:
    count = sum(field.custom for field in kind.fields.values())
    if count > shape.most_fields:
        raise ValueError(f"{kind.name} has {count} custom fields; this org allows {shape.most_fields}")


def _bare(kind: ObjectType) -> ObjectType:
    gone = {"BusinessProcessId"} if kind.name == "RecordType" else {"RecordTypeId"}
    kept = {name: field for name, field in kind.fields.items() if name not in gone}
    return replace(kind, fields=kept, record_types=())


def _with_statuses(case: ObjectType, shape: Shape) -> ObjectType:
    names = [status for status, _ in shape.statuses]
    values = tuple((name, name) for name in names)
    return _extended(case, [replace(case.fields["Status"], values=values, default=names[0])])


def _with_persons(account: ObjectType, contact: ObjectType) -> ObjectType:
    """Each field of a contact is a field of the account that is a person; the contact's own ones end in ``__pc``."""
    persons = [_of_person(field) for field in contact.fields.values() if field.name not in _NOT_OF_A_PERSON]
    link = read_fields("RecordTypeId reference open -> RecordType.RecordType")
    types = (*(account.record_types or (_BUSINESS,)), _PERSONS)
    extended = _extended(account, [*read_fields(_PERSON), *link, *persons])
    return replace(extended, record_types=types)


def _of_person(field: Field) -> Field:
    name = person_field(field.name)
    return replace(
        field,
        name=name,
        label=_LABELS.get(name, field.label),
        length=80 if name == "PersonTitle" else field.length,
        required=False,
        id_lookup=field.external_id,
        relationship=field.relationship.replace("__r", "__pr") if field.relationship else None,
        children=None,
        name_field=name in _NAMES[:2],
    )


def _extended(kind: ObjectType, more: Iterable[Field]) -> ObjectType:
    return replace(kind, fields={**kind.fields, **{field.name: field for field in more}})
