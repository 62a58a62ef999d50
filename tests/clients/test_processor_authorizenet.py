"""Asking Authorize.Net for the transaction behind an object."""

from __future__ import annotations

import codecs
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import Permanent, Transient, Unavailable
from connector.models.facts import Kind, ProcessorObject, Status

from .processor_rig import client, item
from .scripted import Asked, Reply, Scripted

SUBMITTED = datetime(2026, 11, 1, 16, 30, 49, 390000, UTC)
OK = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}


def reply(body: dict[str, Any]) -> Reply:
    """As it comes: with a byte order mark before the JSON."""
    return Reply(codecs.BOM_UTF8 + json.dumps(body).encode())


def transaction(**more: Any) -> Reply:
    told = {
        "transId": "60000000001",
        "submitTimeUTC": "2026-11-01T16:30:49.39Z",
        "transactionType": "authCaptureTransaction",
        "transactionStatus": "settledSuccessfully",
        "batch": {"batchId": "7", "settlementTimeUTC": "2026-11-02T03:00:00.1Z"},
        "order": {"invoiceNumber": "1042", "description": "Renewal"},
        "authAmount": 49.5,
        "settleAmount": 49.5,
        "payment": {"creditCard": {"cardNumber": "XXXX1111", "expirationDate": "XXXX", "cardType": "Visa"}},
        "profile": {"customerProfileId": "900100", "customerPaymentProfileId": "1"},
        "customer": {"id": "c1", "email": "wren@example.com"},
        "billTo": {"firstName": "W."},
    }
    return reply({"transaction": {**told, **more}, "messages": OK})


def refusal(code: str) -> Reply:
    return reply({"messages": {"resultCode": "Error", "message": [{"code": code, "text": "no"}]}})


def looked_up(
    *replies: Reply, asked_for: ProcessorObject | None = None
) -> tuple[tuple[ProcessorObject, ...], list[Asked]]:
    answers = iter(replies)
    with Scripted(lambda _: next(answers)) as server:
        wanted = asked_for or item("authorizenet", Kind.CHARGE, "60000000001")
        return client("authorizenet", f"{server.url}/xml/v1/request.api").look_up(wanted), server.asked


def only(**more: Any) -> ProcessorObject:
    ((found,), _) = looked_up(transaction(**more))
    return found


def test_a_transaction_is_told_with_all_that_joins_it() -> None:
    assert only() == ProcessorObject(
        kind=Kind.CHARGE,
        source="authorizenet",
        id="60000000001",
        at=datetime(2026, 11, 2, 3, 0, 0, 100000, UTC),
        status=Status.SUCCEEDED,
        amount=Decimal("49.5"),
        references=("60000000001",),
        invoice_number="1042",
        customer="900100",
        method="Visa ending 1111",
    )


def test_it_is_asked_in_the_order_that_its_schema_wants() -> None:
    _, (asked,) = looked_up(transaction())
    assert (asked.method, asked.path) == ("POST", "/xml/v1/request.api")
    wanted = asked.json()["getTransactionDetailsRequest"]
    assert list(wanted) == ["merchantAuthentication", "transId"]
    assert wanted["merchantAuthentication"] == {"name": "acme", "transactionKey": "a-key"}
    assert wanted["transId"] == "60000000001"


@pytest.mark.parametrize(
    ("number", "truncated"), [("1042", False), ("1" * 19, False), ("1" * 20, True), (None, False)]
)
def test_a_number_of_twenty_may_have_lost_its_beginning(number: str | None, truncated: bool) -> None:
    found = only(order={"invoiceNumber": number})
    assert (found.invoice_number, found.truncated) == (number, truncated)


@pytest.mark.parametrize(
    ("fields", "status", "at"),
    [
        ({}, Status.SUCCEEDED, datetime(2026, 11, 2, 3, 0, 0, 100000, UTC)),
        ({"batch": {}}, None, SUBMITTED),
        ({"transactionStatus": "capturedPendingSettlement"}, None, SUBMITTED),
        ({"transactionStatus": "declined"}, Status.FAILED, SUBMITTED),
        ({"transactionStatus": "FDSPendingReview"}, None, SUBMITTED),
        ({"transactionStatus": "returnedItem"}, None, SUBMITTED),
        (
            {
                "transactionStatus": "returnedItem",
                "returnedItems": [{"id": "2", "dateUTC": "2026-11-09T00:00:00Z", "code": "R02"}],
            },
            Status.RETURNED,
            datetime(2026, 11, 9, tzinfo=UTC),
        ),
    ],
)
def test_a_status_is_told_only_with_its_time(
    fields: dict[str, Any], status: Status | None, at: datetime
) -> None:
    found = only(**fields)
    assert (found.status, found.at) == (status, at)
    assert found.reason == ("R02" if status is Status.RETURNED else None)


def test_a_refund_leads_to_the_transaction_it_refunds() -> None:
    refund = transaction(transId="60000000002", transactionType="refundTransaction", refTransId="60000000001")
    wanted = item("authorizenet", Kind.REFUND, "60000000002")
    (payment, given_back), asked = looked_up(refund, transaction(), asked_for=wanted)
    assert (payment.id, given_back.id, len(asked)) == ("60000000001", "60000000002", 2)
    assert given_back.references == ("60000000002", "60000000001")


def test_a_bank_account_is_said_by_its_last_digits() -> None:
    found = only(payment={"bankAccount": {"accountNumber": "XXXX6789", "nameOnAccount": "W."}}, profile={})
    assert (found.method, found.customer) == ("Bank account ending 6789", "c1")


def test_names_and_addresses_are_not_read() -> None:
    assert "wren@" not in repr(only())


def test_a_transaction_that_is_not_there_is_no_error() -> None:
    assert looked_up(refusal("E00040"))[0] == ()


def test_nothing_is_asked_without_a_transactions_number() -> None:
    assert looked_up(asked_for=item("authorizenet", Kind.CHARGE, "a-word")) == ((), [])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("E00007", Unavailable),
        ("E00011", Unavailable),
        ("E00001", Transient),
        ("E00053", Transient),
        ("E00104", Transient),
        ("E00013", Permanent),
    ],
)
def test_an_error_is_told_by_its_code_though_the_status_is_200(code: str, kind: type[Exception]) -> None:
    with pytest.raises((Transient, Permanent)) as caught:
        looked_up(refusal(code))
    assert type(caught.value) is kind
    assert caught.value.code == code
