"""Objects as the v2021-02-25 API tells them: the shapes and names the official client types.

https://recurly.com/developers/api/v2021-02-25/ (looked at in November 2026)
"""

from __future__ import annotations

from sandbox.recurly.objects import Account, Invoice, Subscription, Thing, Transaction
from sandbox.recurly.render.accounts import account, balance, billing_info
from sandbox.recurly.render.invoices import invoice
from sandbox.recurly.render.payments import credit_payment, transaction
from sandbox.recurly.render.shapes import Json, when
from sandbox.recurly.render.subscriptions import subscription
from sandbox.recurly.store import Store

__all__ = ["account", "balance", "billing_info", "thing", "when"]


def thing(store: Store, row: Thing) -> Json:
    if isinstance(row, Account):
        return account(store, row)
    if isinstance(row, Subscription):
        return subscription(store, row)
    if isinstance(row, Invoice):
        return invoice(store, row)
    if isinstance(row, Transaction):
        return transaction(store, row)
    return credit_payment(store, row)
