"""Credit is unused while an invoice in the same currency is past due."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Invoice, Money
from connector.models.plan import Change, Parent
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context.facts_index import (
    CHARGES,
    PAST_DUE,
    UNPAID,
    FactsIndex,
    earliest,
    latest,
    times,
)
from connector.sync.decide.lifecycle import Problem

NAME = "unapplied_credit"
STEM = "unapplied_credit"
_ACTION = "Apply the credit to the past due invoice in Recurly, or tell the customer why it is kept."


def changes(facts: Facts, policy: Policy) -> list[Change]:
    index = FactsIndex(facts)
    late = [item for item in facts.invoices if item.type in CHARGES and index.was_past_due(item)]
    credits_ = [item for item in facts.invoices if item.type == "credit"]
    problems = [_problem(item, _meeting(item, late, index), index, policy) for item in credits_]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.unapplied_credit)


def _meeting(credit: Invoice, late: list[Invoice], index: FactsIndex) -> list[Invoice]:
    """Invoices that were past due while this credit existed."""
    ours = [item for item in late if item.currency == credit.currency]
    return [item for item in ours if _overlap(credit, item, index)]


def _overlap(credit: Invoice, late: Invoice, index: FactsIndex) -> bool:
    start = latest(credit.created_at, _late_since(late, index))
    end = earliest(_left_at(credit), _left_at(late))
    return end is None or (start is not None and start < end)


def _late_since(invoice: Invoice, index: FactsIndex) -> datetime | None:
    first_failure = earliest(*times(index.events(PAST_DUE, invoice)), *times(index.declined(invoice)))
    return first_failure or invoice.due_at or invoice.created_at


def _left_at(invoice: Invoice) -> datetime | None:
    return None if invoice.state in UNPAID else invoice.closed_at or invoice.updated_at


def _problem(credit: Invoice, met: list[Invoice], index: FactsIndex, policy: Policy) -> Problem:
    now_late = sorted((i for i in met if i.state in UNPAID), key=lambda i: i.number)
    left = abs(credit.balance)
    lasts = credit.state in UNPAID and left > 0 and bool(now_late)
    past_due = sum((item.balance for item in now_late), Decimal(0))
    return Problem(
        object="invoice",
        id=credit.number,
        name=STEM,
        open=lasts,
        evident=bool(met) and abs(credit.total) >= policy.rules.unapplied_credit.minimum_amount,
        why=f"credit invoice {credit.number} "
        + ("is unused while an invoice is past due" if lasts else "waits for none"),
        opened_at=_since(credit, met, index),
        last_signal_at=latest(*(_late_since(item, index) for item in met)),
        resolved_at=latest(*(earliest(_left_at(credit), _left_at(item)) for item in met)),
        outcome=_outcome(credit),
        amount=Money(left if lasts else abs(credit.total), credit.currency),
        fields={
            F.REASON: "There is credit and debt at the same time.",
            F.ACTION: _ACTION,
            F.LINK: recurly_links.to(credit, index.facts, policy),
        },
        parents={F.INVOICE: Parent("Billing_Invoice__c", invoices.key(index.facts, credit))},
        stable={
            "account": index.facts.code,
            "credit_invoice": credit.number,
            "credit_amount": phrases.money(abs(credit.total), credit.currency),
        },
        fresh={
            "balance": phrases.money(left, credit.currency),
            "invoices": ", ".join(item.number for item in now_late) or None,
            "past_due": phrases.money(past_due, credit.currency),
            "action": _ACTION,
        },
    )


def _since(credit: Invoice, met: list[Invoice], index: FactsIndex) -> datetime | None:
    return earliest(*(latest(credit.created_at, _late_since(item, index)) for item in met))


def _outcome(credit: Invoice) -> str:
    if credit.state == "voided":
        return "Voided"
    return "Applied" if credit.balance == 0 else "Invoice settled"
