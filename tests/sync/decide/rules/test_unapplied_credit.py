"""Credit lies unused while an invoice of the same currency is past due."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.models.facts import Facts
from connector.models.plan import Queue
from sync.decide.rules.asking import policy, standing, the_case
from sync.world import applied, at, credit, event, facts, invoice, paid_invoice, seen

RULE = "unapplied_credit"
CREDIT = credit()
USED = credit(state="closed", balance=Decimal(0), closed_at=at(20))
PAID = paid_invoice(dunning_events_sent=1)
LATE = event("charge_invoice.past_due", at(10), "inv1")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(CREDIT), None),
        (facts(invoice()), None),
        (facts(CREDIT, invoice()), "opens"),
        (facts(CREDIT, invoice(state="open")), None),
        (facts(credit(currency="EUR"), invoice()), None),
        (facts(credit(balance=Decimal(0)), invoice(created_at=at(13), due_at=at(13))), "Applied"),
        (facts(USED, PAID, LATE, applied()), "Applied"),
        (facts(CREDIT, PAID, LATE), "Invoice settled"),
        (facts(credit(state="voided", closed_at=at(19)), invoice()), "Voided"),
        (facts(credit(created_at=at(21)), PAID, LATE), None),
        (facts(credit(state="closed", balance=Decimal(0), closed_at=at(12)), PAID, LATE), None),
        (facts(USED, paid_invoice()), None),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_the_case_names_both_sides() -> None:
    case = the_case(facts(CREDIT, invoice()), RULE)
    assert case is not None
    assert case.key == "recurly:acme:invoice:1002:unapplied_credit:1"
    assert case.fields["Billing_Amount__c"] == Decimal("20.00")
    assert case.on_create["OwnerId"] == Queue("Billing_Triage")
    assert "USD 20.00 left while USD 49.00 is past due" in str(case.fields["Billing_Summary__c"])
    assert case.fields["Billing_Opened_At__c"] == at(12)


def test_it_stays_while_it_lasts() -> None:
    assert standing(facts(CREDIT, invoice(), seen("invoice:1002:unapplied_credit:1", RULE)), RULE) == "stays"


def test_small_credit_may_be_left_alone() -> None:
    assert standing(facts(CREDIT, invoice()), RULE, policy(RULE, minimum_amount=21)) is None
