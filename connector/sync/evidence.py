"""What the facts prove, for rules that must come to the same end whenever they are asked.

A case must not depend on whether anybody looked while its problem lasted. So a rule asks here not only how things
stand, but what certainly happened: payments keep their declines and invoices their dunning step for good; for what
objects forget (a cancellation taken back, a card replaced) there are the events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from connector.facts import (
    Account,
    BillingObject,
    CreditPayment,
    Facts,
    Invoice,
    Payment,
    SeenEvent,
    Subscription,
)
from connector.mappers import declines

PAST_DUE: Final = frozenset({"charge_invoice.past_due", "invoice.past_due"})
CANCELED: Final = frozenset({"subscription.canceled"})
PAUSED: Final = frozenset({"subscription.paused"})
BACK: Final = frozenset({"subscription.reactivated", "subscription.resumed"})
CARD_WILL_EXPIRE: Final = frozenset({"subscription.renewal.cc_will_expire"})
METHOD_UPDATED: Final = frozenset({"billing_info.updated"})
UPDATE_FAILED: Final = frozenset({"billing_info.update_failed"})

CHARGES: Final = frozenset({"charge", "legacy"})
UNPAID: Final = frozenset({"open", "pending", "processing", "past_due"})
TAKING: Final = frozenset({"purchase", "authorization", "capture"})
FAILED: Final = frozenset({"declined", "error"})
LIVE: Final = frozenset({"active", "canceled", "paused", "future"})


def refs(object_: BillingObject) -> tuple[str, ...]:
    """Every form an event may name this object by."""
    match object_:
        case Account(id=id_, code=code):
            return (id_, f"code-{code}")
        case Invoice(id=id_, uuid=uuid, number=number):
            return (id_, f"uuid-{uuid}", f"number-{number}")
        case _:
            return (object_.id, f"uuid-{object_.uuid}")


class Evidence:
    """The facts of one account, indexed by what belongs together."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._events: dict[str, list[SeenEvent]] = defaultdict(list)
        for event in facts.events:
            for ref in event.refs:
                self._events[ref].append(event)
        self._payments: dict[str, list[Payment]] = defaultdict(list)
        for payment in sorted(facts.payments, key=_age):
            for ref in filter(None, (payment.invoice_id, _number(payment.invoice_number))):
                self._payments[ref].append(payment)
        self._credits: dict[str | None, list[CreditPayment]] = defaultdict(list)
        for applied in sorted(facts.credit_payments, key=lambda c: (moment(c.created_at), c.uuid)):
            if applied.voided_at is None:
                self._credits[applied.applied_invoice_number].append(applied)
        self._by_id = {payment.id: payment for payment in facts.payments}
        self._write_offs = {item.number for item in facts.invoices if item.origin == "write_off"}

    def events(self, kinds: frozenset[str], *objects: BillingObject) -> list[SeenEvent]:
        """Events of these kinds about any of these objects, the oldest first."""
        named = (event for item in objects for ref in refs(item) for event in self._events.get(ref, ()))
        found = {event.event_id: event for event in named if event.kind in kinds}
        return sorted(found.values(), key=lambda event: (event.occurred_at, event.event_id))

    def payments(self, invoice: Invoice) -> list[Payment]:
        """Every payment, refund and attempt on this invoice, the oldest first."""
        by_id, by_number = (
            self._payments.get(invoice.id, []),
            self._payments.get(f"number-{invoice.number}", []),
        )
        found = {payment.uuid: payment for payment in (*by_id, *by_number)}
        return sorted(found.values(), key=_age)

    def declined(self, invoice: Invoice) -> list[Payment]:
        """The failed attempts to collect this invoice, the oldest first."""
        return [p for p in self.payments(invoice) if p.type in TAKING and p.status in FAILED]

    def collected(self, invoice: Invoice) -> list[Payment]:
        """The successful ones."""
        return [p for p in self.payments(invoice) if p.type in TAKING and p.status == "success"]

    def credited(self, invoice: Invoice) -> list[CreditPayment]:
        """Credit put on this invoice and not taken back, the oldest first."""
        return self._credits.get(invoice.number, [])

    def is_written_off(self, invoice: Invoice) -> bool:
        """Whether it was settled by giving up on it: by a write-off, or by the credit of a write-off invoice."""
        credited = self.credited(invoice)
        return any(c.action == "write_off" or c.original_invoice_number in self._write_offs for c in credited)

    def payment(self, id_: str | None) -> Payment | None:
        return self._by_id.get(id_) if id_ else None

    def invoice_of(self, payment: Payment) -> Invoice | None:
        """The invoice a payment is on, if it is known."""
        named = (payment.invoice_id, payment.invoice_number)
        return next((i for i in self.facts.invoices if i.id == named[0] or i.number == named[1]), None)

    def was_past_due(self, invoice: Invoice) -> bool:
        """Whether it certainly was, even if it is paid now."""
        if invoice.state == "past_due" or invoice.dunning_events_sent > 0:
            return True
        return bool(self.events(PAST_DUE, invoice))


def final_declines(payments: Iterable[Payment]) -> list[Payment]:
    """Those a retry of the same method cannot mend."""
    explained = ((payment, declines.of(payment)) for payment in payments)
    return [payment for payment, decline in explained if decline and decline.category in declines.FINAL]


def earliest(*moments: datetime | None) -> datetime | None:
    return min((m for m in moments if m is not None), default=None)


def latest(*moments: datetime | None) -> datetime | None:
    return max((m for m in moments if m is not None), default=None)


def times(items: Sequence[SeenEvent | Payment]) -> list[datetime | None]:
    """When these happened."""
    return [item.occurred_at if isinstance(item, SeenEvent) else item.created_at for item in items]


def moment(value: datetime | None) -> float:
    """For sorting: an unknown time is the oldest."""
    return value.timestamp() if value else 0.0


def as_of(facts: Facts) -> datetime | None:
    """The newest moment the facts speak of."""
    objects: tuple[BillingObject, ...] = (
        *facts.subscriptions,
        *facts.invoices,
        *facts.payments,
        *facts.credit_payments,
    )
    changed = [item.updated_at for item in objects]
    account = facts.account.updated_at if facts.account else None
    return latest(account, *changed, *(event.occurred_at for event in facts.events))


def live(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Subscriptions that run or will run, the newest first."""
    found = [s for s in subscriptions if s.state in LIVE]
    return sorted(found, key=lambda s: (moment(s.activated_at or s.created_at), s.uuid), reverse=True)


def _age(payment: Payment) -> tuple[float, str]:
    return moment(payment.created_at), payment.uuid


def _number(value: str | None) -> str | None:
    return f"number-{value}" if value else None
