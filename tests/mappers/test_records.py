"""What a subscription is worth a month, a dispute's record, and small phrases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.facts import Kind, PaymentMethod, ProcessorObject, Stage, Status, Subscription
from connector.facts.processing import STATUSES
from connector.mappers import fields, words
from connector.mappers.records import dispute as disputes
from connector.mappers.records.subscription import monthly, mrr


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


def test_a_paused_subscription_still_has_a_price() -> None:
    assert monthly(sold("2026-11-15", "2026-12-15", state="paused")) == Decimal("120.00")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (None, None),
        (PaymentMethod("Visa", "1111", 2, 2029), "Visa ending 1111, expires 02/2029"),
        (PaymentMethod("PayPal"), "PayPal"),
        (PaymentMethod("Bank account", "6789"), "Bank account ending 6789"),
    ],
)
def test_a_payment_method_reads_well(method: PaymentMethod | None, told: str | None) -> None:
    assert words.method(method) == told


def test_days_are_in_utc() -> None:
    late = datetime.fromisoformat("2026-11-22T23:30:00-05:00")
    assert words.day(late) == "2026-11-23"
    assert words.on(late) == on("2026-11-23").date()
    assert words.day(None) is None
    assert words.on(None) is None


def test_counting() -> None:
    assert [words.count(n, "invoice") for n in (0, 1, 2)] == ["0 invoices", "1 invoice", "2 invoices"]


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
