"""Link an account to the record that an operator names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, Engine

from connector.errors import CasewireError, Permanent, Transient
from connector.ledger import attempts, bulk_jobs, links, snapshots, subjects
from connector.ledger.attempts import Attempt, Cause, Mirrored
from connector.ledger.locks import Lock, until_committed
from connector.ledger.subjects import Settled
from connector.mappers import external_ids
from connector.mappers.fields import Account, Contact
from connector.models import facts
from connector.models.facts import Link, LinkState
from connector.sync.apply.row_diff import Record
from connector.sync.linking import name_normalization
from connector.sync.linking.candidate_search import CandidateSearch
from connector.sync.linking.candidate_selection import holder
from connector.sync.linking.crm_records import Crm
from connector.sync.linking.crm_records import Record as CrmAccount
from connector.sync.linking.unlink_cleanup import UnlinkedRecord, leave_account, leave_contact


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """An account of billing and the record it is to be. ``before``: its link until now; ``email`` as billing has it."""

    subject: str
    record: CrmAccount
    before: Link | None
    email: str | None

    @property
    def from_id(self) -> str | None:
        """The other record that is left for it."""
        old = self.before.account_id if self.before else None
        return old if old and old != self.record.id else None


def look(engine: Engine, search: CandidateSearch, subject: str, id_: str) -> LinkRequest:
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
    return LinkRequest(subject, record, before, email)


def link(
    engine: Engine, crm: Crm, search: CandidateSearch, wish: LinkRequest, cause: Cause, now: datetime
) -> bool:
    """Link it, and make the account due. The record it had before is left without our key, and says nothing of billing
    any more; what it said is kept. False: another account took the record meanwhile. Transient: a worker writes the
    account just now. However it ends, what was only half done is written again by the next attempt."""
    contact_id = _own_contact(search, wish)
    with _held(engine, wish, contact_id, cause) as mirror:
        left = tuple(_leave(crm, wish, contact_id, mirror, cause))
        trouble = next((one.trouble for one in left if one.trouble is not None), None)
        told = _attempt(wish.subject, cause, now, left, trouble)
        if trouble is not None:
            with engine.begin() as connection:
                attempts.record(connection, [told])
            raise trouble
        found = _found(search, wish, cause)
        with engine.begin() as connection:
            taken = links.move(connection, {wish.subject: found}, cause.run_id)
            attempts.record(connection, [told])
    return not taken


@contextmanager
def _held(
    engine: Engine, wish: LinkRequest, contact_id: str | None, cause: Cause
) -> Iterator[Mapping[Record, Mirrored]]:
    """Nobody else writes the account meanwhile; it is due for this run, at once when this is over and soon after this
    process was killed. What was last written to it, which is forgotten: then all of it is written, wherever it is."""
    token = f"link:{uuid4().hex}"
    with engine.begin() as connection:
        until_committed(connection, Lock.LINKING)
        links.make_due(connection, [wish.subject], cause.run_id)
        claimed = subjects.claim(connection, token, 1, [wish.subject])
        if not claimed or bulk_jobs.left_behind(connection):
            raise Transient(f"{wish.subject} is being written just now: try again in a moment.")
        _know_contact(connection, wish, contact_id)
        mirror = {record: known for record, _, known in attempts.mirrored(connection, [wish.subject])}
        attempts.forget(connection, [wish.subject])
    try:
        yield mirror
    finally:
        with engine.begin() as connection:
            over = Settled(wish.subject, claimed[0].generation, "due", spend=False)
            subjects.settle(connection, token, [over])


def _know_contact(connection: Connection, wish: LinkRequest, contact_id: str | None) -> None:
    """A contact that was found by its key is not found again once it has lost it: if it is to have it back, it must be
    known by its id, or there would be a second one. Transient: the account has another record by now."""
    now = links.load(connection, [wish.subject]).get(wish.subject)
    if (now and now.account_id) != (wish.before and wish.before.account_id):
        raise Transient(f"{wish.subject} was linked to another record meanwhile: look again.")
    if now is not None and contact_id is not None:
        links.save(connection, {wish.subject: replace(now, contact_id=contact_id)})


def _own_contact(search: CandidateSearch, wish: LinkRequest) -> str | None:
    """The contact that loses our key; that of a person is its account."""
    if wish.from_id is None or (wish.before and wish.before.person):
        return None
    key = _contact_key(wish.subject)
    return search.keyed_people([key]).get(key)


def _leave(
    crm: Crm, wish: LinkRequest, contact_id: str | None, mirror: Mapping[Record, Mirrored], cause: Cause
) -> Iterator[UnlinkedRecord]:
    """Our keys are unique: the records they are on must lose them first. One that keeps its key ends it."""
    if wish.from_id is None:
        return
    why = f"{cause.who} linked the account to {wish.record.id} instead."
    record, contact_key = (Account.OBJECT, wish.subject), _contact_key(wish.subject)
    person = bool(wish.before and wish.before.person)
    left = leave_account(crm, record, wish.from_id, mirror.get(record), why, person=person)
    yield left
    if contact_id is not None and left.trouble is None:
        known = mirror.get((Contact.OBJECT, contact_key))
        yield leave_contact(crm, contact_key, contact_id, known, why)


def _found(search: CandidateSearch, wish: LinkRequest, cause: Cause) -> Link:
    """What is kept of it. One that was chosen already is the same link, chosen by another."""
    how = f"chosen by {cause.who} with casewire link"
    if wish.before and not wish.from_id and wish.before.account_id:
        return replace(wish.before, how=how)
    person = search.contact_of(wish.email, _contact_key(wish.subject), wish.record.id)
    return Link(
        LinkState.LINKED,
        wish.record.id,
        contact_id=person.id if person and not wish.record.person else None,
        how=how,
        person=wish.record.person,
    )


def _attempt(
    subject: str, cause: Cause, now: datetime, left: Sequence[UnlinkedRecord], trouble: CasewireError | None
) -> Attempt:
    changes = tuple(one.change for one in left)
    outcome = "applied" if any(one.written for one in changes) else "unchanged"
    return Attempt(
        subject,
        cause,
        now,
        now,
        outcome if trouble is None else "retry",
        error=str(trouble or ""),
        error_code=getattr(trouble, "code", ""),
        changes=changes,
    )


def _contact_key(subject: str) -> str:
    source, site, code = external_ids.account_of(subject)
    return external_ids.record(source, site, "contact", code)


def _email(connection: Connection, subject: str) -> str | None:
    known = snapshots.load(connection, [subject])[subject]
    accounts = (one.value for one in known if isinstance(one.value, facts.Account))
    return next((name_normalization.email(account.email) for account in accounts), None)
