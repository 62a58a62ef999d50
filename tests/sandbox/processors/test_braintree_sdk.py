"""Braintree's own client, unchanged, against the local API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import braintree
import pytest

if TYPE_CHECKING:
    from conftest import Town


def connected(town: Town, private_key: str = "sandbox", merchant: str = "sandbox") -> Any:
    port = town.processors.rpartition(":")[2]
    local = braintree.Environment("local", "127.0.0.1", port, town.processors, False, None)
    return braintree.BraintreeGateway(
        braintree.Configuration(local, merchant, public_key="sandbox", private_key=private_key)
    )


def test_a_transaction_carries_the_invoice_number_as_its_order(town: Town) -> None:
    town.play("refund_meets_dispute")
    *_, row = town.records("charge")
    found = connected(town).transaction.find(row["id"])
    assert (found.id, found.status, str(found.amount)) == (row["id"], "settled", "43.00")
    assert found.order_id == str(row["invoice"])
    assert (found.credit_card["card_type"], found.credit_card["last_4"]) == ("Visa", "4242")
    assert found.customer_details.id == row["customer"]


def test_what_is_not_there_is_not_found(town: Town) -> None:
    with pytest.raises(braintree.exceptions.NotFoundError):
        connected(town).transaction.find("nobody")


def test_another_merchants_transactions_are_not_shown(town: Town) -> None:
    town.play("refund_meets_dispute")
    with pytest.raises(braintree.exceptions.NotFoundError):
        connected(town, merchant="other").transaction.find(town.records("charge")[-1]["id"])


def test_another_key_is_refused(town: Town) -> None:
    with pytest.raises(braintree.exceptions.AuthenticationError):
        connected(town, "other").transaction.find("x")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limited", braintree.exceptions.TooManyRequestsError),
        ("unavailable", braintree.exceptions.ServiceUnavailableError),
    ],
)
def test_faults_look_like_braintrees(town: Town, kind: str, error: type[Exception]) -> None:
    town.plane("POST", "faults", {"kind": kind})
    with pytest.raises(error):
        connected(town).transaction.find("x")
