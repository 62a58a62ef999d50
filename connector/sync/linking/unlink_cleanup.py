"""What is written while an account has no link, and how a record is cleared that an account no longer uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from connector.errors import CasewireError
from connector.ledger.attempts import Encoded, Mirrored, RowChange
from connector.mappers import fields
from connector.mappers.fields import Account, Contact
from connector.models.facts import Facts
from connector.models.plan import Change, CreateValue, Parent
from connector.sync.apply.link_updates import GONE
from connector.sync.apply.row_diff import Record
from connector.sync.linking.crm_records import Crm

_OF_THE_RECORD: Final = frozenset({Account.OBJECT, Contact.OBJECT})
Kept = TypeVar("Kept", bound=CreateValue)


def without_account(changes: Sequence[Change], facts: Facts) -> Sequence[Change]:
    """All but the account and its contact, and without a lookup to them, while the link is held. So the account that
    a person sets on a review case is not overwritten either."""
    if facts.link is None or not facts.link.held:
        return changes
    return [_unlinked(change) for change in changes if change.object not in _OF_THE_RECORD]


def _unlinked(change: Change) -> Change:
    """A lookup that was written for another account is emptied."""
    left_out = {name: value.key for name, value in change.parents.items() if _is_of_the_record(value)}
    return replace(
        change,
        parents=_without(change.parents),
        clears={**change.clears, **left_out},
        on_create=_without(change.on_create),
        transition_fields=_without(change.transition_fields),
    )


def _without(values: Mapping[str, Kept]) -> dict[str, Kept]:
    return {name: value for name, value in values.items() if not _is_of_the_record(value)}


def _is_of_the_record(value: CreateValue) -> bool:
    return isinstance(value, Parent) and value.object in _OF_THE_RECORD


_PREFIX: Final = "Billing_"
_RULE: Final = "link"


@dataclass(frozen=True, slots=True)
class UnlinkedRecord:
    """One record, and what became of it. ``trouble``: it still says what it said; one that is gone says nothing."""

    change: RowChange
    trouble: CasewireError | None = None


def leave_account(
    crm: Crm, record: Record, id_: str, known: Mirrored | None, why: str, *, person: bool
) -> UnlinkedRecord:
    """Empty what an account says of billing. ``known``: what was last written to it."""
    blank: dict[str, Any] = {
        name: None
        for field, name in vars(Account).items()
        if field.isupper() and str(name).startswith(_PREFIX)
    }
    blank |= {Account.PAYMENT_METHOD_VALID: False, fields.KEY: None}
    blank |= {fields.PERSON_KEY: None} if person else {}
    return _leave(crm, record, id_, blank, known, why)


def leave_contact(crm: Crm, key: str, id_: str, known: Mirrored | None, why: str) -> UnlinkedRecord:
    """Take our key from a contact, which is the account's own otherwise."""
    return _leave(crm, (Contact.OBJECT, key), id_, {fields.KEY: None}, known, why)


def _leave(
    crm: Crm, record: Record, id_: str, blank: Mapping[str, Any], known: Mirrored | None, why: str
) -> UnlinkedRecord:
    (answer,) = crm.update(record[0], [{"Id": id_, **blank}])
    error = answer.error.exception() if answer.error else None
    before, after = _told(record[1], blank, known)
    change = RowChange(
        *record,
        rule=_RULE,
        reason=why,
        before=before,
        after=after,
        transition=None,
        salesforce_id=id_,
        error=str(error or ""),
        written=error is None,
    )
    return UnlinkedRecord(change, None if answer.error and answer.error.code in GONE else error)


def _told(key: str, blank: Mapping[str, Any], known: Mirrored | None) -> tuple[Encoded, Encoded]:
    """What it said as far as that is known, and what it says now. Where all is known, what was empty is left out."""
    said = {**(known.fields if known else {}), fields.KEY: key}
    before = {name: said[name] for name in blank if name in said}
    after = {name: value for name, value in blank.items() if known is None or before.get(name) != value}
    return {name: value for name, value in before.items() if name in after}, after
