"""An invoice could not be collected: the case shows amount, reason of the decline, and advice."""

from __future__ import annotations

from datetime import datetime

from connector.mappers import declines, phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Invoice, Money, Payment
from connector.models.plan import Change, Parent, Value
from connector.policy import PaymentFailed, Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context.facts_index import (
    CHARGES,
    METHOD_UPDATED,
    PAST_DUE,
    UNPAID,
    FactsIndex,
    earliest,
    final_declines,
    latest,
    times,
)
from connector.sync.decide.context.incident_suppression import SUPPRESSED, case_of_incident, suppression_of
from connector.sync.decide.lifecycle import Problem

NAME = "payment_failed"
STEM = "past_due"
_BY_HAND = frozenset({"force_collect", "api_force_collect", "recurly_admin", "merchant", "hpp"})
_OUTCOMES = {"paid": "Recovered", "failed": "Lost", "voided": "Voided"}


def changes(facts: Facts, policy: Policy) -> list[Change]:
    index, settings = FactsIndex(facts), policy.rules.payment_failed
    problems = [_problem(item, index, settings, policy) for item in _charges(facts)]
    return lifecycle.changes(NAME, problems, facts, policy, settings)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """When the suppression by an incident ends."""
    index = FactsIndex(facts)
    unpaid = (item for item in _charges(facts) if item.state in UNPAID)
    suppressions = (suppression_of(index.declined(item), facts, policy) for item in unpaid)
    return earliest(*(one.until for one in suppressions if one and one.lasts_at(facts.now)))


def _charges(facts: Facts) -> list[Invoice]:
    return [item for item in facts.invoices if item.type in CHARGES]


def _problem(invoice: Invoice, index: FactsIndex, settings: PaymentFailed, policy: Policy) -> Problem:
    declined = index.declined(invoice)
    last = declined[-1] if declined else None
    unpaid = invoice.state in UNPAID
    suppression = suppression_of(declined, index.facts, policy)
    return Problem(
        object="invoice",
        id=invoice.number,
        name=STEM,
        open=unpaid,
        evident=_is_evident(invoice, declined, index, settings) and not (suppression and not unpaid),
        suppressed=SUPPRESSED if suppression and unpaid and suppression.lasts_at(index.facts.now) else None,
        why=_why(invoice, last),
        opened_at=_since(invoice, declined, index),
        last_signal_at=latest(*times(declined), *times(index.events(PAST_DUE, invoice))),
        resolved_at=invoice.closed_at or _paid_at(invoice, index) or invoice.updated_at,
        outcome=_outcome(invoice, index),
        priority=settings.priority_of(invoice.total),
        amount=Money(invoice.balance if unpaid else invoice.total, invoice.currency),
        fields={
            **_fields(invoice, declined, last),
            F.LINK: recurly_links.to(invoice, index.facts, policy),
        },
        parents={
            F.INVOICE: Parent("Billing_Invoice__c", invoices.key(index.facts, invoice)),
            **_incident(case_of_incident(declined, index.facts, policy)),
        },
        stable={
            "account": index.facts.code,
            "invoice": invoice.number,
            "amount": phrases.money(invoice.total, invoice.currency),
        },
        fresh=_texts(invoice, declined, last, index),
    )


def _incident(case_key: str | None) -> dict[str, Parent]:
    """The case of the incident as the parent."""
    return {F.PARENT: Parent(F.OBJECT, case_key)} if case_key else {}


def _is_evident(
    invoice: Invoice, declined: list[Payment], index: FactsIndex, settings: PaymentFailed
) -> bool:
    if invoice.total < settings.minimum_amount:
        return False
    if invoice.dunning_events_sent >= settings.dunning_step:
        return True
    if invoice.collection_method == "manual" and index.was_past_due(invoice):
        return True
    return settings.at_once_when_final and bool(final_declines(declined))


def _why(invoice: Invoice, last: Payment | None) -> str:
    reached = f" at dunning step {invoice.dunning_events_sent}" if invoice.dunning_events_sent else ""
    decline = declines.of(last) if last else None
    declined_as = f", last declined as {decline.category}" if decline else ""
    return f"invoice {invoice.number} is {phrases.plain(invoice.state)}{reached}{declined_as}"


def _since(invoice: Invoice, declined: list[Payment], index: FactsIndex) -> datetime | None:
    first_failure = earliest(*times(declined), *times(index.events(PAST_DUE, invoice)))
    return first_failure or invoice.due_at or invoice.created_at


def _paid_at(invoice: Invoice, index: FactsIndex) -> datetime | None:
    return latest(*(payment.collected_at or payment.created_at for payment in index.collected(invoice)))


def _outcome(invoice: Invoice, index: FactsIndex) -> str:
    if index.is_written_off(invoice):
        return "Lost"
    settled = "Recovered" if invoice.balance <= 0 else "Lost"
    return _OUTCOMES.get(invoice.state, settled)


def _fields(invoice: Invoice, declined: list[Payment], last: Payment | None) -> dict[str, Value]:
    decline = declines.of(last) if last else None
    return {
        F.REASON: decline.reason if decline else None,
        F.ACTION: decline.action if decline else None,
        F.DECLINE_CATEGORY: decline.category if decline else None,
        F.ATTEMPTS: len(declined),
        F.DUNNING_STEP: invoice.dunning_events_sent,
    }


def _texts(
    invoice: Invoice, declined: list[Payment], last: Payment | None, index: FactsIndex
) -> dict[str, str | int | bool | None]:
    decline = declines.of(last) if last else None
    return {
        "balance": phrases.money(invoice.balance, invoice.currency),
        "attempts": len(declined),
        "reason": decline.reason if decline else None,
        "action": decline.action if decline else None,
        "category": decline.category if decline else None,
        "dunning_step": invoice.dunning_events_sent,
        "final_step": invoice.final_dunning_event,
        "due_on": phrases.day(invoice.due_at),
        "last_attempt_on": phrases.day(last.created_at) if last else None,
        "method": phrases.method(last.payment_method) if last else None,
        "how": _how(invoice, last, index),
    }


def _how(invoice: Invoice, failed: Payment | None, index: FactsIndex) -> str | None:
    """How the invoice was collected; None if it was not."""
    if invoice.state in UNPAID or _outcome(invoice, index) != "Recovered":
        return None
    collected = index.collected(invoice)
    if not collected:
        return "credit" if index.credited(invoice) else "a payment recorded by hand"
    paid = collected[-1]
    if paid.origin == "external_recovery":
        return "external recovery"
    if failed and _was_updated_between(failed, paid, index):
        return "a retry after the payment method was updated"
    return "a collection by hand" if paid.origin in _BY_HAND else "an automatic retry"


def _was_updated_between(failed: Payment, paid: Payment, index: FactsIndex) -> bool:
    if failed.payment_method and paid.payment_method and _card(failed) != _card(paid):
        return True
    account = index.facts.account
    if account is None or failed.created_at is None or paid.created_at is None:
        return False
    updates = index.events(METHOD_UPDATED, account)
    return any(failed.created_at <= event.occurred_at <= paid.created_at for event in updates)


def _card(payment: Payment) -> tuple[object, ...]:
    method = payment.payment_method
    return (method.brand, method.last_four, method.exp_month, method.exp_year) if method else ()
