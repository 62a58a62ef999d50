"""A payout failed at the bank, also one that was paid and bounced."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.models.facts import ExistingCase, Facts, Status
from connector.models.plan import Parent, Queue, Transition
from sync.decide.rules.asking import policy, standing, the_case
from sync.processing import failed_payout, in_every_order, payee, payout, told_cases
from sync.world import at, facts

RULE = "payout"
KEY = "stripe:payout:po_1:payout_failed:1"


def open_case(**changed: Any) -> ExistingCase:
    usual: dict[str, Any] = {"state": "open", "closed": False, "closed_at": None}
    return ExistingCase(**{"id": "500A", "key": KEY, "rule": RULE} | usual | changed)


def again(**changed: Any) -> Any:
    """A payout begun after the failed one, and paid."""
    return payout(**{"id_": "po_2", "opened_at": at(15), "at": at(17)} | changed)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (payee(payout()), None),
        (payee(payout(status=Status.PENDING)), None),
        (payee(payout(status=Status.CANCELED)), None),
        (payee(failed_payout()), "opens"),
        (payee(failed_payout(amount=None, currency=None)), "opens"),
        (payee(failed_payout(), open_case()), "stays"),
        (payee(payout(), open_case()), "Paid"),
        (payee(payout(status=Status.CANCELED), open_case()), "Canceled"),
        (payee(payout(status=Status.PENDING), open_case()), "Tried again"),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


@pytest.mark.parametrize(
    ("later", "told"),
    [
        (again(), "Paid"),
        (again(amount=Decimal("900.00")), "Paid"),
        (again(amount=Decimal("249.99")), "opens"),
        (again(amount=None), "opens"),
        (again(currency="EUR"), "opens"),
        (again(status=Status.PENDING), "opens"),
        (again(status=Status.CANCELED), "opens"),
        (again(opened_at=at(13)), "opens"),
        (again(source="adyen"), "opens"),
    ],
    ids=[
        "the same",
        "more",
        "less",
        "unknown",
        "currency",
        "pending",
        "canceled",
        "begun before",
        "elsewhere",
    ],
)
def test_a_later_payout_makes_it_good_if_it_brought_enough(later: Any, told: str) -> None:
    assert standing(payee(failed_payout(), later), RULE) == told


def test_the_case_says_who_waits_for_how_much_and_why() -> None:
    case = the_case(payee(failed_payout(link="https://dashboard.stripe.com/payouts/po_1")), RULE)
    assert case is not None
    assert case.key == KEY
    assert case.on_create["OwnerId"] == Queue("Billing_Payouts")
    assert case.on_create["Priority"] == "High"
    assert case.on_create["Subject"] == "Payout failed: USD 250.00 to acct_1"
    assert case.parents == {"Billing_Payout__c": Parent("Billing_Payout__c", "stripe:payout:po_1")}
    assert "closed" in str(case.fields["Billing_Reason__c"])
    assert case.fields["Billing_Recommended_Action__c"]
    assert "Payout of USD 250.00 to acct_1" in str(case.fields["Billing_Summary__c"])
    assert case.fields["Billing_Link__c"] == "https://dashboard.stripe.com/payouts/po_1"


def test_a_payout_to_oneself_says_so_and_an_amount_not_known_is_left_out() -> None:
    case = the_case(payee(failed_payout(payee="", amount=None)), RULE)
    assert case is not None
    assert case.on_create["Subject"] == "Payout failed to your own account"
    assert case.fields["Billing_Amount__c"] is None


def test_the_case_says_which_payout_made_it_good() -> None:
    case = the_case(payee(failed_payout(), again(), open_case()), RULE)
    assert case is not None
    assert case.transition is Transition.RESOLVE
    assert case.fields["Billing_Resolved_At__c"] == at(17)
    assert "Paid on 2026-11-17 by the payout po_2." in str(case.fields["Billing_Summary__c"])


def test_one_payout_does_not_make_two_failures_good_that_were_more() -> None:
    second = failed_payout(id_="po_9", at=at(14, 13))
    for crm in in_every_order([failed_payout(), second, again(amount=Decimal("300.00"))], payee):
        assert told_cases(crm) == {
            KEY: ("resolved", "Paid", "Closed"),
            "stripe:payout:po_9:payout_failed:1": ("open", None, "New"),
        }
    for crm in in_every_order([failed_payout(), second, again(amount=Decimal("500.00"))], payee):
        assert {told[1] for told in told_cases(crm).values()} == {"Paid"}


def test_a_bounce_of_unknown_amount_is_made_good_by_the_next_payout_that_arrives() -> None:
    assert standing(payee(failed_payout(amount=None), again(amount=None)), RULE) == "Paid"


def test_the_priority_follows_the_amount_where_the_policy_says_so() -> None:
    tiers = policy(RULE, priority="Medium", tiers=[{"amount": 200, "priority": "High"}])
    for amount, told in (("250.00", "High"), ("199.99", "Medium")):
        case = the_case(payee(failed_payout(amount=Decimal(amount))), RULE, tiers)
        assert case is not None
        assert case.on_create["Priority"] == told


def test_an_account_has_no_payouts() -> None:
    assert the_case(facts(failed_payout()), RULE) is None


def test_paid_and_then_failed_is_failed_in_every_order() -> None:
    news = [payout(status=Status.PENDING, at=at(10)), payout(at=at(12)), failed_payout(at=at(14))]
    for crm in in_every_order(news, payee):
        assert told_cases(crm) == {KEY: ("open", None, "New")}


def test_a_payout_that_bounces_and_is_paid_again_ends_paid_in_every_order() -> None:
    news = [payout(at=at(12)), failed_payout(at=at(14)), again(status=Status.PENDING, at=at(15)), again()]
    for crm in in_every_order(news, payee):
        assert told_cases(crm) == {KEY: ("resolved", "Paid", "Closed")}
        assert crm.of("Case")[KEY]["Billing_Resolved_At__c"] == at(17)
