"""An operator says which record of the CRM an account is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from connector import facts
from connector.errors import Permanent
from connector.facts import Link, LinkState
from connector.ledger import attempts, links, snapshots, subjects
from connector.ledger.attempts import Attempt, Cause
from connector.mappers import fields, keys
from connector.mappers.fields import Account, Contact
from connector.sync.linking import names
from connector.sync.linking.choosing import holder
from connector.sync.linking.records import Crm, Record
from connector.sync.linking.searching import Search
from connector.sync.relinking import GONE
from connector.sync.writing import RowAnswer

_PREFIX: Final = "Billing_"


@dataclass(frozen=True, slots=True)
class Wish:
    """An account of billing and the record it is to be. ``before``: its link until now; ``email`` as billing has it."""

    subject: str
    record: Record
    before: Link | None
    email: str | None

    @property
    def from_id(self) -> str | None:
        """The other record that is left for it."""
        old = self.before.account_id if self.before else None
        return old if old and old != self.record.id else None


def look(engine: Engine, search: Search, subject: str, id_: str) -> Wish:
    """What would be linked. Permanent: there is no such account, here or there, or it is another's."""
    record = next(iter(search.by_id([id_]).values()), None)
    if record is None:
        raise Permanent(f"Salesforce has no account {id_}, or the integration user may not see it.")
    with engine.connect() as connection:
        if subjects.named(connection, subject) is None:
            raise Permanent(f"Casewire knows no account {subject}. To fetch it: casewire resync")
        other = holder(record, subject, links.holders(connection, [record.id]))
        before = links.load(connection, [subject]).get(subject)
        email = _email(connection, subject)
    if other is not None:
        raise Permanent(
            f"{record.name} ({record.id}) is linked to {other} already: link that one elsewhere first."
        )
    return Wish(subject, record, before, email)


def link(engine: Engine, crm: Crm, search: Search, wish: Wish, cause: Cause, now: datetime) -> bool:
    """Link it, and make the account due. The record it had before is left without our key, and says nothing of billing
    any more. False: another account took the record meanwhile."""
    source, site, code = keys.account_of(wish.subject)
    contact_key = keys.record(source, site, "contact", code)
    if wish.from_id:
        ours = search.keyed_people([contact_key]).get(contact_key)
        _release(crm, wish.from_id, person=bool(wish.before and wish.before.person), contact_id=ours)
    person = search.contact_of(wish.email, contact_key, wish.record.id)
    found = Link(
        LinkState.LINKED,
        wish.record.id,
        contact_id=person.id if person and not wish.record.person else None,
        how=f"chosen by {cause.who} with casewire link",
        person=wish.record.person,
    )
    if wish.before and not wish.from_id and wish.before.account_id:
        found = replace(wish.before, how=found.how)
    with engine.begin() as connection:
        if links.move(connection, {wish.subject: found}):
            return False
        attempts.forget(connection, [wish.subject])
        told = Attempt(wish.subject, cause, now, now, "unchanged")
        attempts.record(connection, [told])
    return True


def _release(crm: Crm, account_id: str, *, person: bool, contact_id: str | None) -> None:
    """Our keys are unique: the records they are on must lose them first. Those that are gone have none."""
    blank: dict[str, Any] = {
        name: None
        for field, name in vars(Account).items()
        if field.isupper() and str(name).startswith(_PREFIX)
    }
    blank |= {Account.PAYMENT_METHOD_VALID: False, fields.KEY: None}
    blank |= {fields.PERSON_KEY: None} if person else {}
    _changed(crm.update(Account.OBJECT, [{"Id": account_id, **blank}]))
    if contact_id and not person:
        _changed(crm.update(Contact.OBJECT, [{"Id": contact_id, fields.KEY: None}]))


def _changed(answers: Sequence[RowAnswer]) -> None:
    for answer in answers:
        if answer.error is not None and answer.error.code not in GONE:
            raise answer.error.exception()


def _email(connection: Connection, subject: str) -> str | None:
    known = snapshots.load(connection, [subject])[subject]
    accounts = (one.value for one in known if isinstance(one.value, facts.Account))
    return next((names.email(account.email) for account in accounts), None)
