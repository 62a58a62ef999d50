"""Stripe's own client, unchanged, against the local API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from conftest import Town


@pytest.fixture
def client(town: Town) -> stripe.StripeClient:
    return connected(town, "sk_test_sandbox")


def connected(town: Town, key: str) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": town.processors}, max_network_retries=0)


def test_a_charge_carries_the_invoice_number_of_recurly(town: Town, client: stripe.StripeClient) -> None:
    town.play("chargeback_won")
    *_, row = town.records("charge")
    charge = client.v1.charges.retrieve(row["id"])
    assert (charge.id, charge.amount, charge.currency) == (row["id"], 11900, "usd")
    assert charge.metadata["invoiceNumber"] == str(row["invoice"])
    assert charge.disputed
    invoices = town.plane("GET", "records/transaction", server="recurly")
    assert row["id"] in {one["gateway_reference"] for one in invoices}


def test_a_payment_intent_is_expanded_with_its_charge(town: Town, client: stripe.StripeClient) -> None:
    town.play("refund_fails_at_bank")
    *_, row = town.records("charge")
    charge = client.v1.charges.retrieve(row["id"])
    assert isinstance(charge.payment_intent, str)
    intent = client.v1.payment_intents.retrieve(charge.payment_intent, {"expand": ["latest_charge"]})
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.id == row["id"]
    plain = client.v1.payment_intents.retrieve(charge.payment_intent)
    assert plain.latest_charge == row["id"]


def test_a_failed_refund_says_why(town: Town, client: stripe.StripeClient) -> None:
    town.play("refund_fails_at_bank")
    (row,) = town.records("refund")
    refund = client.v1.refunds.retrieve(row["id"], {"expand": ["charge"]})
    assert (refund.status, refund.failure_reason) == ("failed", "lost_or_stolen_card")
    assert isinstance(refund.charge, stripe.Charge)
    assert refund.charge.amount_refunded == 0


def test_what_is_not_there_is_missing(client: stripe.StripeClient) -> None:
    for ask in (client.v1.charges, client.v1.payment_intents, client.v1.refunds):
        with pytest.raises(stripe.InvalidRequestError) as told:
            ask.retrieve("xx_nobody")
        assert (told.value.http_status, told.value.code) == (404, "resource_missing")


def test_another_key_is_refused(town: Town) -> None:
    with pytest.raises(stripe.AuthenticationError):
        connected(town, "sk_test_other").v1.charges.retrieve("ch_1")


def test_what_is_in_a_connected_account_is_found_there_only(town: Town, client: stripe.StripeClient) -> None:
    town.play("chargeback_won")
    *_, row = town.records("charge")
    (lost,) = town.records("dispute")
    moved = {
        "do": "change",
        "source": "stripe",
        "object": "charge",
        "id": row["id"],
        "set": {"account": "acct_1Shop"},
    }
    town.plane("POST", "books", moved)
    there: stripe.RequestOptions = {"stripe_account": "acct_1Shop"}
    assert client.v1.charges.retrieve(row["id"], options=there).id == row["id"]
    assert [one.id for one in client.v1.disputes.list(options=there).data] == [lost["id"]]
    assert client.v1.disputes.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.charges.retrieve(row["id"])
    with pytest.raises(stripe.PermissionError) as told:
        client.v1.charges.retrieve(row["id"], options={"stripe_account": "acct_stranger"})
    assert (told.value.http_status, told.value.json_body["error"]["code"]) == (403, "account_invalid")


def test_what_cannot_be_expanded_is_said(town: Town, client: stripe.StripeClient) -> None:
    town.play("chargeback_won")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.charges.retrieve(town.records("charge")[-1]["id"], {"expand": ["invoice"]})


def test_faults_look_like_stripes(town: Town, client: stripe.StripeClient) -> None:
    town.play("chargeback_won")
    id_ = town.records("charge")[-1]["id"]
    town.plane("POST", "faults", {"kind": "rate_limited", "times": 1})
    with pytest.raises(stripe.RateLimitError):
        client.v1.charges.retrieve(id_)
    town.plane("POST", "faults", {"kind": "unavailable", "times": 1})
    with pytest.raises(stripe.APIError):
        client.v1.charges.retrieve(id_)
    town.plane("POST", "faults", {"kind": "timeout", "times": 1, "seconds": 0.01})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.charges.retrieve(id_)
    assert client.v1.charges.retrieve(id_).id == id_
