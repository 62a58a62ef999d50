"""What the facts prove, for rules that must come to the same end whenever they are asked.

A case must not depend on whether anybody looked while its problem lasted. So a rule asks here not only how things
stand, but what certainly happened: payments keep their declines and invoices their dunning step for good; for what
objects forget (a cancellation taken back, a card replaced) there are the events.

Beside it, each a question that several rules ask: what payment and refunds are behind a processor's object
(``behind``), what was given back, as both sides tell it (``given_back``), what disputes a payment (``objections``), how
an object came to its account (``joined``), what an incident holds back (``holding``), what is known as evidence
(``checklist``).
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
"""An authorization holds money and moves none."""
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


class FactsIndex:
    """The facts of one account, indexed by what belongs together."""

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
        # found once each: an account may have thousands of disputes, and every rule asks for all of them
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

    def payment_behind(self, item: ProcessorObject) -> Payment | None:
        """The payment a processor's object is about: by reference, else the one payment of its invoice.

        One reference may be that of several: a purchase and its refunds, a declined try and the next one. The purchase
        that took the money comes first, then the one of the same amount, then the newest.
        """
        known = self._payment_behind.get(id(item))
        if known is None:  # the item is kept with the answer, so that its id is not given to another one
            known = self._payment_behind[id(item)] = (item, self._find_payment_behind(item))
        return known[1]

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
        """The invoice a processor's object is about: that of its payment, else the one its processor names."""
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
        """The payments that this method made, the oldest first. One without a date has no place among them."""
        if self._paid_by is None:
            self._paid_by = defaultdict(list)
            dated = [one for one in self.facts.payments if one.payment_method and paid_at(one)]
            for one in sorted(dated, key=lambda one: (moment(paid_at(one)), one.uuid)):
                if one.payment_method and one.type in TAKING and one.status == "success":
                    self._paid_by[one.payment_method.brand, one.payment_method.last_four].append(one)
        return self._paid_by.get((method.brand, method.last_four), [])

    def _references(self, item: ProcessorObject) -> tuple[str, ...]:
        """Its own, and those of the charges that share one with it: ``pi_…`` where it only says ``ch_…``."""
        charges = self._charges_behind(item)
        return tuple(sorted({ref for one in (item, *charges) for ref in (*one.references, one.id)}))

    def _charges_behind(self, item: ProcessorObject) -> list[ProcessorObject]:
        own = {*item.references, item.id}
        found = {charge.id: charge for ref in own for charge in self._charges.get((item.source, ref), ())}
        return [found[id_] for id_ in sorted(found)]

    def _invoice_numbered(self, item: ProcessorObject) -> Invoice | None:
        """By the number its processor has for it, or the charge it is about."""
        numbered = (one for one in (item, *self._charges_behind(item)) if one.invoice_number)
        found = (i for one in numbered for i in self.facts.invoices if names_invoice(one, i.number))
        return next(found, None)

    def was_past_due(self, invoice: Invoice) -> bool:
        """Whether it certainly was, even if it is paid now."""
        if invoice.state == "past_due" or invoice.dunning_events_sent > 0:
            return True
        return bool(self.events(PAST_DUE, invoice))


def paid_at(payment: Payment) -> datetime | None:
    """When the money was taken, as far as that is known."""
    return payment.collected_at or payment.created_at


def _closeness(payment: Payment, item: ProcessorObject) -> tuple[object, ...]:
    """How well a payment that shares a reference with a processor's object fits it."""
    return (
        item.kind is Kind.CHARGE and item.id in gateway_references(payment),
        payment.type in TAKING and payment.status not in FAILED,
        payment.type in TAKING,
        payment.type in MOVING,
        (payment.amount, payment.currency) == (item.amount, item.currency),
        _age(payment),
    )


def _could_be_about(item: ProcessorObject, payment: Payment) -> bool:
    """Whether nothing contradicts that it is about this payment, of whose invoice it only has the number."""
    same_currency = item.currency is None or item.currency == payment.currency
    enough = item.amount is None or not same_currency or item.amount <= payment.amount
    return match_keys.could_be(item.source, payment.gateway) and same_currency and enough


def with_currencies(facts: Facts) -> Facts:
    """The same facts; what a processor told an amount of, but no currency, has that of the payment behind it."""
    if all(item.currency or item.amount is None for item in facts.objects):
        return facts
    evidence = FactsIndex(facts)

    def completed(item: ProcessorObject) -> ProcessorObject:
        if item.currency or item.amount is None or (paid := evidence.payment_behind(item)) is None:
            return item
        return replace(item, amount=quantized(item.amount, paid.currency), currency=paid.currency)

    return replace(facts, objects=tuple(map(completed, facts.objects)))


def gateway_references(payment: Payment) -> tuple[str, ...]:
    """Everything its gateway calls a payment."""
    own = (payment.gateway_reference,) if payment.gateway_reference else ()
    return (*own, *payment.gateway_references)


def names_invoice(item: ProcessorObject, number: str) -> bool:
    """Whether the processor's invoice number means this one; it may be cut from the left."""
    named = item.invoice_number
    if not named:
        return False
    return number.endswith(named) if item.truncated else number == named


def final_declines(payments: Iterable[Payment]) -> list[Payment]:
    """Those a retry of the same method cannot mend."""
    explained = ((payment, declines.of(payment)) for payment in payments)
    return [payment for payment, decline in explained if decline and decline.category in declines.FINAL]


def earliest(*moments: datetime | None) -> datetime | None:
    return min((m for m in moments if m is not None), default=None)


def latest(*moments: datetime | None) -> datetime | None:
    return max((m for m in moments if m is not None), default=None)


def times(items: Sequence[TimelineEvent | Payment]) -> list[datetime | None]:
    """When these happened."""
    return [item.occurred_at if isinstance(item, TimelineEvent) else item.created_at for item in items]


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
    told = (item.at for item in facts.objects)
    return latest(account, *changed, *told, *(event.occurred_at for event in facts.events))


def live(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Subscriptions that run or will run, the newest first."""
    found = [s for s in subscriptions if s.state in LIVE]
    return sorted(found, key=lambda s: (moment(s.activated_at or s.created_at), s.uuid), reverse=True)


def _age(payment: Payment) -> tuple[float, str]:
    return moment(payment.created_at), payment.uuid


def _number(value: str | None) -> str | None:
    return f"number-{value}" if value else None
