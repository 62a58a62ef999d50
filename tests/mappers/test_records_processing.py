"""Refunds and payouts have their records, as their processors tell of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sync.decide.rules.asking import changes
from sync.processing import bounced, failed_payout, paid, payee, payout, processed
from sync.world import SUBJECT, at, facts, invoice, said, unjoined

from connector.mappers import fields
from connector.mappers.records import payout as payouts
from connector.mappers.records import refund as refunds
from connector.models.facts import ProcessorObject, Status
from connector.models.plan import Parent


def declared(shape: type) -> set[str]:
    return {value for name, value in vars(shape).items() if name.isupper() and name != "OBJECT"}


def test_a_refund_has_every_field_its_account_its_payment_and_its_invoice() -> None:
    (change,) = changes(facts(invoice(), paid(), processed()), "Billing_Refund__c").values()
    assert change.key == "stripe:refund:re_1"
    assert {*change.fields, *change.parents} == declared(fields.Refund)
    assert change.parents == {
        "Account__c": Parent("Account", SUBJECT),
        "Payment__c": Parent("Billing_Payment__c", "recurly:acme:payment:9ay1"),
        "Invoice__c": Parent("Billing_Invoice__c", "recurly:acme:invoice:1001"),
    }
    assert change.fields["Name"] == "Refund USD 49.00 re_1"
    assert change.fields["Status__c"] == "succeeded"
    assert change.fields["Amount__c"] == Decimal("49.00")
    assert change.fields["Gateway_Reference__c"] == "ch_1"
    assert change.fields["Joined_By__c"] == "gateway reference ch_1"
    assert change.reason == "refund re_1 of stripe is succeeded"


def test_a_refund_points_to_nothing_that_is_not_known() -> None:
    (change,) = changes(facts(processed()), "Billing_Refund__c").values()
    assert set(change.parents) == {"Account__c"}


def test_a_refund_that_is_joined_to_no_account_has_its_record_all_the_same() -> None:
    (change,) = changes(unjoined(processed()), "Billing_Refund__c").values()
    assert change.parents == {}
    assert change.fields["Joined_By__c"] is None


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (bounced(), True),
        (processed(status=Status.CANCELED), True),
        (processed(status=Status.REQUIRES_ACTION), True),
        (processed(reason="requested_by_customer"), False),
        (processed(status=Status.PENDING, reason="requested_by_customer"), False),
        (processed(status=None), False),
    ],
)
def test_only_a_refund_that_did_not_go_through_has_a_reason(item: ProcessorObject, told: bool) -> None:
    record = refunds.record(item, at(18))
    assert bool(record["Reason__c"]) is told


def test_a_refund_began_when_it_was_first_heard_of_if_nobody_says_when() -> None:
    known = facts(
        processed(opened_at=None),
        said("refund.updated", at(19), "re_1"),
        said("refund.created", at(18), "re_1"),
    )
    (change,) = changes(known, "Billing_Refund__c").values()
    assert change.fields["Opened_At__c"] == at(18)


def test_a_payout_has_every_field() -> None:
    (change,) = changes(payee(payout()), "Billing_Payout__c").values()
    assert change.key == "stripe:payout:po_1"
    assert set(change.fields) == declared(fields.Payout)
    assert change.parents == {}
    assert change.fields["Payee__c"] == "acct_1"
    assert change.fields["Arrives_On__c"] == at(12).date()
    assert change.fields["Reason__c"] is None


def test_a_payout_tells_when_it_began_when_it_arrives_and_as_of_when() -> None:
    record = payouts.record(payout(opened_at=at(10), settles_at=at(12), at=at(11)))
    assert (record["Opened_At__c"], record["Arrives_On__c"]) == (at(10), at(12).date())
    assert record["As_Of__c"] == at(11)


def test_a_refund_tells_when_it_began_and_as_of_when() -> None:
    record = refunds.record(processed(at=at(19)), at(18))
    assert (record["Opened_At__c"], record["As_Of__c"]) == (at(18), at(19))


def test_a_payout_that_failed_says_why() -> None:
    record = payouts.record(failed_payout())
    assert "closed" in str(record["Reason__c"])
    assert record["Status__c"] == "failed"


def test_a_payout_to_the_merchant_has_no_payee_and_an_amount_not_known_is_empty() -> None:
    record = payouts.record(payout(payee="", amount=None, currency=None))
    assert record["Payee__c"] is None
    assert record["Amount__c"] is None
    assert record["Currency_Code__c"] is None
    assert record["Name"] == "Payout po_1"


def test_yen_have_no_decimals() -> None:
    item = payout(amount=Decimal(5000), currency="JPY")
    assert str(payouts.record(item)["Amount__c"]) == "5000"
    assert payouts.record(item)["Name"] == "Payout JPY 5,000 po_1"
