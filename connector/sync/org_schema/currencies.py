"""The currency of a record in an org with several currencies; in another org it is never sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from connector.mappers import fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import OrgShape
from connector.models.plan import Change
from connector.sync.org_schema.mapping import CURRENCY

_PEOPLES: Final = frozenset({Account.OBJECT, Contact.OBJECT, Case.OBJECT})
"""Records that are not only ours: people choose their currency once they are made."""
_SAID_BY: Final = {
    Account.OBJECT: Account.CURRENCY,
    Case.OBJECT: Case.CURRENCY,
    **{
        one.OBJECT: one.CURRENCY
        for one in (
            *(fields.Subscription, fields.Invoice, fields.Payment),
            *(fields.Dispute, fields.Refund, fields.Payout),
        )
    },
}


def named(changes: Sequence[Change], shape: OrgShape, tell: Callable[[str], None]) -> list[Change]:
    """With the currency of each record that has one, if it is active in the org. A contact has its account's."""
    if shape.currencies is None:
        return list(changes)
    accounts = (change.fields.get(Account.CURRENCY) for change in changes if change.object == Account.OBJECT)
    of_account = next(accounts, None)
    return [_named(change, of_account, shape, shape.currencies, tell) for change in changes]


def _named(
    change: Change, of_account: object, shape: OrgShape, active: Collection[str], tell: Callable[[str], None]
) -> Change:
    said_by = _SAID_BY.get(change.object)
    code = change.fields.get(said_by) if said_by else None
    if change.object == Contact.OBJECT:
        code = str(of_account) if of_account else None
    if not isinstance(code, str) or not shape.writable(change.object, CURRENCY):
        return change
    if code not in active:
        tell(f"{CURRENCY} is left out where it is {code}: not an active currency of the org")
        return change
    if change.object in _PEOPLES:
        return replace(change, on_create={**change.on_create, CURRENCY: code})
    return replace(change, fields={**change.fields, CURRENCY: code})
