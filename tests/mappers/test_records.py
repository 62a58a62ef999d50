"""What a subscription is worth a month, and small phrases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.facts import PaymentMethod, Subscription
from connector.mappers import words
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
