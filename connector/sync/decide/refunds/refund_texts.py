"""Texts and lookups that all cases about refunds share."""

from __future__ import annotations

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.mappers.records import recurly_links
from connector.mappers.records import refund as refunds
from connector.models.facts import Payment
from connector.models.plan import Parent
from connector.policy import Policy, Told
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex
from connector.sync.decide.context.refund_matching import RefundFacts


def of(refund: RefundFacts, payment: Payment | None, index: FactsIndex) -> dict[str, Told]:
    """Texts for the templates. ``payment``: the refunded payment, if known."""
    item, paid = refund.processed, payment or refund.recorded
    invoice = index.invoice_behind(item) if item and paid is None else None
    return {
        "amount": processor_helpers.money_text(refund.money),
        "original": payment_text(payment) if payment else None,
        "invoice": paid.invoice_number if paid else invoice.number if invoice else None,
        "method": (phrases.method(paid.payment_method) if paid else None) or (item.method if item else None),
        "gateway": phrases.source_title(item.source) if item else None,
        "id": item.id if item else None,
        "joined": processor_helpers.joined(item, index.facts) if item else None,
        "look_for": processor_helpers.search_hints(item) if item else None,
    }


def payment_text(payment: Payment) -> str:
    """``USD 49.00 on 2026-11-01``."""
    day = phrases.day(payment.created_at) or "an unknown day"
    return f"{phrases.money(payment.amount, payment.currency)} on {day}"


def lookups(refund: RefundFacts, payment: Payment | None, index: FactsIndex) -> dict[str, Parent]:
    """Lookups of a case about this refund."""
    found = parents(payment or refund.recorded, index)
    if refund.processed:
        found[F.REFUND] = Parent("Billing_Refund__c", refunds.key(refund.processed))
    return found


def parents(payment: Payment | None, index: FactsIndex) -> dict[str, Parent]:
    """Lookups of the payment and its invoice."""
    if payment is None:
        return {}
    found = {F.PAYMENT: Parent("Billing_Payment__c", payments.key(index.facts, payment))}
    if invoice := index.invoice_of(payment):
        found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(index.facts, invoice))
    return found


def link(refund: RefundFacts, index: FactsIndex, policy: Policy) -> str | None:
    """Link to the refund at its processor, else in the billing system."""
    if refund.processed and refund.processed.link:
        return refund.processed.link
    return recurly_links.to(refund.recorded, index.facts, policy) if refund.recorded else None
