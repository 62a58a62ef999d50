"""A refund failed, or is large enough to be looked at."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.facts import Facts
from sync.rules.asking import changes, policy, standing, the_case
from sync.world import at, facts, invoice, payment, refund, seen

RULE = "refund"
FAILED = refund(status="declined", code="transaction_already_refunded", created_at=at(18))
LARGE = refund(amount=Decimal("500.00"), created_at=at(18))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(payment()), None),
        (facts(payment(), refund()), None),
        (facts(FAILED), "opens"),
        (facts(refund(status="error", code=None)), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19))), "Refunded"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(17))), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19), original_id="other")), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19), status="declined")), "opens"),
        (facts(refund(status="processing")), None),
        (facts(LARGE), "opens"),
        (facts(refund(amount=Decimal("499.99"))), None),
        (facts(refund(amount=Decimal(900), status="void", voided_at=at(19))), "Voided"),
        (facts(refund(amount=Decimal(900), origin="chargeback")), None),
        (facts(refund(status="declined", created_at=at(1, month=2))), "opens"),
        (facts(refund(amount=Decimal(900), created_at=at(1, month=2))), None),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_two_failed_tries_for_one_payment_are_one_case() -> None:
    again = refund(id="r2", uuid="42", status="declined", code="gateway_error", created_at=at(19))
    case = the_case(facts(invoice(), payment(created_at=at(1)), FAILED, again), RULE)
    assert case is not None
    assert case.key == "recurly:acme:payment:pay1:refund_failed:1"
    assert case.fields["Billing_Attempts__c"] == 2
    assert case.fields["Billing_Decline_Category__c"] == "gateway"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"
    assert "USD 49.00 on 2026-11-01 with Visa ending 1111" in str(case.fields["Billing_Summary__c"])


def test_a_refund_under_review_stays_until_an_agent_closes_it() -> None:
    stem = "payment:4ef1:refund_review:1"
    assert standing(facts(LARGE, seen(stem, RULE)), RULE) == "stays"
    case = the_case(facts(LARGE, seen(stem, RULE, closed=True, closed_at=at(19))), RULE)
    assert case is not None
    assert case.transition is None


def test_the_policy_says_what_is_large() -> None:
    assert standing(facts(refund()), RULE, policy(RULE, review_amount=49)) == "opens"


def test_a_large_refund_that_failed_first_is_two_problems() -> None:
    failed = refund(status="declined", amount=Decimal(900), created_at=at(18))
    done = refund(id="r2", uuid="42", amount=Decimal(900), created_at=at(19))
    found = changes(facts(failed, done), "Case")
    assert set(found) == {"payment:pay1:refund_failed:1", "payment:42:refund_review:1"}
