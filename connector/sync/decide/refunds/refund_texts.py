"""What every case about a refund says of it, whoever told of it."""

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


def of(refund: RefundFacts, payment: Payment | None, evidence: FactsIndex) -> dict[str, Told]:
    """``payment``: the one that is given back, where it is known."""
    item, paid = refund.processed, payment or refund.recorded
    invoice = evidence.invoice_behind(item) if item and paid is None else None
    return {
        "amount": processor_helpers.told_money(refund.money),
        "original": told(payment) if payment else None,
        "invoice": paid.invoice_number if paid else invoice.number if invoice else None,
        "method": (phrases.method(paid.payment_method) if paid else None) or (item.method if item else None),
        "gateway": phrases.source_title(item.source) if item else None,
        "id": item.id if item else None,
        "joined": processor_helpers.joined(item, evidence.facts) if item else None,
        "look_for": processor_helpers.look_for(item) if item else None,
    }


def told(payment: Payment) -> str:
    """``USD 49.00 on 2026-11-01``."""
    day = phrases.day(payment.created_at) or "an unknown day"
    return f"{phrases.money(payment.amount, payment.currency)} on {day}"


def lookups(refund: RefundFacts, payment: Payment | None, evidence: FactsIndex) -> dict[str, Parent]:
    """Those of a case about this refund."""
    found = parents(payment or refund.recorded, evidence)
    if refund.processed:
        found[F.REFUND] = Parent("Billing_Refund__c", refunds.key(refund.processed))
    return found


def parents(payment: Payment | None, evidence: FactsIndex) -> dict[str, Parent]:
    """The payment and its invoice."""
    if payment is None:
        return {}
    found = {F.PAYMENT: Parent("Billing_Payment__c", payments.key(evidence.facts, payment))}
    if invoice := evidence.invoice_of(payment):
        found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(evidence.facts, invoice))
    return found


def link(refund: RefundFacts, evidence: FactsIndex, policy: Policy) -> str | None:
    """Where a person sees it: at its processor, else in the billing system."""
    if refund.processed and refund.processed.link:
        return refund.processed.link
    return recurly_links.to(refund.recorded, evidence.facts, policy) if refund.recorded else None
