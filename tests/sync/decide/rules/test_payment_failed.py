"""An invoice could not be collected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.models.facts import CreditPayment, Facts
from connector.models.plan import Parent, Queue
from sync.decide.rules.asking import changes, policy, standing, the_case
from sync.world import (
    account,
    applied,
    at,
    card,
    credit,
    decline,
    event,
    facts,
    invoice,
    paid_invoice,
    payment,
)

RULE = "payment_failed"
CASE = "invoice:1001:past_due:1"
LATE = event("charge_invoice.past_due", at(10), "inv1", "number-1001")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(), None),
        (facts(invoice()), None),
        (facts(invoice(state="open")), None),
        (facts(invoice(), decline("insufficient_funds")), None),
        (facts(invoice(dunning_events_sent=1)), "opens"),
        (facts(invoice(dunning_events_sent=3), decline()), "opens"),
        (facts(invoice(dunning_events_sent=1, state="processing")), "opens"),
        (facts(invoice(collection_method="manual")), "opens"),
        (facts(invoice(collection_method="manual", state="open")), None),
        (facts(invoice(state="open"), decline("expired_card")), "opens"),
        (facts(invoice(state="open"), decline("fraud_stolen_card")), "opens"),
        (facts(invoice(state="pending"), decline("restricted_card", invoice_id=None)), "opens"),
        (facts(invoice(state="open"), decline("restricted_card", invoice_id="x", invoice_number="9")), None),
        (facts(invoice(state="open"), decline("three_d_secure_action_required")), None),
        (facts(paid_invoice()), None),
        (facts(paid_invoice(), decline("insufficient_funds"), payment()), None),
        (facts(paid_invoice(dunning_events_sent=1)), "Recovered"),
        (facts(paid_invoice(), decline("expired_card"), payment()), "Recovered"),
        (facts(paid_invoice(collection_method="manual"), LATE), "Recovered"),
        (facts(paid_invoice(collection_method="manual")), None),
        (facts(paid_invoice(dunning_events_sent=1, closed_at=at(1))), None),
        (facts(invoice(state="failed", dunning_events_sent=4, closed_at=at(20))), "Lost"),
        (facts(invoice(state="closed", dunning_events_sent=4, closed_at=at(20))), "Lost"),
        (facts(paid_invoice(state="closed", dunning_events_sent=4)), "Recovered"),
        (facts(invoice(state="voided", dunning_events_sent=2, closed_at=at(20))), "Voided"),
        (facts(paid_invoice(dunning_events_sent=4), applied(action="write_off")), "Lost"),
        (
            facts(paid_invoice(dunning_events_sent=4), credit(origin="write_off", state="closed"), applied()),
            "Lost",
        ),
        (
            facts(paid_invoice(dunning_events_sent=4), applied(voided_at=at(20), action="write_off")),
            "Recovered",
        ),
        (facts(invoice(type="credit", dunning_events_sent=2)), None),
        (facts(invoice(type="legacy", dunning_events_sent=2)), "opens"),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dunning_step": 3}, None),
        ({"dunning_step": 2}, "opens"),
        ({"minimum_amount": 50}, None),
        ({"minimum_amount": 49}, "opens"),
        ({"enabled": False}, None),
        ({"at_once_when_final": False}, "opens"),
    ],
)
def test_the_policy_decides_what_deserves_a_case(settings: dict[str, Any], told: str | None) -> None:
    assert standing(facts(invoice(dunning_events_sent=2)), RULE, policy(RULE, **settings)) == told


def test_a_final_decline_can_wait_for_dunning() -> None:
    known = facts(invoice(state="open"), decline("expired_card"))
    assert standing(known, RULE, policy(RULE, at_once_when_final=False)) is None


def test_the_smallest_amount_is_the_total_not_what_is_left() -> None:
    known = facts(invoice(dunning_events_sent=1, balance=Decimal("1.00")))
    assert standing(known, RULE, policy(RULE, minimum_amount=20)) == "opens"


def test_the_case_says_who_owes_what_and_why() -> None:
    second = decline("expired_card", id="p2", uuid="92", created_at=at(12))
    case = the_case(facts(invoice(dunning_events_sent=2, balance=Decimal("20.00")), second, decline()), RULE)
    assert case is not None
    assert case.key == f"recurly:acme:{CASE}"
    assert case.reason == "invoice 1001 is past due at dunning step 2, last declined as expired"
    told = {
        name: case.fields[f"Billing_{name}__c"]
        for name in ("Amount", "Amount_Text", "Attempts", "Dunning_Step")
    }
    assert told == {"Amount": Decimal("20.00"), "Amount_Text": "USD 20.00", "Attempts": 2, "Dunning_Step": 2}
    assert "expired" in str(case.fields["Billing_Reason__c"])
    assert case.fields["Billing_Decline_Category__c"] == "expired"
    assert case.fields["Billing_Opened_At__c"] == at(10)
    assert case.fields["Billing_Link__c"] == "https://acme.recurly.com/invoices/1001"
    assert case.parents["Billing_Invoice__c"] == Parent("Billing_Invoice__c", "recurly:acme:invoice:1001")
    assert case.on_create["OwnerId"] == Queue("Billing_Collections")
    assert "Visa ending 1111" in str(case.fields["Billing_Summary__c"])


@pytest.mark.parametrize(("total", "priority"), [("499.99", "Medium"), ("500.00", "High")])
def test_large_invoices_come_first(total: str, priority: str) -> None:
    case = the_case(facts(invoice(dunning_events_sent=1, total=Decimal(total))), RULE)
    assert case is not None
    assert case.on_create["Priority"] == priority


def test_a_recovered_case_shows_what_was_recovered() -> None:
    case = the_case(facts(paid_invoice(dunning_events_sent=1), payment()), RULE)
    assert case is not None
    assert case.fields["Billing_Amount__c"] == Decimal("49.00")
    assert case.fields["Billing_Resolved_At__c"] == at(20)


@pytest.mark.parametrize(
    ("parts", "how"),
    [
        ((decline(), payment()), "by an automatic retry"),
        ((decline(), payment(origin="force_collect")), "by a collection by hand"),
        ((decline(), payment(origin="external_recovery")), "by external recovery"),
        ((decline(), payment(payment_method=card(last_four="4444"))), "after the payment method was updated"),
        (
            (decline(), payment(), event("billing_info.updated", at(15), "code-bob")),
            "after the payment method",
        ),
        ((decline(), payment(), event("billing_info.updated", at(5), "code-bob")), "by an automatic retry"),
        ((applied(),), "by credit"),
        ((), "by a payment recorded by hand"),
    ],
)
def test_the_summary_says_how_it_was_recovered(parts: tuple[object, ...], how: str) -> None:
    case = the_case(facts(paid_invoice(dunning_events_sent=1), account(), *parts), RULE)
    assert case is not None
    assert how in str(case.fields["Billing_Summary__c"])


def test_each_invoice_has_its_own_case() -> None:
    known = facts(
        invoice(dunning_events_sent=1), invoice(id="i2", uuid="u2", number="1002", dunning_events_sent=1)
    )
    assert set(changes(known, "Case")) == {CASE, "invoice:1002:past_due:1"}


def test_credit_of_another_invoice_is_not_a_write_off() -> None:
    other: CreditPayment = applied(action="write_off", applied_invoice_number="7")
    assert standing(facts(paid_invoice(dunning_events_sent=1), other), RULE) == "Recovered"


@pytest.mark.parametrize("origin", ["force_collect", "api_force_collect", "recurly_admin", "merchant", "hpp"])
def test_what_a_person_collected_was_collected_by_hand(origin: str) -> None:
    known = facts(paid_invoice(dunning_events_sent=1), account(), decline(), payment(origin=origin))
    case = the_case(known, RULE)
    assert case is not None
    assert "by a collection by hand" in str(case.fields["Billing_Summary__c"])


@pytest.mark.parametrize(("day", "told"), [(10, True), (20, True), (9, False), (21, False)])
def test_a_method_was_updated_between_the_failure_and_the_payment(day: int, told: bool) -> None:
    parts = (decline(), payment(), event("billing_info.updated", at(day), "code-bob"))
    case = the_case(facts(paid_invoice(dunning_events_sent=1), account(), *parts), RULE)
    assert case is not None
    assert ("payment method was updated" in str(case.fields["Billing_Summary__c"])) is told


def test_the_last_of_several_failures_is_told() -> None:
    first = decline("insufficient_funds")
    last = decline("expired_card", id="p2", uuid="92", created_at=at(12))
    case = the_case(facts(invoice(dunning_events_sent=1), last, first), RULE)
    assert case is not None
    assert case.fields["Billing_Decline_Category__c"] == "expired"


def test_an_attempt_that_met_an_error_is_a_failure_too() -> None:
    case = the_case(facts(invoice(dunning_events_sent=1), decline(status="error")), RULE)
    assert case is not None
    assert case.fields["Billing_Attempts__c"] == 1


@pytest.mark.parametrize(
    ("balance", "outcome"), [("0.00", "Recovered"), ("-1.00", "Recovered"), ("0.01", "Lost")]
)
def test_a_closed_invoice_is_recovered_where_nothing_is_left(balance: str, outcome: str) -> None:
    closed = paid_invoice(state="closed", dunning_events_sent=1, balance=Decimal(balance))
    assert standing(facts(closed), RULE) == outcome


def test_a_case_of_a_paid_invoice_is_about_its_total() -> None:
    case = the_case(facts(paid_invoice(dunning_events_sent=1, balance=Decimal(0))), RULE)
    assert case is not None
    assert case.fields["Billing_Amount__c"] == Decimal("49.00")
