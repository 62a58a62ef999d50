"""What a subscription is worth a month, a dispute's record, and small phrases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sync.world import account, at, facts, invoice, payment, subscription

from connector.mappers import declines, fields, phrases, reasons
from connector.mappers.records import contact as contacts
from connector.mappers.records import dispute as disputes
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.mappers.records import recurly_links
from connector.mappers.records import subscription as subscriptions
from connector.mappers.records.subscription import monthly, mrr
from connector.models.facts import (
    Account,
    Invoice,
    Kind,
    Payment,
    PaymentMethod,
    ProcessorObject,
    Stage,
    Status,
    Subscription,
)
from connector.models.processor_objects import STATUSES
from connector.policy import Policy


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def sold(start: str, end: str, subtotal: str = "120.00", **changed: Any) -> Subscription:
    usual: dict[str, Any] = {
        "id": "s", "uuid": "s", "account_code": "bob", "state": "active", "plan_code": "p", "plan_name": "P",
        "currency": "USD", "subtotal": Decimal(subtotal),
        "current_period_started_at": on(start), "current_period_ends_at": on(end),
    }  # fmt: skip
    return Subscription(**usual | changed)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (sold("2026-11-15", "2026-12-15"), "120.00"),
        (sold("2026-01-31", "2026-02-28"), "120.00"),
        (sold("2026-08-31", "2026-11-30"), "40.00"),
        (sold("2026-01-01", "2027-01-01"), "10.00"),
        (sold("2026-01-01", "2028-01-01"), "5.00"),
        (sold("2026-11-01", "2026-11-08", "7.00"), "30.44"),
        (sold("2026-11-01", "2026-11-29", "28.00"), "30.44"),
        (sold("2026-11-15", "2026-12-15", "5000", currency="JPY"), "5000"),
        (sold("2026-11-15", "2026-12-15", state="canceled"), "120.00"),
        (sold("2026-11-15", "2026-12-15", state="paused"), "0.00"),
        (sold("2026-11-15", "2026-12-15", state="expired"), "0.00"),
        (sold("2026-11-15", "2026-11-29", trial_ends_at=on("2026-11-29")), "0.00"),
        (sold("2026-11-15", "2026-12-15", trial_ends_at=on("2026-11-15")), "120.00"),
        (sold("2026-11-15", "2026-12-14T12:00", "118.00"), "121.75"),
        (sold("2026-11-15", "2026-11-15T12:00", "2.00"), "121.75"),
        (sold("2026-11-01", "2026-11-15", "14.00"), "30.44"),
        (sold("2026-10-15", "2026-12-14", "60.00"), "30.44"),
    ],
)
def test_what_it_brings_in_a_month(item: Subscription, value: str) -> None:
    assert mrr(item) == Decimal(value)


@pytest.mark.parametrize(
    "item",
    [
        sold("2026-11-15", "2026-11-15"),
        sold("2026-11-15", "2026-12-15", subtotal="1", current_period_ends_at=None),
        sold("2026-11-15", "2026-12-15", current_period_started_at=None),
    ],
)
def test_without_a_period_its_value_is_not_known(item: Subscription) -> None:
    assert mrr(item) is None


def test_a_subscription_is_told_in_every_field() -> None:
    times = {
        name: on(f"2026-{month:02d}-01")
        for month, name in enumerate(
            ("activated_at", "trial_ends_at", "canceled_at", "expires_at", "paused_at", "resume_at"), 1
        )
    }
    item = sold(
        "2026-11-15", "2026-12-15", quantity=3, unit_amount=Decimal("40"), collection_method="automatic",
        auto_renew=True, expiration_reason="tax_location_invalid", plan_code="gold", plan_name="Gold plan", **times,
    )  # fmt: skip
    assert subscriptions.record(item, "https://acme.recurly.com/subscriptions/s") == {
        "Name": "Gold plan",
        "State__c": "active",
        "Plan_Code__c": "gold",
        "Plan_Name__c": "Gold plan",
        "Quantity__c": 3,
        "Unit_Amount__c": Decimal("40.00"),
        "Currency_Code__c": "USD",
        "MRR__c": Decimal("120.00"),
        "Collection_Method__c": "automatic",
        "Activated_At__c": on("2026-01-01"),
        "Trial_Ends_At__c": on("2026-02-01"),
        "Current_Period_Ends_At__c": on("2026-12-15"),
        "Canceled_At__c": on("2026-03-01"),
        "Expires_At__c": on("2026-04-01"),
        "Expiration_Reason__c": "tax_location_invalid",
        "Paused_At__c": on("2026-05-01"),
        "Resume_At__c": on("2026-06-01"),
        "Link__c": "https://acme.recurly.com/subscriptions/s",
        "Auto_Renew__c": True,
    }


@pytest.mark.parametrize(("names", "told"), [(("P", "p"), "P"), (("", "p"), "p"), (("", ""), "s")])
def test_a_subscription_has_the_best_name_there_is(names: tuple[str, str], told: str) -> None:
    item = sold("2026-11-15", "2026-12-15", plan_name=names[0], plan_code=names[1])
    assert subscriptions.record(item, None)["Name"] == told


def test_a_checkbox_that_is_not_known_is_left_as_it_was() -> None:
    assert "Auto_Renew__c" not in subscriptions.record(sold("2026-11-15", "2026-12-15"), None)


def test_a_paused_subscription_still_has_a_price() -> None:
    assert monthly(sold("2026-11-15", "2026-12-15", state="paused")) == Decimal("120.00")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (None, None),
        (PaymentMethod("Visa", "1111", 1, 2029), "Visa ending 1111, expires 01/2029"),
        (PaymentMethod("Visa", "1111", 2, 2029), "Visa ending 1111, expires 02/2029"),
        (PaymentMethod("PayPal"), "PayPal"),
        (PaymentMethod("Bank account", "6789"), "Bank account ending 6789"),
    ],
)
def test_a_payment_method_reads_well(method: PaymentMethod | None, told: str | None) -> None:
    assert phrases.method(method) == told


def test_days_are_in_utc() -> None:
    late = datetime.fromisoformat("2026-11-22T23:30:00-05:00")
    assert phrases.day(late) == "2026-11-23"
    assert phrases.on(late) == on("2026-11-23").date()
    assert phrases.day(None) is None
    assert phrases.on(None) is None


def test_counting() -> None:
    assert [phrases.count(n, "invoice") for n in (0, 1, 2)] == ["0 invoices", "1 invoice", "2 invoices"]


# Invoices and payments -----------------------------------------------------------------------------------------


def test_an_invoice_is_told_in_every_field() -> None:
    item = invoice(
        state="past_due", total=Decimal("49"), paid=Decimal("9"), balance=Decimal("40"), refundable=Decimal("8"),
        dunning_events_sent=2, final_dunning_event=True, created_at=at(10), due_at=at(11), closed_at=at(12),
    )  # fmt: skip
    assert invoices.record(item, "https://acme.recurly.com/invoices/1001") == {
        "Name": "1001",
        "Number__c": "1001",
        "Type__c": "charge",
        "State__c": "past_due",
        "Origin__c": "renewal",
        "Total__c": Decimal("49.00"),
        "Paid__c": Decimal("9.00"),
        "Balance__c": Decimal("40.00"),
        "Refundable__c": Decimal("8.00"),
        "Currency_Code__c": "USD",
        "Collection_Method__c": "automatic",
        "Dunning_Step__c": 2,
        "Final_Dunning_Step__c": True,
        "Issued_At__c": at(10),
        "Due_At__c": at(11),
        "Closed_At__c": at(12),
        "Link__c": "https://acme.recurly.com/invoices/1001",
    }


def test_a_payment_is_told_in_every_field() -> None:
    item = payment(
        status="declined", code="insufficient_funds", gateway="stripe", gateway_reference="ch_1", gateway_code="51",
        created_at=at(10), collected_at=at(11),
    )  # fmt: skip
    decline = declines.of(item)
    assert decline
    assert decline.reason != decline.action
    assert payments.record(
        item, "https://acme.recurly.com/transactions/9ay1", "recurly:acme:payment:9ay0"
    ) == {
        "Name": "Purchase USD 49.00",
        "Type__c": "purchase",
        "Status__c": "declined",
        "Origin__c": "recurring",
        "Amount__c": Decimal("49.00"),
        "Currency_Code__c": "USD",
        "At__c": at(11),
        "Decline_Code__c": "insufficient_funds",
        "Decline_Category__c": decline.category,
        "Decline_Reason__c": decline.reason,
        "Recommended_Action__c": decline.action,
        "Payment_Method__c": "Visa ending 1111, expires 12/2029",
        "Gateway__c": "stripe",
        "Gateway_Reference__c": "ch_1",
        "Gateway_Code__c": "51",
        "Original_Payment_Key__c": "recurly:acme:payment:9ay0",
        "Link__c": "https://acme.recurly.com/transactions/9ay1",
    }


def test_a_payment_that_succeeded_is_not_told_as_declined_whatever_code_it_carries() -> None:
    record = payments.record(payment(code="approved"), None, None)
    told = ("Decline_Code__c", "Decline_Category__c", "Decline_Reason__c", "Recommended_Action__c")
    assert [record[name] for name in told] == [None] * 4
    assert record["At__c"] == at(20), "created, as nothing says when it was collected"


POLICY = Policy.model_validate(
    {
        "recurly_link": "https://{site}.example.com/a/{code}",
        "recurly_subscription_link": "https://{site}.example.com/s/{code}",
        "recurly_invoice_link": "https://{site}.example.com/i/{code}",
        "recurly_payment_link": "https://{site}.example.com/p/{code}",
    }
)


@pytest.mark.parametrize(
    ("item", "link"),
    [
        (account(code="b/o&b"), "https://acme.example.com/a/b%2Fo%26b"),
        (subscription(), "https://acme.example.com/s/5ub1"),
        (invoice(number="FR 7"), "https://acme.example.com/i/FR%207"),
        (payment(), "https://acme.example.com/p/9ay1"),
    ],
)
def test_every_object_leads_to_its_own_page(
    item: Account | Subscription | Invoice | Payment, link: str
) -> None:
    assert recurly_links.to(item, facts(), POLICY) == link


@pytest.mark.parametrize(
    ("email", "is_one"),
    [
        ("a@b.com", True), ("a.b+c@d.co.uk", True), ("a" * 68 + "@example.com", True),
        ("a" * 69 + "@example.com", False), (None, False), ("", False), ("b.com", False), ("@b.com", False),
        ("a@b", False), ("a@.", False), ("a@b.", False), ("a@.b", False), ("a@b@c.com", False), ("a b@c.com", False),
    ],
)  # fmt: skip
def test_only_what_salesforce_takes_is_an_e_mail_address(email: str | None, is_one: bool) -> None:
    assert contacts.is_address(email) is is_one
    assert ("Email" in contacts.record(account(email=email))) is is_one


@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        ({}, False), ({"first_name": "Bob"}, True), ({"last_name": "Rivera"}, True), ({"email": "b@c.com"}, True),
        ({"company": "Rivera Books", "phone": "555"}, False),
    ],
)  # fmt: skip
def test_a_contact_is_somebody_who_can_be_named_or_written_to(known: dict[str, str], is_known: bool) -> None:
    nobody = dict.fromkeys(("first_name", "last_name", "email", "company", "phone"))
    assert contacts.is_known(account(**nobody | known)) is is_known


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"first_name": "Bob", "company": "Books", "email": "b@c.com"}, "Bob"),
        ({"company": "Books", "email": "b@c.com"}, "Books"),
        ({"email": "b@c.com"}, "b"),
        ({}, "bob"),
    ],
)
def test_a_contact_without_a_last_name_is_made_with_the_next_best(known: dict[str, str], name: str) -> None:
    nobody = dict.fromkeys(("first_name", "last_name", "email", "company", "phone"))
    assert contacts.on_create(account(**nobody | known)) == {"LastName": name}


# Disputes ---------------------------------------------------------------------------------------------------


def disputed(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "kind": Kind.DISPUTE, "source": "adyen", "id": "8815", "at": on("2026-11-21"),
        "status": Status.NEEDS_RESPONSE, "stage": Stage.CHARGEBACK, "reason": "4853", "network": "mastercard",
        "amount": Decimal("5000"), "currency": "JPY", "due_at": on("2026-12-20"),
        "references": ("8813", "8814"), "method": "Mastercard ending 4444", "joined_by": "invoice number 1001",
        "link": "https://ca-live.adyen.com/8815",
    }  # fmt: skip
    return ProcessorObject(**usual | changed)


def test_a_dispute_is_told_in_every_field() -> None:
    record = disputes.record(disputed(), on("2026-11-20"))
    declared = {value for name, value in vars(fields.Dispute).items() if name.isupper() and name != "OBJECT"}
    assert set(record) == declared - {"Account__c", "Payment__c", "Invoice__c"}
    assert record["Name"] == "Dispute JPY 5,000 8815"
    assert record["Status__c"] == "needs_response"
    assert record["Reason_Code__c"] == "Mastercard 4853"
    assert record["Amount__c"] == Decimal("5000")
    assert record["Opened_At__c"] == on("2026-11-20")
    assert record["As_Of__c"] == on("2026-11-21")
    assert record["Gateway_Reference__c"] == "8813, 8814"
    assert record["Joined_By__c"] == "invoice number 1001"


def test_a_disputes_reason_and_deadline_are_its_own() -> None:
    record = disputes.record(disputed(), on("2026-11-20"))
    assert record["Reason_Category__c"] == reasons.explain(disputed()).category
    assert record["Reason_Category__c"] != record["Reason_Code__c"]
    assert record["Due_At__c"] == on("2026-12-20")


def test_a_dispute_of_which_little_is_known_has_its_record() -> None:
    bare = ProcessorObject(kind=Kind.DISPUTE, source="paypal", id="PP-D-1", at=on("2026-11-21"))
    record = disputes.record(bare, None)
    assert record["Name"] == "Dispute PP-D-1"
    assert record["Reason__c"] == "The bank disputes the payment."
    unknown = (
        "Status__c",
        "Stage__c",
        "Amount__c",
        "Currency_Code__c",
        "Gateway_Reference__c",
        "Joined_By__c",
    )
    assert [record[name] for name in unknown] == [None] * len(unknown)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.UNDER_REVIEW, "dispute 8815 of adyen is under review"),
        (Status.WON, "dispute 8815 of adyen was won"),
        (Status.LOST, "dispute 8815 of adyen was lost"),
        (Status.ACCEPTED, "dispute 8815 of adyen was accepted"),
        (Status.WITHDRAWN, "dispute 8815 of adyen was called off"),
        (Status.EXPIRED, "dispute 8815 of adyen expired without a response"),
        (Status.NEEDS_RESPONSE, "dispute 8815 of adyen needs a response"),
        (None, "dispute 8815 of adyen does not say how it stands"),
    ],
)
def test_how_a_dispute_stands_is_a_sentence(status: Status | None, told: str) -> None:
    assert disputes.standing(disputed(status=status)) == told


@pytest.mark.parametrize("status", sorted(STATUSES[Kind.DISPUTE]))
def test_every_status_of_a_dispute_has_its_sentence(status: Status) -> None:
    assert "does not say" not in disputes.standing(disputed(status=status))


def test_a_dispute_without_a_currency_still_tells_its_amount() -> None:
    record = disputes.record(disputed(currency=None, amount=Decimal("1049")), None)
    assert record["Name"] == "Dispute 1,049.00 8815"
    assert (record["Amount__c"], record["Currency_Code__c"]) == (Decimal("1049.00"), None)


def test_a_dispute_without_an_amount_tells_none_in_its_name() -> None:
    assert disputes.record(disputed(amount=None, currency=None), None)["Name"] == "Dispute 8815"
