"""GoCardless's own client, unchanged, against the local API."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import gocardless_pro
import pytest
from gocardless_pro import errors

from sandbox.processors.objects import Payout, Refund

if TYPE_CHECKING:
    from conftest import Town

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def connected(town: Town, token: str = "sandbox") -> Any:
    return gocardless_pro.Client(access_token=token, base_url=town.processors)


def test_a_payment_leads_to_its_mandate_and_customer(town: Town) -> None:
    town.play("mandate_lost")
    row, client = town.records("charge")[-1], connected(town)
    payment = client.payments.get(row["id"])
    assert (payment.amount, payment.currency, payment.status) == (4600, "USD", "confirmed")
    mandate = client.mandates.get(payment.links.mandate)
    assert (mandate.status, mandate.scheme) == ("cancelled", "ach")
    assert mandate.links.customer == row["customer"]


def test_a_returned_payment_has_failed(town: Town) -> None:
    town.play("ach_return_after_success")
    payment = connected(town).payments.get(town.records("charge")[-1]["id"])
    assert payment.status == "failed"


def test_refunds_and_payouts_are_read_too(town: Town) -> None:
    money: dict[str, Any] = {"amount": Decimal("12.50"), "currency": "GBP", "created_at": NOW}
    town.office.store.put(Refund(source="gocardless", id="RF1", charge_id="PM1", status="failed", **money))
    town.office.store.put(Payout(source="gocardless", id="PO1", payee="", arrives_at=NOW, **money))
    client = connected(town)
    refund, payout = client.refunds.get("RF1"), client.payouts.get("PO1")
    assert (refund.amount, refund.links.payment, refund.status) == (1250, "PM1", "bounced")
    assert (payout.amount, payout.currency, payout.status) == (1250, "GBP", "paid")


@pytest.mark.parametrize("service", ["payments", "refunds", "mandates", "payouts"])
def test_what_is_not_there_is_not_found(town: Town, service: str) -> None:
    with pytest.raises(errors.InvalidApiUsageError) as told:
        getattr(connected(town), service).get("XX1")
    assert (told.value.code, told.value.errors[0]["reason"]) == (404, "resource_not_found")


def test_another_token_is_refused(town: Town) -> None:
    with pytest.raises(errors.AuthenticationError):
        connected(town, "other").payments.get("PM1")


def test_faults_look_like_those_of_gocardless(town: Town) -> None:
    town.plane("POST", "faults", {"kind": "rate_limited", "times": 1})
    with pytest.raises(errors.RateLimitError):
        connected(town).payments.get("PM1")
    # the client tries three times by itself
    town.plane("POST", "faults", {"kind": "unavailable"})
    with pytest.raises(errors.MalformedResponseError):
        connected(town).payments.get("PM1")
