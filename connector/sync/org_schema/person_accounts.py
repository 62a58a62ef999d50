"""Person accounts: an account and its contact are one record, so the fields of both are written to that record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from connector.mappers import fields
from connector.mappers.field_limits import NAME, line
from connector.mappers.fields import Account, Contact
from connector.mappers.org_schema import OrgShape
from connector.mappers.records import contact
from connector.models.facts import Facts, LinkState
from connector.models.plan import Change, CreateValue, RecordType
from connector.policy import Orgs

RECORD_TYPE: Final = "RecordTypeId"
_SAME: Final = frozenset(
    {"FirstName", "LastName", "MiddleName", "Suffix", "Salutation", "Phone", "Fax", "Description"}
)


def is_person(facts: Facts, orgs: Orgs) -> bool:
    """Whether its record is a person account, or will be one. What the CRM has stays what it is."""
    link = facts.link
    if link is not None and link.state is LinkState.LINKED:
        return link.person
    if orgs.person_accounts == "consumers":
        return not (facts.account and facts.account.company)
    return orgs.person_accounts == "always"


def merged(changes: Sequence[Change], facts: Facts, orgs: Orgs, shape: OrgShape) -> list[Change]:
    """With account and contact as one change. Without a change of the account nothing is merged."""
    found = next((one for one in changes if _is(one, Account.OBJECT, facts.subject)), None)
    if found is None or not is_person(facts, orgs):
        return list(changes)
    person = next((one for one in changes if _is(one, Contact.OBJECT, contact.key(facts))), None)
    one = _as_person(found, person, facts, orgs, shape)
    return [one if change is found else change for change in changes if change is not person]


def person_field(name: str) -> str:
    """What a field of Contact is called on a person account: ``Email`` → ``PersonEmail``."""
    if name.endswith("__c"):
        return f"{name[:-1]}pc"
    return name if name in _SAME else f"Person{name}"


def _is(change: Change, object_: str, key: str) -> bool:
    return (change.object, change.key) == (object_, key)


def _as_person(account: Change, person: Change | None, facts: Facts, orgs: Orgs, shape: OrgShape) -> Change:
    """``Name`` is made by Salesforce of its parts; there is no such record without a last name."""
    told = _renamed(person.fields, shape) if person else {}
    new = _renamed(person.on_create, shape) if person else {}
    made: dict[str, CreateValue] = {Contact.LAST_NAME: _last_name(account, facts), **account.on_create, **new}
    if orgs.person_record_type:
        made[RECORD_TYPE] = RecordType(f"{Account.OBJECT}.{orgs.person_record_type}")
    return replace(
        account,
        reason=f"{account.reason}; it is a person account",
        fields={**_unnamed(account.fields), **told, fields.PERSON_KEY: contact.key(facts)},
        on_create={name: value for name, value in _unnamed(made).items() if name not in told},
    )


Held = TypeVar("Held")


def _renamed(values: Mapping[str, Held], shape: OrgShape) -> dict[str, Held]:
    """Not every field of a contact is one of a person."""
    renamed = {person_field(name): value for name, value in values.items()}
    return {name: value for name, value in renamed.items() if shape.writable(Account.OBJECT, name)}


def _unnamed(values: Mapping[str, Held]) -> dict[str, Held]:
    return {name: value for name, value in values.items() if name != Account.NAME}


def _last_name(account: Change, facts: Facts) -> str:
    known = contact.on_create(facts.account) if facts.account else {}
    named = known.get(Contact.LAST_NAME) or account.on_create.get(Account.NAME) or facts.code
    return line(str(named), NAME) or facts.code
