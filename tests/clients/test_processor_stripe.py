"""Asking Stripe for the charge behind an object, by the official SDK over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import Permanent, Unavailable
from connector.models.facts import Kind, ProcessorObject, Status

from .processor_rig import client, item
from .scripted import Asked, Reply, Scripted

NOT_THERE = Reply(
    {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such charge"}}, 404
)


def charge(**more: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 4900,
        "currency": "usd",
        "created": 1793700000,
        "customer": "cus_1",
        "disputed": False,
        "failure_code": None,
        "livemode": False,
        "metadata": {"invoiceNumber": "1042"},
        "payment_intent": {"id": "pi_1", "object": "payment_intent", "metadata": {}, "customer": "cus_1"},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "refunded": False,
        "status": "succeeded",
        **more,
    }


def looked_up(body: dict[str, Any], asked_for: ProcessorObject | None = None) -> tuple[ProcessorObject, ...]:
    with Scripted(lambda _: Reply(body)) as server:
        wanted = asked_for or item("stripe", Kind.DISPUTE, "dp_1", references=("ch_1",))
        return client("stripe", server.url).look_up(wanted)


def only(**more: Any) -> ProcessorObject:
    (found,) = looked_up(charge(**more))
    return found


def test_the_charge_behind_a_dispute_is_told_with_all_that_joins_it() -> None:
    assert only() == ProcessorObject(
        kind=Kind.CHARGE,
        source="stripe",
        id="ch_1",
        at=datetime.fromtimestamp(1793700000, UTC),
        status=Status.SUCCEEDED,
        amount=Decimal("49.00"),
        currency="USD",
        references=("ch_1", "pi_1"),
        invoice_number="1042",
        customer="cus_1",
        refunded=False,
        refundable=True,
        method="Visa ending 4242",
        link="https://dashboard.stripe.com/test/payments/ch_1",
    )


def asked(*references: str, kind: Kind = Kind.DISPUTE, id_: str = "dp_1") -> list[Asked]:
    def answer(one: Asked) -> Reply:
        if one.path.startswith("/v1/payment_intents"):
            return Reply({"id": "pi_1", "object": "payment_intent", "latest_charge": charge()})
        return Reply(charge())

    with Scripted(answer) as server:
        client("stripe", server.url).look_up(item("stripe", kind, id_, references=references))
        return server.asked


@pytest.mark.parametrize(
    ("references", "path", "expand"),
    [
        (("ch_1",), "/v1/charges/ch_1", "payment_intent"),
        (("pi_1", "py_1"), "/v1/charges/py_1", "payment_intent"),
        (("pi_1",), "/v1/payment_intents/pi_1", "latest_charge"),
    ],
)
def test_one_call_is_enough(references: tuple[str, ...], path: str, expand: str) -> None:
    (one,) = asked(*references)
    assert (one.method, one.path, one.query["expand[0]"]) == ("GET", path, expand)
    assert one.headers["authorization"] == "Bearer sk_test_sandbox"


def test_a_charge_is_asked_for_by_its_own_id() -> None:
    (one,) = asked(kind=Kind.CHARGE, id_="ch_9")
    assert one.path == "/v1/charges/ch_9"


@pytest.mark.parametrize("references", [(), ("in_1",)])
def test_without_a_reference_of_stripes_nothing_is_asked(references: tuple[str, ...]) -> None:
    assert asked(*references) == []
    assert asked(*references, kind=Kind.PAYOUT, id_="po_1") == []


def test_by_its_payment_intent_a_charge_is_found_with_the_intents_metadata() -> None:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "customer": "cus_2",
        "metadata": {"invoiceNumber": "2001"},
        "latest_charge": charge(metadata={}, customer=None, payment_intent="pi_1"),
    }
    (found,) = looked_up(intent, item("stripe", Kind.REFUND, "re_1", references=("pi_1",)))
    assert (found.id, found.invoice_number, found.customer) == ("ch_1", "2001", "cus_2")
    assert found.references == ("ch_1", "pi_1")


def test_a_payment_intent_without_a_charge_tells_nothing() -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "metadata": {}, "latest_charge": None}
    assert looked_up(intent, item("stripe", Kind.REFUND, "re_1", references=("pi_1",))) == ()


def test_a_charge_that_is_not_there_is_no_error() -> None:
    with Scripted(lambda _: NOT_THERE) as server:
        assert client("stripe", server.url).look_up(item("stripe", Kind.CHARGE, "ch_gone")) == ()


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("usd", 4900, Decimal("49.00")),
        ("jpy", 500, Decimal("500")),
        ("kwd", 12345, Decimal("12.345")),
        ("isk", 50000, Decimal("500")),
        ("ugx", 50000, Decimal("500")),
        ("mga", 500, Decimal("500.00")),
    ],
)
def test_amounts_have_stripes_decimals(currency: str, amount: int, expected: Decimal) -> None:
    assert only(currency=currency, amount=amount).amount == expected


@pytest.mark.parametrize(
    ("fields", "status", "amount"),
    [
        ({"captured": True, "amount_captured": 4900}, Status.SUCCEEDED, Decimal("49.00")),
        ({"captured": True, "amount_captured": 3000}, Status.SUCCEEDED, Decimal("30.00")),
        ({"captured": False, "amount_captured": 0}, Status.AUTHORIZED, Decimal("49.00")),
        (
            {"captured": False, "amount_captured": 0, "refunded": True, "amount_refunded": 4900},
            Status.AUTHORIZED,
            Decimal("49.00"),
        ),
        ({"captured": False, "amount_captured": 0, "status": "failed"}, Status.FAILED, Decimal("49.00")),
        ({"captured": True, "amount_captured": 0, "status": "pending"}, None, Decimal("49.00")),
    ],
)
def test_what_was_captured_is_what_was_taken(
    fields: dict[str, Any], status: Status | None, amount: Decimal
) -> None:
    found = only(**fields)
    assert (found.status, found.amount) == (status, amount)
    assert found.refundable is (status is Status.SUCCEEDED)


@pytest.mark.parametrize(
    ("fields", "status", "refunded", "refundable"),
    [
        ({}, Status.SUCCEEDED, False, True),
        ({"refunded": True}, Status.SUCCEEDED, True, False),
        ({"disputed": True}, Status.SUCCEEDED, False, False),
        ({"status": "failed", "failure_code": "card_declined"}, Status.FAILED, False, False),
        ({"status": "pending"}, None, False, False),
    ],
)
def test_whether_it_can_still_be_given_back(
    fields: dict[str, Any], status: Status | None, refunded: bool, refundable: bool
) -> None:
    found = only(**fields)
    assert (found.status, found.refunded, found.refundable) == (status, refunded, refundable)
    assert found.reason == fields.get("failure_code")


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"type": "card", "card": {"brand": "amex", "last4": "0005"}}, "American Express ending 0005"),
        (
            {"type": "us_bank_account", "us_bank_account": {"last4": "6789", "bank_name": "A"}},
            "Bank account ending 6789",
        ),
        ({"type": "amazon_pay", "amazon_pay": {}}, "Amazon pay"),
        ({}, None),
        (None, None),
    ],
)
def test_how_it_was_paid_is_said_in_words(details: object, expected: str | None) -> None:
    assert only(payment_method_details=details).method == expected


# ── connected accounts (Stripe Connect) ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reference", ["ch_1", "pi_1"])
def test_what_is_in_a_connected_account_is_asked_for_there(reference: str) -> None:
    body = (
        {"id": "pi_1", "object": "payment_intent", "latest_charge": charge()}
        if reference == "pi_1"
        else charge()
    )
    with Scripted(lambda _: Reply(body)) as server:
        wanted = item("stripe", Kind.DISPUTE, "dp_1", references=(reference,), account="acct_1Shop")
        (found,) = client("stripe", server.url).look_up(wanted)
    assert [one.headers["stripe-account"] for one in server.asked] == ["acct_1Shop"]
    assert found.account == "acct_1Shop"
    assert found.link == "https://dashboard.stripe.com/acct_1Shop/test/payments/ch_1"


def test_what_is_in_the_own_account_is_asked_for_without_one() -> None:
    (one,) = asked("ch_1")
    assert "stripe-account" not in one.headers


@pytest.mark.parametrize(
    ("status", "code"), [(403, "account_invalid"), (403, None), (400, "account_invalid")]
)
def test_a_connected_account_that_may_not_be_read_does_not_stop_the_others(
    status: int, code: str | None
) -> None:
    refused = Reply(
        {"error": {"type": "invalid_request_error", "code": code, "message": "No access"}}, status
    )
    with Scripted(lambda _: refused) as server, pytest.raises(Permanent, match="acct_1Shop"):
        client("stripe", server.url).look_up(
            item("stripe", Kind.DISPUTE, "dp_1", references=("ch_1",), account="acct_1Shop")
        )


def test_a_refused_key_is_refused_in_a_connected_account_too() -> None:
    refused = Reply({"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}, 401)
    with Scripted(lambda _: refused) as server, pytest.raises(Unavailable):
        client("stripe", server.url).look_up(
            item("stripe", Kind.DISPUTE, "dp_1", references=("ch_1",), account="acct_1Shop")
        )


def test_an_intent_of_an_older_version_lists_its_charges() -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "metadata": {}, "amount_received": 3000}
    older = charge(captured=True, payment_intent="pi_1")
    intent |= {"charges": {"object": "list", "data": [older, charge(id="ch_0", status="failed")]}}
    (found,) = looked_up(intent, item("stripe", Kind.REFUND, "re_1", references=("pi_1",)))
    assert (found.id, found.amount, found.status) == ("ch_1", Decimal("30.00"), Status.SUCCEEDED)


def test_names_and_addresses_are_not_read() -> None:
    billing = {"email": "wren@example.com", "name": "W. R. E. N."}
    assert "wren@" not in repr(only(billing_details=billing, receipt_email="wren@example.com"))
