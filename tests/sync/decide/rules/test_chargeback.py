"""A payment was charged back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.models.facts import Facts, Kind
from connector.models.plan import Queue, Transition
from connector.policy import Policy
from sync.decide.rules.asking import POLICY, changes, policy, standing, the_case
from sync.world import SUBJECT, at, dispute, facts, invoice, payment, refund, seen, subscription

RULE = "chargeback"
TAKEN = refund(status="chargeback", origin="chargeback", created_at=at(18))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(payment()), None),
        (facts(payment(), refund()), None),
        (facts(payment(), TAKEN), "opens"),
        (facts(payment(status="chargeback")), "opens"),
        (facts(payment(status="chargeback"), TAKEN), "opens"),
        (facts(refund(status="success", origin="chargeback")), "opens"),
        (facts(refund(status="void", origin="chargeback", voided_at=at(20))), "Reversed"),
        (facts(refund(status="chargeback", origin="chargeback", created_at=at(1, month=2))), None),
        (facts(TAKEN, seen("payment:pay1:chargeback:1", RULE)), "stays"),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_the_disputes_team_gets_it_first() -> None:
    case = the_case(facts(invoice(), payment(gateway="Stripe", gateway_reference="ch_1"), TAKEN), RULE)
    assert case is not None
    assert case.key == "recurly:acme:payment:pay1:chargeback:1"
    assert case.on_create["OwnerId"] == Queue("Billing_Disputes")
    assert case.on_create["Priority"] == "High"
    assert case.on_create["Subject"] == "Chargeback: USD 49.00 (account bob)"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"
    assert "At Stripe: ch_1." in str(case.fields["Billing_Summary__c"])


def test_it_warns_when_the_customer_may_have_been_paid_back_twice() -> None:
    case = the_case(facts(payment(), refund(id="r0", uuid="40"), TAKEN), RULE)
    assert case is not None
    assert "paid back twice" in str(case.fields["Billing_Summary__c"])


def test_once_an_agent_closed_it_it_stays_closed_and_is_not_in_dispute_any_more() -> None:
    closed = seen("payment:pay1:chargeback:1", RULE, closed=True, closed_at=at(19))
    for known, disputed in (
        (facts(subscription(), TAKEN), "49.00"),
        (facts(subscription(), TAKEN, closed), "0.00"),
    ):
        account = changes(known, "Account")[SUBJECT.removeprefix("recurly:acme:")]
        assert account.fields["Billing_Open_Dispute_Amount__c"] == Decimal(disputed)
    case = the_case(facts(TAKEN, closed), RULE)
    assert case is not None
    assert case.transition is None


# Where a processor tells of the dispute behind it --------------------------------------------------------------

PAID = payment(gateway_reference="ch_1")
CHARGEBACK = seen("payment:pay1:chargeback:1", RULE)


def test_a_chargeback_that_recurly_recorded_too_makes_no_second_case() -> None:
    known = facts(PAID, TAKEN, invoice(), dispute())
    assert list(changes(known, "Case")) == ["stripe:dispute:dp_1:dispute:1"]


def test_a_chargeback_case_goes_on_in_the_one_of_the_dispute() -> None:
    case = the_case(facts(PAID, TAKEN, dispute(), CHARGEBACK), RULE)
    assert case is not None
    assert case.transition is Transition.RESOLVE
    assert case.fields["Billing_Outcome__c"] == "Continued"
    assert "Its work goes on in the case of dispute dp_1 at Stripe." in str(case.fields["Billing_Summary__c"])


@pytest.mark.parametrize(
    ("item", "rules"),
    [
        (dispute(references=("ch_9",)), POLICY),
        (replace(dispute(status=None), kind=Kind.CHARGE), POLICY),
        (dispute(), policy("dispute", enabled=False)),
    ],
    ids=["another payment", "no dispute", "disputes make no cases"],
)
def test_otherwise_the_chargeback_has_its_own_case(item: Any, rules: Policy) -> None:
    assert standing(facts(PAID, TAKEN, item), RULE, rules) == "opens"


def test_a_chargeback_of_which_one_record_was_voided_still_stands() -> None:
    voided = replace(TAKEN, id="cb2", uuid="cb2", status="void", voided_at=at(19))
    assert standing(facts(payment(), TAKEN, voided), RULE) == "opens"
    assert standing(facts(payment(status="chargeback"), voided), RULE) == "opens"


def test_the_amount_of_a_chargeback_has_no_sign() -> None:
    case = the_case(facts(payment(), replace(TAKEN, amount=Decimal("-49.00"))), RULE)
    assert case is not None
    assert case.fields["Billing_Amount__c"] == Decimal("49.00")


@pytest.mark.parametrize(
    ("other", "twice"),
    [
        (refund(id="r0", uuid="40"), True),
        (refund(id="r0", uuid="40", status="declined"), False),
        (refund(id="r0", uuid="40", status="success", origin="chargeback"), False),
        (refund(id="r0", uuid="40", original_id="pay9"), False),
    ],
)
def test_only_money_that_was_given_back_besides_is_warned_of(other: Any, twice: bool) -> None:
    found = changes(facts(payment(), other, TAKEN), "Case", RULE)
    case = found["payment:pay1:chargeback:1"]
    assert ("paid back twice" in str(case.fields["Billing_Summary__c"])) is twice
