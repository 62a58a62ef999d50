"""A payment was charged back: the disputes team has a case until a person closes it.

A dispute that a processor reports has the case instead: it has stage and deadline.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Money, Payment, ProcessorObject
from connector.models.plan import Change, Parent
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex, moment
from connector.sync.decide.lifecycle import Problem

NAME = "chargeback"
STEM = "chargeback"
_ACTION = (
    "Recurly tells of a chargeback only once it is decided. Check at the gateway whether it can still be answered, "
    "check that the payment was not refunded as well, and decide whether the account may go on."
)


def changes(facts: Facts, policy: Policy) -> list[Change]:
    index = FactsIndex(facts)
    problems = [_problem(root, found, index, policy) for root, found in sorted(_by_root(facts).items())]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.chargeback)


def _by_root(facts: Facts) -> dict[str, list[Payment]]:
    """Payment id → its chargebacks: Recurly can mark the payment, add another payment, or both."""
    found: dict[str, list[Payment]] = defaultdict(list)
    for payment in facts.payments:
        if payment.status == "chargeback" or payment.origin == "chargeback":
            found[payment.original_id or payment.id].append(payment)
    return found


def _problem(root: str, found: list[Payment], index: FactsIndex, policy: Policy) -> Problem:
    found = sorted(found, key=lambda p: (p.origin != "chargeback", moment(p.created_at), p.uuid))
    payment, original = found[0], index.payment(root)
    active = any(item.status != "void" for item in found)
    invoice = index.invoice_of(original or payment)
    dispute = _dispute([original, *found], index, policy)
    return Problem(
        object="payment",
        id=root,
        name=STEM,
        open=active,
        evident=True,
        lasting=True,
        suppressed="Continued" if dispute else None,
        why=_why(root, active, dispute),
        opened_at=payment.created_at,
        last_signal_at=payment.created_at,
        resolved_at=_taken_over_at(dispute, index) if dispute else payment.voided_at or payment.updated_at,
        outcome="Reversed",
        amount=Money(abs(payment.amount), payment.currency),
        fields={
            F.REASON: payment.message or "The cardholder's bank took the payment back.",
            F.ACTION: _ACTION,
            F.LINK: recurly_links.to(payment, index.facts, policy),
        },
        parents={F.INVOICE: Parent("Billing_Invoice__c", invoices.key(index.facts, invoice))}
        if invoice
        else {},
        stable={
            "account": index.facts.code,
            "amount": phrases.money(abs(payment.amount), payment.currency),
        },
        fresh={**_texts(payment, original, index), "dispute": _named(dispute)},
    )


def _why(root: str, active: bool, dispute: ProcessorObject | None) -> str:
    if not active:
        return f"the chargeback of payment {root} was voided"
    suffix = f"; the case is that of dispute {_named(dispute)}" if dispute else ""
    return f"payment {root} was charged back{suffix}"


def _dispute(paid: list[Payment | None], index: FactsIndex, policy: Policy) -> ProcessorObject | None:
    """The dispute that has the case, if the rule for disputes is enabled."""
    return processor_helpers.dispute_of(paid, index) if policy.rules.dispute.enabled else None


def _taken_over_at(dispute: ProcessorObject, index: FactsIndex) -> datetime:
    return processor_helpers.began_at(dispute, index.facts) or dispute.at


def _named(dispute: ProcessorObject | None) -> str | None:
    return f"{dispute.id} at {phrases.source_title(dispute.source)}" if dispute else None


def _texts(
    payment: Payment, original: Payment | None, index: FactsIndex
) -> dict[str, str | int | bool | None]:
    paid = original or payment
    disputed = original if original is not payment else None
    return {
        "invoice": paid.invoice_number,
        "original": _payment_text(disputed) if disputed else None,
        "method": phrases.method(paid.payment_method),
        "gateway": paid.gateway,
        "reference": paid.gateway_reference,
        "refunded": _is_refunded(paid, index),
        "action": _ACTION,
    }


def _payment_text(payment: Payment) -> str:
    return f"{phrases.money(payment.amount, payment.currency)} on {phrases.day(payment.created_at) or 'an unknown day'}"


def _is_refunded(payment: Payment, index: FactsIndex) -> bool:
    """Whether it was also refunded: the customer may have the money twice."""
    return any(
        item.type == "refund" and item.status == "success" and item.origin != "chargeback"
        for item in index.facts.payments
        if item.original_id == payment.id
    )
