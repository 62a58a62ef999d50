"""Subscriptions, invoices and payments have their records."""

from __future__ import annotations

from decimal import Decimal

from connector.mappers import fields
from connector.models.plan import Parent
from sync.decide.rules.asking import changes
from sync.world import SUBJECT, decline, facts, invoice, payment, refund, subscription

ACCOUNT = Parent("Account", SUBJECT)


def declared(shape: type) -> set[str]:
    return {value for name, value in vars(shape).items() if name.isupper() and name != "OBJECT"}


def test_a_subscription_has_every_field_and_its_account() -> None:
    (change,) = changes(facts(subscription()), "Billing_Subscription__c").values()
    assert change.key == "recurly:acme:subscription:5ub1"
    assert {*change.fields, *change.parents} == declared(fields.Subscription)
    assert change.parents == {"Account__c": ACCOUNT}
    assert change.fields["Link__c"] == "https://acme.recurly.com/subscriptions/5ub1"


def test_a_checkbox_that_is_not_known_is_left_alone() -> None:
    (change,) = changes(facts(subscription(auto_renew=None)), "Billing_Subscription__c").values()
    assert "Auto_Renew__c" not in change.fields


def test_an_invoice_has_every_field_and_its_account() -> None:
    (change,) = changes(facts(invoice()), "Billing_Invoice__c").values()
    assert change.key == "recurly:acme:invoice:1001"
    assert {*change.fields, *change.parents} == declared(fields.Invoice)
    assert change.fields["Balance__c"] == Decimal("49.00")


def test_a_payment_has_every_field_its_account_and_its_invoice() -> None:
    (change,) = changes(facts(invoice(), payment()), "Billing_Payment__c").values()
    assert change.key == "recurly:acme:payment:9ay1"
    assert {*change.fields, *change.parents} == declared(fields.Payment)
    assert change.parents == {
        "Account__c": ACCOUNT,
        "Invoice__c": Parent("Billing_Invoice__c", "recurly:acme:invoice:1001"),
    }
    assert change.fields["Decline_Reason__c"] is None
    assert change.fields["Payment_Method__c"] == "Visa ending 1111, expires 12/2029"


def test_a_payment_finds_its_invoice_by_number_too_and_points_to_none_it_does_not_know() -> None:
    by_number = payment(invoice_id=None)
    unknown = payment(id="p2", uuid="92", invoice_id="gone", invoice_number="7")
    found = changes(facts(invoice(), by_number, unknown), "Billing_Payment__c")
    assert "Invoice__c" in found["payment:9ay1"].parents
    assert "Invoice__c" not in found["payment:92"].parents


def test_a_declined_payment_says_why_in_plain_words() -> None:
    (change,) = changes(facts(decline("insufficient_funds")), "Billing_Payment__c").values()
    assert change.fields["Decline_Code__c"] == "insufficient_funds"
    assert change.fields["Decline_Category__c"] == "soft"
    assert "money" in str(change.fields["Decline_Reason__c"])
    assert change.fields["Recommended_Action__c"]


def test_a_refund_points_to_the_payment_it_gives_back() -> None:
    found = changes(facts(payment(), refund()), "Billing_Payment__c")
    assert found["payment:4ef1"].fields["Original_Payment_Key__c"] == "recurly:acme:payment:9ay1"
    alone = changes(facts(refund()), "Billing_Payment__c")
    assert alone["payment:4ef1"].fields["Original_Payment_Key__c"] is None
