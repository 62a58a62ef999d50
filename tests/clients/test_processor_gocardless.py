"""Asking GoCardless for amounts and customers, by the official SDK over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import Permanent
from connector.models.facts import Kind, ProcessorObject

from .processor_rig import client, item
from .scripted import Asked, Reply, Scripted

CREATED = datetime(2026, 11, 1, 9, tzinfo=UTC)
FIXED = {"created_at": "2026-11-01T09:00:00.000Z", "currency": "GBP", "metadata": {}}
PAYMENT = {**FIXED, "id": "PM1", "amount": 4900, "status": "failed", "links": {"mandate": "MD1"}}
REFUND = {**FIXED, "id": "RF1", "amount": 1000, "links": {"payment": "PM1"}}
PAYOUT = {**FIXED, "id": "PO1", "amount": 123456, "status": "paid", "links": {"creditor": "CR1"}}
MANDATE = {
    "id": "MD1",
    "created_at": "2026-11-01T09:00:00.000Z",
    "scheme": "bacs",
    "links": {"customer": "CU1", "customer_bank_account": "BA1"},
}
ALL = {
    "/payments/PM1": {"payments": PAYMENT},
    "/refunds/RF1": {"refunds": REFUND},
    "/payouts/PO1": {"payouts": PAYOUT},
    "/mandates/MD1": {"mandates": MANDATE},
}
NOT_THERE = Reply(
    {
        "error": {
            "type": "invalid_api_usage",
            "code": 404,
            "message": "Resource not found",
            "errors": [{"reason": "resource_not_found", "message": "Resource not found"}],
        }
    },
    404,
)


def looked_up(
    wanted: ProcessorObject, known: dict[str, Any] | None = None
) -> tuple[tuple[ProcessorObject, ...], list[Asked]]:
    bodies = ALL if known is None else known

    def answer(asked: Asked) -> Reply:
        return Reply(bodies[asked.path]) if asked.path in bodies else NOT_THERE

    with Scripted(answer) as server:
        return client("gocardless", server.url).look_up(wanted), server.asked


def told(kind: Kind, id_: str, **more: Any) -> ProcessorObject:
    return ProcessorObject(kind=kind, source="gocardless", id=id_, at=CREATED, **more)


CHARGE = told(Kind.CHARGE, "PM1", amount=Decimal("49.00"), currency="GBP", references=("PM1",))


@pytest.mark.parametrize(
    "wanted",
    [
        item("gocardless", Kind.CHARGE, "PM1"),
        item("gocardless", Kind.DISPUTE, "PM1"),
        item("gocardless", Kind.DISPUTE, "PM1", references=("PM1",)),
    ],
)
def test_a_payment_is_told_with_its_amount_and_its_mandates_customer(wanted: ProcessorObject) -> None:
    found, asked = looked_up(wanted)
    (charge,) = found
    assert charge.customer == "CU1"
    assert (charge.amount, charge.currency, charge.status, charge.at) == (
        Decimal("49.00"),
        "GBP",
        None,
        CREATED,
    )
    assert [one.path for one in asked] == ["/payments/PM1", "/mandates/MD1"]
    assert asked[0].headers["authorization"] == "Bearer a-token"


def test_a_customer_that_is_known_is_not_asked_for() -> None:
    found, asked = looked_up(item("gocardless", Kind.CHARGE, "PM1", customer="CU7"))
    assert (found[0].customer, len(asked)) == ("CU7", 1)


def test_a_refund_leads_to_its_payment() -> None:
    found, asked = looked_up(item("gocardless", Kind.REFUND, "RF1"))
    refund = told(Kind.REFUND, "RF1", amount=Decimal("10.00"), currency="GBP", references=("PM1",))
    assert found == (refund, CHARGE)
    assert len(asked) == 2


def test_a_payout_is_told_with_its_amount() -> None:
    found, _ = looked_up(item("gocardless", Kind.PAYOUT, "PO1"))
    assert found == (told(Kind.PAYOUT, "PO1", amount=Decimal("1234.56"), currency="GBP"),)


def test_a_mandate_is_told_with_its_customer() -> None:
    found, asked = looked_up(item("gocardless", Kind.MANDATE, "MD1"))
    assert found == (told(Kind.MANDATE, "MD1", customer="CU1", network="bacs"),)
    assert len(asked) == 1


def test_nothing_is_asked_for_a_bounce_that_names_its_creditor_only() -> None:
    assert looked_up(item("gocardless", Kind.PAYOUT, "CR1")) == ((), [])


def test_what_is_not_there_is_no_error() -> None:
    for kind, id_ in (
        (Kind.CHARGE, "PM9"),
        (Kind.REFUND, "RF9"),
        (Kind.PAYOUT, "PO9"),
        (Kind.MANDATE, "MD9"),
    ):
        found, asked = looked_up(item("gocardless", kind, id_))
        assert (found, len(asked)) == ((), 1)


def test_what_was_learnt_first_holds_if_the_second_call_finds_nothing() -> None:
    alone = {"/payments/PM1": {"payments": PAYMENT}, "/refunds/RF1": {"refunds": REFUND}}
    found, _ = looked_up(item("gocardless", Kind.CHARGE, "PM1"), alone)
    assert found == (CHARGE,)
    del alone["/payments/PM1"]
    found, _ = looked_up(item("gocardless", Kind.REFUND, "RF1"), alone)
    assert [one.id for one in found] == ["RF1"]


def test_a_payment_without_a_mandate_has_no_customer_to_ask_for() -> None:
    found, asked = looked_up(
        item("gocardless", Kind.CHARGE, "PM1"), {"/payments/PM1": {"payments": {**PAYMENT, "links": {}}}}
    )
    assert (found[0].customer, len(asked)) == (None, 1)


def test_an_invoice_number_is_read_from_the_metadata() -> None:
    payment = {**PAYMENT, "metadata": {"invoiceNumber": "1042"}}
    found, _ = looked_up(item("gocardless", Kind.CHARGE, "PM1"), {"/payments/PM1": {"payments": payment}})
    assert found[0].invoice_number == "1042"


def test_an_id_never_leads_to_another_address() -> None:
    with pytest.raises(Permanent) as caught:
        looked_up(item("gocardless", Kind.CHARGE, "PM1/../../customers/CU1"))
    assert caught.value.code == "bad_reference"
