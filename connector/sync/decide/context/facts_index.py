"""Index of the facts of one account, for rules whose result must not depend on when they run.

A case must not depend on whether a rule ran while its problem lasted. So the index answers not only what is true now,
but also what certainly happened: payments keep their declines, and invoices their dunning step. For what objects do
not keep (a withdrawn cancellation, a replaced card) there are the events.

Further shared queries are in the modules beside it: payment and refunds of a processor object (``payment_context``),
refunds as both sides report them (``refund_matching``), disputes of a payment (``open_disputes``), how an object was
matched (``processor_helpers``), evidence (``dispute_checklist``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from connector.mappers import declines, match_keys
from connector.mappers.money import amount as quantized
from connector.models.facts import (
    Account,
    BillingObject,
    CreditPayment,
    Facts,
    Invoice,
    Kind,
    Payment,
    PaymentMethod,
    ProcessorObject,
    Subscription,
    TimelineEvent,
)

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
MOVING: Final = frozenset({"purchase", "capture", "refund"})
"""Types that move money; an authorization only reserves it."""
LIVE: Final = frozenset({"active", "canceled", "paused", "future"})


def refs(object_: BillingObject) -> tuple[str, ...]:
    """All references by which an event can name this object."""
    match object_:
        case Account(id=id_, code=code):
            return (id_, f"code-{code}")
        case Invoice(id=id_, uuid=uuid, number=number):
            return (id_, f"uuid-{uuid}", f"number-{number}")
        case _:
            return (object_.id, f"uuid-{object_.uuid}")


class FactsIndex:
    """The facts of one account, with lookups between its objects and events."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._events: dict[str, list[TimelineEvent]] = defaultdict(list)
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
        self._by_reference: dict[str, list[Payment]] = defaultdict(list)
        for payment in sorted(facts.payments, key=_age):
            for ref in dict.fromkeys(gateway_references(payment)):
                self._by_reference[ref].append(payment)
        self._charges: dict[tuple[str, str], list[ProcessorObject]] = defaultdict(list)
        for charge in facts.of(Kind.CHARGE):
            for ref in {*charge.references, charge.id}:
                self._charges[charge.source, ref].append(charge)
        self._write_offs = {item.number for item in facts.invoices if item.origin == "write_off"}
        # cached: an account can have thousands of disputes, and every rule reads all of them
        self._payment_behind: dict[int, tuple[ProcessorObject, Payment | None]] = {}
        self._objects: dict[Kind, dict[str, list[ProcessorObject]]] = {}
        self._disputed: frozenset[str] | None = None
        self._paid_by: dict[tuple[str, str | None], list[Payment]] | None = None

    def events(self, kinds: frozenset[str], *objects: BillingObject) -> list[TimelineEvent]:
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
        """Failed attempts to collect this invoice, the oldest first."""
        return [p for p in self.payments(invoice) if p.type in TAKING and p.status in FAILED]

    def collected(self, invoice: Invoice) -> list[Payment]:
        """Successful attempts to collect this invoice, the oldest first."""
        return [p for p in self.payments(invoice) if p.type in TAKING and p.status == "success"]

    def credited(self, invoice: Invoice) -> list[CreditPayment]:
        """Credit that was applied to this invoice and not voided, the oldest first."""
        return self._credits.get(invoice.number, [])

    def is_written_off(self, invoice: Invoice) -> bool:
        """Whether it was settled by a write-off, or by the credit of a write-off invoice."""
        credited = self.credited(invoice)
        return any(c.action == "write_off" or c.original_invoice_number in self._write_offs for c in credited)

    def payment(self, id_: str | None) -> Payment | None:
        return self._by_id.get(id_) if id_ else None

    def invoice_of(self, payment: Payment) -> Invoice | None:
        """The invoice of a payment, if it is known."""
        named = (payment.invoice_id, payment.invoice_number)
        return next((i for i in self.facts.invoices if i.id == named[0] or i.number == named[1]), None)

    def payment_behind(self, item: ProcessorObject) -> Payment | None:
        """The payment of a processor object: by reference, else the only payment of its invoice.

        Several payments can share a reference: a purchase and its refunds, a declined attempt and the next one. The
        purchase that took the money is preferred, then one of the same amount, then the newest.
        """
        cached = self._payment_behind.get(id(item))
        if cached is None:  # the item is kept with the result, so that its id is not reused
            cached = self._payment_behind[id(item)] = (item, self._find_payment_behind(item))
        return cached[1]

    def _find_payment_behind(self, item: ProcessorObject) -> Payment | None:
        named = [
            payment
            for ref in self._references(item)
            for payment in self._by_reference.get(ref, ())
            if match_keys.could_be(item.source, payment.gateway)
        ]
        if named:
            return max(named, key=lambda payment: _closeness(payment, item))
        invoice = self._invoice_numbered(item)
        collected = self.collected(invoice) if invoice else []
        return collected[0] if len(collected) == 1 and _could_be_about(item, collected[0]) else None

    def invoice_behind(self, item: ProcessorObject) -> Invoice | None:
        """The invoice of a processor object: of its payment, else the one that its processor names."""
        payment = self.payment_behind(item)
        return (self.invoice_of(payment) if payment else None) or self._invoice_numbered(item)

    def objects_of(self, kind: Kind, payment: Payment) -> list[ProcessorObject]:
        """The disputes, refunds or warnings about this payment, the oldest first."""
        if kind not in self._objects:
            found: dict[str, list[ProcessorObject]] = defaultdict(list)
            for item in self.facts.of(kind):
                if paid := self.payment_behind(item):
                    found[paid.uuid].append(item)
            self._objects[kind] = found
        return list(self._objects[kind].get(payment.uuid, ()))

    def disputed_payments(self) -> frozenset[str]:
        """The ids of the payments that were disputed or charged back."""
        if self._disputed is None:
            disputed = (self.payment_behind(item) for item in self.facts.of(Kind.DISPUTE))
            charged_back = (one for one in self.facts.payments if "chargeback" in (one.status, one.origin))
            self._disputed = frozenset(
                (*(one.id for one in disputed if one), *(one.original_id or one.id for one in charged_back))
            )
        return self._disputed

    def collected_by(self, method: PaymentMethod) -> list[Payment]:
        """Successful payments with this method, the oldest first, without those that have no date."""
        if self._paid_by is None:
            self._paid_by = defaultdict(list)
            dated = [one for one in self.facts.payments if one.payment_method and paid_at(one)]
            for one in sorted(dated, key=lambda one: (moment(paid_at(one)), one.uuid)):
                if one.payment_method and one.type in TAKING and one.status == "success":
                    self._paid_by[one.payment_method.brand, one.payment_method.last_four].append(one)
        return self._paid_by.get((method.brand, method.last_four), [])

    def _references(self, item: ProcessorObject) -> tuple[str, ...]:
        """Its references, and those of charges that share one: ``pi_…`` if it only has ``ch_…``."""
        charges = self._charges_behind(item)
        return tuple(sorted({ref for one in (item, *charges) for ref in (*one.references, one.id)}))

    def _charges_behind(self, item: ProcessorObject) -> list[ProcessorObject]:
        own = {*item.references, item.id}
        found = {charge.id: charge for ref in own for charge in self._charges.get((item.source, ref), ())}
        return [found[id_] for id_ in sorted(found)]

    def _invoice_numbered(self, item: ProcessorObject) -> Invoice | None:
        """The invoice with the number that the processor reports for the object or its charge."""
        numbered = (one for one in (item, *self._charges_behind(item)) if one.invoice_number)
        found = (i for one in numbered for i in self.facts.invoices if names_invoice(one, i.number))
        return next(found, None)

    def was_past_due(self, invoice: Invoice) -> bool:
        """Whether it certainly was past due, even if it is paid now."""
        if invoice.state == "past_due" or invoice.dunning_events_sent > 0:
            return True
        return bool(self.events(PAST_DUE, invoice))


def paid_at(payment: Payment) -> datetime | None:
    """When the money was taken, or the best known time."""
    return payment.collected_at or payment.created_at


def _closeness(payment: Payment, item: ProcessorObject) -> tuple[object, ...]:
    """Sort key: how well a payment that shares a reference with a processor object matches it."""
    return (
        item.kind is Kind.CHARGE and item.id in gateway_references(payment),
        payment.type in TAKING and payment.status not in FAILED,
        payment.type in TAKING,
        payment.type in MOVING,
        (payment.amount, payment.currency) == (item.amount, item.currency),
        _age(payment),
    )


def _could_be_about(item: ProcessorObject, payment: Payment) -> bool:
    """Whether the object, of which only the invoice number is known, can be about this payment."""
    same_currency = item.currency is None or item.currency == payment.currency
    enough = item.amount is None or not same_currency or item.amount <= payment.amount
    return match_keys.could_be(item.source, payment.gateway) and same_currency and enough


def with_currencies(facts: Facts) -> Facts:
    """The facts, where a processor object with an amount but no currency gets the currency of its payment."""
    if all(item.currency or item.amount is None for item in facts.objects):
        return facts
    index = FactsIndex(facts)

    def completed(item: ProcessorObject) -> ProcessorObject:
        if item.currency or item.amount is None or (paid := index.payment_behind(item)) is None:
            return item
        return replace(item, amount=quantized(item.amount, paid.currency), currency=paid.currency)

    return replace(facts, objects=tuple(map(completed, facts.objects)))


def gateway_references(payment: Payment) -> tuple[str, ...]:
    """All references that the gateway has for a payment."""
    own = (payment.gateway_reference,) if payment.gateway_reference else ()
    return (*own, *payment.gateway_references)


def names_invoice(item: ProcessorObject, number: str) -> bool:
    """Whether the processor's invoice number, which may be cut from the left, is this number."""
    named = item.invoice_number
    if not named:
        return False
    return number.endswith(named) if item.truncated else number == named


def final_declines(payments: Iterable[Payment]) -> list[Payment]:
    """Declines that a retry with the same method cannot fix."""
    explained = ((payment, declines.of(payment)) for payment in payments)
    return [payment for payment, decline in explained if decline and decline.category in declines.FINAL]


def earliest(*moments: datetime | None) -> datetime | None:
    return min((m for m in moments if m is not None), default=None)


def latest(*moments: datetime | None) -> datetime | None:
    return max((m for m in moments if m is not None), default=None)


def times(items: Sequence[TimelineEvent | Payment]) -> list[datetime | None]:
    """Times of these events or payments."""
    return [item.occurred_at if isinstance(item, TimelineEvent) else item.created_at for item in items]


def moment(value: datetime | None) -> float:
    """Sort key; an unknown time is the oldest."""
    return value.timestamp() if value else 0.0


def as_of(facts: Facts) -> datetime | None:
    """The newest time in the facts."""
    objects: tuple[BillingObject, ...] = (
        *facts.subscriptions,
        *facts.invoices,
        *facts.payments,
        *facts.credit_payments,
    )
    changed = [item.updated_at for item in objects]
    account = facts.account.updated_at if facts.account else None
    object_times = (item.at for item in facts.objects)
    return latest(account, *changed, *object_times, *(event.occurred_at for event in facts.events))


def live(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Current and future subscriptions, the newest first."""
    found = [s for s in subscriptions if s.state in LIVE]
    return sorted(found, key=lambda s: (moment(s.activated_at or s.created_at), s.uuid), reverse=True)


def _age(payment: Payment) -> tuple[float, str]:
    return moment(payment.created_at), payment.uuid


def _number(value: str | None) -> str | None:
    return f"number-{value}" if value else None
