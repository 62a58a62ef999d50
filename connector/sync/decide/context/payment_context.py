"""The payment of a processor object, with its invoice and refunds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.models.facts import Facts, Invoice, Payment, ProcessorObject
from connector.models.plan import Parent
from connector.sync.decide.context import processor_helpers, refund_matching
from connector.sync.decide.context.facts_index import FactsIndex
from connector.sync.decide.context.refund_matching import RefundFacts


@dataclass(frozen=True, slots=True)
class PaymentContext:
    """``refunds``: successful and pending ones, the oldest first."""

    payment: Payment | None
    invoice: Invoice | None
    refunds: tuple[RefundFacts, ...]

    def parents(self, facts: Facts) -> dict[str, Parent]:
        """Lookups of a case about it."""
        found: dict[str, Parent] = {}
        if self.payment:
            found[F.PAYMENT] = Parent("Billing_Payment__c", payments.key(facts, self.payment))
        if self.invoice:
            found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(facts, self.invoice))
        return found

    def describe(self) -> str | None:
        """``USD 49.00 on 2026-11-20 with Visa ending 1111, expires 12/2027, invoice 1001``."""
        paid = self.payment
        if paid is None:
            return f"invoice {self.invoice.number}" if self.invoice else None
        method = phrases.method(paid.payment_method)
        number = paid.invoice_number or (self.invoice.number if self.invoice else None)
        parts = (
            phrases.money(paid.amount, paid.currency),
            f" on {phrases.day(paid.collected_at or paid.created_at) or 'an unknown day'}",
            f" with {method}" if method else "",
            f", invoice {number}" if number else "",
        )
        return "".join(part for part in parts if part)

    def describe_refunds(self) -> str | None:
        """``USD 10.00 on 2026-11-21, USD 39.00 on 2026-11-22``."""
        return ", ".join(_refund_text(one) for one in self.refunds) or None

    def fully_refunded_at(self) -> list[datetime | None]:
        """Time at which the payment was refunded completely; empty if it was not."""
        total = Decimal(0)
        for one in self.refunds:
            money = one.money
            if self.payment and money and money.currency == self.payment.currency:
                total += money.amount
                if total >= self.payment.amount:
                    return [one.began_at]
        return []


def behind(item: ProcessorObject, index: FactsIndex) -> PaymentContext:
    """The payment behind a dispute or a warning, with its refunds."""
    payment = index.payment_behind(item)
    root = (payment.original_id or payment.id) if payment else None
    refunds = tuple(one for one in refund_matching.of(index) if one.root == root and one.stands)
    return PaymentContext(payment, index.invoice_behind(item), refunds)


def _refund_text(one: RefundFacts) -> str:
    amount = processor_helpers.money_text(one.money) or "an amount that is not known"
    return f"{amount} on {phrases.day(one.began_at) or 'an unknown day'}"
