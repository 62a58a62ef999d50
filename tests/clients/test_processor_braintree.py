"""Asking Braintree for the transaction behind an object, by the official SDK over the wire."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.models.facts import Kind, ProcessorObject, Status

from .processor_rig import client, item
from .scripted import Asked, Reply, Scripted


def transaction(id_: str = "t1", status: str = "settled", more: str = "") -> Reply:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<transaction>
  <id>{id_}</id><status>{status}</status><type>sale</type>
  <currency-iso-code>USD</currency-iso-code><amount>49.00</amount>
  <order-id>1042</order-id>
  <created-at type="datetime">2026-11-01T09:00:00Z</created-at>
  <updated-at type="datetime">2026-11-02T10:00:00Z</updated-at>
  <customer><id>c1</id><email>wren@example.com</email></customer>
  <credit-card><last-4>1111</last-4><card-type>Visa</card-type></credit-card>
  <processor-response-code>1000</processor-response-code>
  <payment-instrument-type>credit_card</payment-instrument-type>
  <status-history type="array"/><add-ons type="array"/><discounts type="array"/>{more}
</transaction>"""
    return Reply(body, headers={"Content-Type": "application/xml"})


NOT_THERE = Reply("", 404)


def looked_up(*replies: Reply, asked_for: ProcessorObject | None = None) -> tuple[ProcessorObject, ...]:
    answers = iter(replies)
    with Scripted(lambda _: next(answers)) as server:
        wanted = asked_for or item("braintree", Kind.DISPUTE, "d1", references=("t1",))
        return client("braintree", server.url).look_up(wanted)


def only(reply: Reply) -> ProcessorObject:
    (found,) = looked_up(reply)
    return found


def test_the_transaction_behind_a_dispute_is_told_with_all_that_joins_it() -> None:
    assert only(transaction()) == ProcessorObject(
        kind=Kind.CHARGE,
        source="braintree",
        id="t1",
        at=datetime(2026, 11, 2, 10, tzinfo=UTC),
        status=Status.SUCCEEDED,
        amount=Decimal("49.00"),
        currency="USD",
        references=("t1",),
        invoice_number="1042",
        customer="c1",
        refunded=False,
        refundable=True,
        method="Visa ending 1111",
        link="https://sandbox.braintreegateway.com/merchants/acme/transactions/t1",
    )


def test_it_is_asked_as_the_merchant() -> None:
    with Scripted(lambda _: transaction()) as server:
        client("braintree", server.url).look_up(item("braintree", Kind.CHARGE, "t1"))
        (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/merchants/acme/transactions/t1")
    assert asked.headers["authorization"] == f"Basic {base64.b64encode(b'public:private').decode()}"


def test_a_transaction_that_is_not_there_is_no_error() -> None:
    assert looked_up(NOT_THERE) == ()


def test_the_next_reference_is_tried() -> None:
    wanted = item("braintree", Kind.DISPUTE, "d1", references=("gone", "t1"))
    (found,) = looked_up(NOT_THERE, transaction(), asked_for=wanted)
    assert found.id == "t1"


def test_a_refund_leads_to_the_transaction_it_refunds() -> None:
    refund = transaction("r1", more="<refunded-transaction-id>t1</refunded-transaction-id>")
    wanted = item("braintree", Kind.REFUND, "r1")
    (found,) = looked_up(refund, transaction("t1"), asked_for=wanted)
    assert (found.id, found.references) == ("t1", ("t1",))


def test_two_calls_at_most() -> None:
    refund = transaction("r1", more="<refunded-transaction-id>t1</refunded-transaction-id>")
    replies = iter([NOT_THERE, refund])

    def answer(_: Asked) -> Reply:
        return next(replies)

    with Scripted(answer) as server:
        wanted = item("braintree", Kind.REFUND, "r9", references=("gone", "r1", "t7"))
        (found,) = client("braintree", server.url).look_up(wanted)
        assert (found.id, len(server.asked)) == ("r1", 2)


def test_nothing_is_asked_for_a_dispute_without_a_transaction() -> None:
    assert looked_up(asked_for=item("braintree", Kind.DISPUTE, "d1")) == ()


DISPUTE = """<?xml version="1.0" encoding="UTF-8"?>
<dispute><id>d1</id><amount-disputed>12.00</amount-disputed><amount>12.00</amount><status>open</status>
<kind>chargeback</kind><currency-iso-code>EUR</currency-iso-code><reason>fraud</reason>
<created-at type="datetime">2026-11-03T09:00:00Z</created-at>
<updated-at type="datetime">2026-11-03T09:00:00Z</updated-at>
<transaction><id>t1</id></transaction><evidence type="array"/><status-history type="array"/></dispute>"""


def test_a_dispute_without_a_currency_is_asked_for_itself() -> None:
    wanted = item("braintree", Kind.DISPUTE, "d1", references=("t1",), amount=Decimal("12.00"))
    found = Reply(DISPUTE, headers={"Content-Type": "application/xml"})
    told, charge = looked_up(found, transaction(), asked_for=wanted)
    assert (told.kind, told.id, told.amount, told.currency) == (Kind.DISPUTE, "d1", Decimal("12.00"), "EUR")
    assert (told.status, told.stage) == (None, None), "its notifications say how it stands"
    assert (charge.kind, charge.id) == (Kind.CHARGE, "t1")


def test_a_refund_without_a_currency_is_asked_for_itself() -> None:
    refund = transaction("r1", more="<refunded-transaction-id>t1</refunded-transaction-id>")
    wanted = item("braintree", Kind.REFUND, "r1", amount=Decimal("49.00"))
    told, charge = looked_up(refund, transaction("t1"), asked_for=wanted)
    assert (told.kind, told.id, told.currency, told.status) == (Kind.REFUND, "r1", "USD", None)
    assert (charge.kind, charge.id) == (Kind.CHARGE, "t1")


def test_a_dispute_without_a_currency_that_is_not_there_is_no_error() -> None:
    wanted = item("braintree", Kind.DISPUTE, "d1", references=("t1",), amount=Decimal("12.00"))
    (charge,) = looked_up(NOT_THERE, transaction(), asked_for=wanted)
    assert charge.id == "t1"


@pytest.mark.parametrize("id_", ["../customers/c1", "a/b", "", "."])
def test_the_id_of_a_dispute_never_leads_to_another_address(id_: str) -> None:
    assert looked_up(asked_for=item("braintree", Kind.DISPUTE, id_, amount=Decimal("12.00"))) == ()


@pytest.mark.parametrize("id_", ["../customers/c1", "a/b", "", "."])
def test_an_id_never_leads_to_another_address(id_: str) -> None:
    assert looked_up(asked_for=item("braintree", Kind.DISPUTE, "d1", references=(id_,))) == ()


@pytest.mark.parametrize(
    ("status", "expected", "reason"),
    [
        ("authorized", Status.PENDING, None),
        ("submitted_for_settlement", Status.PENDING, None),
        ("settled", Status.SUCCEEDED, None),
        ("processor_declined", Status.FAILED, "1000"),
        ("settlement_declined", Status.FAILED, "1000"),
        ("voided", Status.FAILED, "1000"),
        ("something_new", None, None),
    ],
)
def test_each_status_has_its_own(status: str, expected: Status | None, reason: str | None) -> None:
    found = only(transaction(status=status))
    assert (found.status, found.reason) == (expected, reason)


def test_that_there_is_a_refund_does_not_say_that_nothing_is_left() -> None:
    found = only(transaction(more='<refund-ids type="array"><item>r1</item></refund-ids>'))
    assert (found.refunded, found.refundable) == (None, None)


def test_names_and_addresses_are_not_read() -> None:
    assert "wren@" not in repr(only(transaction()))
