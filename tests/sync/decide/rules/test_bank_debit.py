"""A bank debit came back after it had succeeded, or the mandate for debits was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.models.facts import ExistingCase, Facts, Status
from connector.models.plan import Queue
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.decide.rules.asking import policy, standing, the_case
from sync.processing import by_bank, debit, in_every_order, mandate, paid, told_cases
from sync.world import (
    NOW,
    account,
    at,
    card,
    dispute,
    event,
    facts,
    invoice,
    paid_invoice,
    payment,
    subscription,
    unjoined,
)

RULE = "bank_debit"
RETURNED = "stripe:charge:ch_1:bank_debit:1"
LOST = "gocardless:mandate:MD1:mandate_lost:1"
TAKEN = paid(created_at=at(11), payment_method=by_bank())
PAID = paid_invoice(closed_at=at(11))
AGAIN = payment(id="pay2", uuid="9ay2", created_at=at(20), collected_at=at(20))
BANK = account(payment_method=by_bank())


def a_case(key: str) -> ExistingCase:
    return ExistingCase(id="500A", key=key, rule=RULE, state="open", closed=False, closed_at=None)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(TAKEN, PAID, debit(status=Status.SUCCEEDED)), None),
        (facts(TAKEN, PAID, debit(status=Status.PENDING)), None),
        (facts(TAKEN, PAID, debit(status=Status.FAILED)), None),
        (facts(TAKEN, PAID, debit()), "opens"),
        (facts(debit()), "opens"),
        (facts(TAKEN, PAID, debit(), a_case(RETURNED)), "stays"),
        (facts(TAKEN, PAID, debit(), AGAIN), "Recovered"),
        (facts(TAKEN, PAID, debit(), replace(AGAIN, status="declined")), "opens"),
        (facts(TAKEN, PAID, debit(), replace(AGAIN, invoice_id="x", invoice_number="x")), "opens"),
        (facts(TAKEN, PAID, debit(at=at(21)), AGAIN), "Recovered"),
        (facts(replace(TAKEN, status="declined"), paid_invoice(closed_at=at(20)), debit()), "Recovered"),
        (facts(replace(TAKEN, status="declined"), invoice(), debit()), "opens"),
        (facts(TAKEN, paid_invoice(closed_at=at(20)), debit()), "opens"),
        (facts(replace(TAKEN, status="void"), invoice(state="failed", closed_at=at(20)), debit()), "Lost"),
        (facts(replace(TAKEN, status="void"), invoice(state="voided", closed_at=at(20)), debit()), "Voided"),
        (facts(TAKEN, PAID, debit(status=Status.SUCCEEDED), a_case(RETURNED)), "Recovered"),
    ],
)
def test_when_a_returned_debit_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_a_returned_debit_says_what_came_back_why_and_of_which_invoice() -> None:
    case = the_case(facts(TAKEN, PAID, debit()), RULE)
    assert case is not None
    assert case.key == RETURNED
    assert case.on_create["OwnerId"] == Queue("Billing_Collections")
    assert case.on_create["Subject"] == "Bank debit returned: USD 49.00 (account bob)"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"
    assert case.fields["Billing_Reason_Code__c"] == "ACH R01"
    summary = str(case.fields["Billing_Summary__c"])
    assert "Bank debit returned: USD 49.00 on invoice 1001, ch_1 at Stripe." in summary
    assert "Paid with Bank account ending 6789." in summary
    assert f"Why: {case.fields['Billing_Reason__c']}" in summary
    assert f"What to do: {case.fields['Billing_Recommended_Action__c']}" in summary


@pytest.mark.parametrize(
    ("source", "network", "code"),
    [("stripe", "ach", "R10"), ("gocardless", "sepa_core", "AM04"), ("gocardless", "bacs", "ARUDD-0")],
)
def test_the_codes_of_each_scheme_are_told_in_plain_words(source: str, network: str, code: str) -> None:
    case = the_case(facts(debit(source=source, network=network, network_code=code)), RULE)
    assert case is not None
    assert code in str(case.fields["Billing_Reason_Code__c"])
    assert code not in str(case.fields["Billing_Reason__c"])


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"network": "ach"}, "Bank debit returned"),
        ({"network": None, "method": "SEPA direct debit"}, "Bank debit returned"),
        ({"network": None, "method": "Bank account ending 6789"}, "Bank debit returned"),
        ({"network": None, "method": None}, "Bank debit returned"),
        ({"network": "visa", "method": "Visa ending 1111"}, "Payment taken back"),
        ({"network": None, "method": "PayPal"}, "Payment taken back"),
    ],
)
def test_a_payment_by_card_or_wallet_that_was_taken_back_is_no_bank_debit(
    told: dict[str, str | None], problem: str
) -> None:
    case = the_case(facts(TAKEN, PAID, debit(network_code=None, **told)), RULE)
    assert case is not None
    assert case.on_create["Subject"] == f"{problem}: USD 49.00 (account bob)"
    text = f"{case.fields['Billing_Reason__c']} {case.fields['Billing_Recommended_Action__c']}"
    assert ("bank" in text) == (problem == "Bank debit returned")


@pytest.mark.parametrize(
    "scheme",
    [
        *(
            "ach",
            "us_bank_account",
            "sepa",
            "sepa_core",
            "sepa_cor1",
            "sepa_b2b",
            "sepa_debit",
            "bacs",
            "becs",
        ),
        *("becs_nz", "pad", "autogiro", "betalingsservice", "faster_payments", "pay_to", "ACH"),
    ],
)
def test_every_scheme_of_bank_debits_is_known(scheme: str) -> None:
    case = the_case(facts(TAKEN, PAID, debit(network_code=None, network=scheme, method="Wallet")), RULE)
    assert case is not None
    assert case.on_create["Subject"] == "Bank debit returned: USD 49.00 (account bob)"


def test_what_is_not_said_of_the_charge_is_read_from_the_payment_behind_it() -> None:
    by_paypal = replace(TAKEN, payment_method=card(brand="PayPal"))
    case = the_case(facts(by_paypal, PAID, debit(network=None, network_code=None)), RULE)
    assert case is not None
    assert case.on_create["Subject"] == "Payment taken back: USD 49.00 (account bob)"


@pytest.mark.parametrize(
    ("told", "method"),
    [
        ({"source": "paypal", "network": "paypal", "method": "PayPal", "reason": "CANCELLED"}, "PayPal"),
        ({"source": "braintree", "method": "Venmo", "reason": "revoked_by_customer"}, "Venmo"),
        ({"source": "stripe", "network": "amazon_pay", "reason": None}, "Amazon pay"),
    ],
)
def test_a_wallet_that_was_cut_off_is_no_mandate_of_a_bank(told: dict[str, str | None], method: str) -> None:
    case = the_case(facts(BANK, subscription(), mandate(**told)), RULE)
    assert case is not None
    assert case.on_create["Subject"] == f"Permission to charge by {method} lost (account bob)"
    assert f"No payment can be taken by {method} any more" in str(case.fields["Billing_Reason__c"])
    assert "bank" not in str(case.fields["Billing_Summary__c"])


def test_the_case_says_which_payment_made_it_good() -> None:
    case = the_case(facts(TAKEN, PAID, debit(), AGAIN, a_case(RETURNED)), RULE)
    assert case is not None
    assert case.fields["Billing_Resolved_At__c"] == at(20)
    assert "Recovered on 2026-11-20 by a payment on 2026-11-20." in str(case.fields["Billing_Summary__c"])


@pytest.mark.parametrize(
    ("status", "told"),
    [(Status.NEEDS_RESPONSE, "Disputed"), (Status.UNDER_REVIEW, "Disputed"), (Status.LOST, "stays")],
)
def test_while_it_is_disputed_the_dispute_has_it(status: Status, told: str) -> None:
    known = facts(TAKEN, PAID, debit(), dispute(status=status, network="ach"))
    assert standing(replace(known, cases=(a_case(RETURNED),)), RULE) == told
    assert (the_case(known, RULE) is None) == (told == "Disputed")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(BANK, subscription(), mandate(status=Status.ACTIVE)), None),
        (facts(BANK, subscription(), mandate(status=Status.PENDING)), None),
        (facts(BANK, subscription(), mandate()), "opens"),
        (facts(BANK, invoice(), mandate()), "opens"),
        (facts(BANK, mandate()), None),
        (facts(BANK, subscription(state="canceled"), mandate()), None),
        (facts(BANK, subscription(auto_renew=False), mandate()), None),
        (facts(account(payment_method=card()), subscription(), mandate()), None),
        (facts(account(payment_method=card(updated_at=at(15))), subscription(), mandate()), None),
        (facts(account(payment_method=card(updated_at=at(17))), subscription(), mandate()), "Replaced"),
        (facts(account(payment_method=by_bank(updated_at=at(17))), subscription(), mandate()), "Replaced"),
        (facts(account(payment_method=by_bank(updated_at=at(15))), subscription(), mandate()), "opens"),
        (
            facts(account(payment_method=by_bank(updated_at=at(17), valid=False)), subscription(), mandate()),
            "opens",
        ),
        (
            facts(BANK, subscription(), mandate(), event("billing_info.updated", at(17), "acc1")),
            "Replaced",
        ),
        (
            facts(BANK, subscription(), mandate(), event("billing_info.updated", at(15), "acc1")),
            "opens",
        ),
        (facts(BANK, subscription(), mandate(), mandate(id_="MD2", status=Status.ACTIVE)), "Replaced"),
        (facts(BANK, subscription(), mandate(), a_case(LOST)), "stays"),
        (facts(BANK, subscription(), mandate(status=Status.ACTIVE), a_case(LOST)), "Restored"),
        (facts(BANK, subscription(state="expired"), mandate(), a_case(LOST)), "No longer needed"),
    ],
)
def test_when_a_lost_mandate_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_a_lost_mandate_says_what_is_at_stake() -> None:
    later = subscription(id="sub2", uuid="5ub2", current_period_ends_at=at(30, month=12))
    case = the_case(facts(BANK, later, subscription(), mandate()), RULE)
    assert case is not None
    assert case.key == LOST
    assert case.on_create["Subject"] == "Mandate for bank debits lost (account bob)"
    assert case.parents["Billing_Subscription__c"].key == "recurly:acme:subscription:5ub1"
    assert case.fields["Billing_Deadline__c"] == at(15, month=12).date()
    assert str(case.fields["Billing_Reason__c"]).startswith("No debit can be taken")
    summary = str(case.fields["Billing_Summary__c"])
    assert "At stake: the renewal of Gold on 2026-12-15, USD 49.00 a month." in summary


def test_a_lost_mandate_escalates_as_the_renewal_nears_if_the_policy_says_so() -> None:
    near = policy(RULE, escalation=[{"days_left": 5, "priority": "High"}])
    known = facts(BANK, subscription(), mandate())
    plan = decide(known, near)
    assert plan.look_again_at == at(10, month=12)
    crm = MemoryCrm()
    crm.apply(plan, NOW)
    crm.apply(decide(replace(known, cases=crm.cases(), now=at(10, month=12)), near), at(10, month=12))
    assert crm.of("Case")[LOST]["Priority"] == "High"


@pytest.mark.parametrize("item", [debit(), mandate()], ids=["a debit", "a mandate"])
def test_what_is_joined_to_no_account_waits_and_then_asks_a_person(item: Any) -> None:
    known = unjoined(replace(item, known_since=NOW - timedelta(minutes=59)))
    plan = decide(known, Policy())
    assert not [change for change in plan.changes if change.object == "Case"]
    assert plan.look_again_at == NOW + timedelta(minutes=1)
    case = the_case(replace(known, now=NOW + timedelta(minutes=1)), RULE)
    assert case is not None
    assert case.on_create["OwnerId"] == Queue("Billing_Triage")
    assert "(account not known)" in str(case.on_create["Subject"])
    assert "Look in Recurly for: " in str(case.fields["Billing_Summary__c"])
    assert "AccountId" not in case.parents


@pytest.mark.parametrize(
    "item", [debit(status=Status.SUCCEEDED), debit(status=Status.FAILED), mandate(status=Status.ACTIVE)]
)
def test_nothing_is_waited_for_where_nothing_is_wrong(item: Any) -> None:
    plan = decide(unjoined(replace(item, known_since=NOW)), Policy())
    assert not plan.changes
    assert plan.look_again_at is None


def test_a_debit_that_comes_back_and_is_paid_again_ends_alike_in_every_order() -> None:
    news = [
        debit(status=Status.PENDING, at=at(11)),
        debit(status=Status.SUCCEEDED, at=at(14)),
        debit(),
        AGAIN,
    ]
    for crm in in_every_order(news, facts, TAKEN, PAID):
        assert told_cases(crm) == {RETURNED: ("resolved", "Recovered", "Closed")}


def test_a_mandate_that_is_lost_and_restored_has_no_open_case_in_any_order() -> None:
    news = [mandate(status=Status.ACTIVE, at=at(2)), mandate(), mandate(status=Status.ACTIVE, at=at(18))]
    for crm in in_every_order(news, facts, BANK, subscription()):
        assert set(told_cases(crm).values()) <= {("resolved", "Restored", "Closed")}
