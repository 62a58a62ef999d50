"""A warning of fraud: a case until the payment is refunded, disputed, or found to be good."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connector.models.facts import Facts, Kind, Stage, Status
from connector.models.plan import Change, Queue, Transition
from sync.decide.rules.asking import standing, the_case
from sync.world import (
    SUBJECT,
    at,
    charge,
    dispute,
    facts,
    payment,
    refund,
    seen,
    told_of,
    warning,
)

RULE = "fraud_warning"
CASE = "stripe:fraud_warning:issfr_1:fraud_warning:1"
PAID = payment(gateway_reference="ch_1")
SEEN = seen("", RULE, key=CASE, subject=SUBJECT)


def given_back(status: Status = Status.SUCCEEDED, amount: str = "49.00", **changed: object) -> object:
    """A refund its processor tells of."""
    return told_of(Kind.REFUND, "re_1", status=status, amount=Decimal(amount), **changed)


def case_of(known: Facts) -> Change:
    found = the_case(known, RULE)
    assert found is not None
    return found


def summary(*parts: object) -> str:
    return str(case_of(facts(*parts)).fields["Billing_Summary__c"])


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((PAID, warning()), "opens"),
        ((PAID, warning(status=None)), "opens"),
        ((warning(references=()),), "opens"),
        ((PAID, warning(status=Status.CLOSED)), "Reviewed"),
        ((PAID, warning(), refund()), "Refunded"),
        ((PAID, warning(), refund(status="declined")), "opens"),
        ((PAID, warning(), refund(amount=Decimal("20.00"))), "opens"),
        ((PAID, warning(), refund(amount=Decimal("20.00")), given_back(amount="29.00")), "Refunded"),
        ((PAID, warning(), given_back()), "Refunded"),
        ((PAID, warning(), given_back(Status.PENDING)), "Refunded"),
        ((PAID, warning(), given_back(Status.FAILED)), "opens"),
        ((PAID, warning(), given_back(amount="10.00")), "opens"),
        ((PAID, warning(), charge(refunded=True)), "Refunded"),
        ((PAID, warning(refunded=True)), "Refunded"),
        ((warning(), charge(refunded=True)), "Refunded"),
        ((PAID, warning(), dispute()), "Disputed"),
        ((warning(), dispute()), "Disputed"),
        ((PAID, warning(), dispute(references=("ch_9",))), "opens"),
        ((PAID, warning(), refund(status="chargeback", origin="chargeback")), "Disputed"),
        ((PAID, warning(), refund(status="void", origin="chargeback")), "opens"),
        ((payment(status="chargeback", gateway_reference="ch_1"), warning()), "Disputed"),
        ((PAID, warning(status=Status.CLOSED), refund()), "Refunded"),
        ((PAID, warning(), refund(created_at=at(21)), dispute(opened_at=at(22))), "Refunded"),
        ((PAID, warning(), refund(created_at=at(22)), dispute(opened_at=at(21))), "Disputed"),
    ],
)
def test_when_it_opens_and_how_it_ends(parts: tuple[object, ...], told: str) -> None:
    assert standing(facts(*parts), RULE) == told
    assert standing(facts(*parts, SEEN), RULE) == ("stays" if told == "opens" else told)


def test_the_fraud_team_gets_it_with_the_payment() -> None:
    case = case_of(facts(PAID, warning(amount=None)))
    assert case.key == CASE
    assert case.on_create["OwnerId"] == Queue("Billing_Fraud")
    assert case.on_create["Priority"] == "High"
    assert case.on_create["Subject"] == "Fraud warning: USD 49.00, unauthorized use of card (account bob)"
    assert case.fields["Billing_Amount__c"] == Decimal("49.00")
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"
    told = str(case.fields["Billing_Summary__c"])
    assert "The issuer reports that the card was used without its holder's consent." in told
    assert "Payment: USD 49.00 on 2026-11-20 with Visa ending 1111" in told


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((PAID, warning()), "A refund still helps: no dispute is open"),
        ((PAID, warning(), refund(amount=Decimal("10.00"))), "A refund still helps, but only of all of it"),
        ((PAID, warning(refundable=False)), "does not allow a refund"),
        ((PAID, warning(), charge(refundable=False)), "does not allow a refund"),
        ((warning(references=()),), "is seen at the gateway"),
        ((PAID, warning(), refund()), "given back in full: nothing is left to dispute"),
        ((PAID, warning(), dispute()), "A refund does not help any more"),
        ((PAID, warning(), refund(), dispute()), "A refund does not help any more"),
        ((PAID, warning(), dispute(stage=Stage.INQUIRY)), "before it becomes a chargeback"),
    ],
)
def test_it_says_whether_a_refund_still_helps(parts: tuple[object, ...], told: str) -> None:
    assert told in summary(*parts)


def test_a_warning_found_to_be_good_says_nothing_of_refunds() -> None:
    assert "refund" not in summary(PAID, warning(status=Status.CLOSED))


def test_it_is_over_when_the_money_went_back() -> None:
    case = case_of(facts(PAID, warning(), refund(created_at=at(22)), SEEN))
    assert case.transition is Transition.RESOLVE
    assert case.fields["Billing_Resolved_At__c"] == at(22)


def test_it_comes_back_when_the_refund_fails_at_the_bank() -> None:
    resolved = replace(SEEN, state="resolved", closed=True, closed_at=at(21))
    case = case_of(facts(PAID, warning(), given_back(Status.FAILED), resolved))
    assert case.transition is Transition.REOPEN


def test_a_case_an_agent_closed_stays_closed() -> None:
    closed = replace(SEEN, closed=True, closed_at=at(22))
    assert case_of(facts(PAID, warning(), closed)).transition is None
