"""What a processor's lists mean, word by word, by the official SDKs over the wire; how they page, the local
processors show (``tests/sandbox/processors/test_casewire_lists_it.py``)."""

from __future__ import annotations

import codecs
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.clients.processors import CLIENTS
from connector.errors import Permanent, Transient
from connector.models.facts import Kind, ProcessorObject, Stage, Status

from .processor_rig import client
from .scripted import Asked, Reply, Scripted

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
NOON = SINCE + timedelta(hours=12)
EPOCH = int(NOON.timestamp())
OK = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}
SOURCES = pytest.mark.parametrize("source", CLIENTS)


def stripe(rows: list[dict[str, Any]]) -> Reply:
    return Reply({"object": "list", "url": "/v1/x", "has_more": False, "data": rows})


def gocardless(name: str, rows: list[dict[str, Any]]) -> Reply:
    return Reply({name: rows, "meta": {"cursors": {"before": None, "after": None}, "limit": 500}})


def authorizenet(rows: list[dict[str, Any]]) -> Reply:
    """As what is not settled yet."""
    body = {"transactions": rows, "totalNumInResultSet": len(rows), "messages": OK}
    return Reply(codecs.BOM_UTF8 + json.dumps(body).encode())


def braintree(path: str, element: str) -> Reply:
    head = '<page-size type="integer">50</page-size>'
    if path.endswith("advanced_search_ids"):
        body = (
            f'<search-results>{head}<ids type="array"><item>t1</item><item>t2</item></ids></search-results>'
        )
    elif "disputes" in path:
        body = f'<disputes type="collection">{head}<total-items type="integer">1</total-items>{element}</disputes>'
    else:
        body = f"<credit-card-transactions>{head}{element}</credit-card-transactions>"
    return Reply(body, headers={"Content-Type": "application/xml"})


def transaction(id_: str, status: str, more: str = "") -> str:
    return (
        f"<transaction>{id_}<status>{status}</status><amount>5.00</amount>"
        "<currency-iso-code>USD</currency-iso-code>"
        f'<created-at type="datetime">2026-11-01T12:00:00Z</created-at>{more}</transaction>'
    )


def listed(source: str, kind: Kind, answer: Any) -> tuple[list[ProcessorObject], list[Asked]]:
    with Scripted(answer) as server:
        pages = client(source, server.url).listed(kind, SINCE, UNTIL)
        return [one for page in pages for one in page], server.asked


def only(source: str, kind: Kind, reply: Reply) -> ProcessorObject:
    nothing = authorizenet([])
    first = iter([reply])
    ((found,), _) = listed(source, kind, lambda _: next(first, nothing))
    return found


def test_stripe_is_asked_for_whole_seconds_and_for_the_payment_beside_it() -> None:
    _, (asked,) = listed("stripe", Kind.REFUND, lambda _: stripe([]))
    assert (asked.path, asked.query) == (
        "/v1/refunds",
        {
            "created[gte]": str(int(SINCE.timestamp())),
            "created[lt]": str(int(UNTIL.timestamp())),
            "limit": "100",
            "expand[0]": "data.charge",
        },
    )


def test_stripe_lists_the_connected_accounts_after_the_own_one_page_by_page() -> None:
    def answer(asked: Asked) -> Reply:
        account = asked.headers.get("stripe-account", "own")
        more = account == "acct_2" and "starting_after" not in asked.query
        row = {
            "id": f"ch_{account}{'' if more else '_last'}",
            "object": "charge",
            "created": EPOCH,
            "amount": 500,
        }
        return Reply(
            {"object": "list", "url": "/v1/charges", "has_more": more, "data": [{**row, "currency": "usd"}]}
        )

    with Scripted(answer) as server:
        stripe_ = client("stripe", server.url, STRIPE_CONNECTED_ACCOUNTS="acct_1,acct_2")
        found = [one for page in stripe_.listed(Kind.CHARGE, SINCE, UNTIL) for one in page]
    assert [asked.headers.get("stripe-account") for asked in server.asked] == [
        None,
        "acct_1",
        "acct_2",
        "acct_2",
    ]
    assert [(one.id, one.account) for one in found] == [
        ("ch_own_last", None),
        ("ch_acct_1_last", "acct_1"),
        ("ch_acct_2", "acct_2"),
        ("ch_acct_2_last", "acct_2"),
    ]


@pytest.mark.parametrize(
    ("said", "status", "stage"),
    [
        ("warning_needs_response", Status.NEEDS_RESPONSE, Stage.INQUIRY),
        ("warning_closed", Status.WITHDRAWN, Stage.INQUIRY),
        ("needs_response", Status.NEEDS_RESPONSE, Stage.CHARGEBACK),
        ("under_review", Status.UNDER_REVIEW, Stage.CHARGEBACK),
        ("won", Status.WON, Stage.CHARGEBACK),
        ("appeal_under_review", Status.UNDER_REVIEW, Stage.PRE_ARBITRATION),
        ("something_new", None, Stage.CHARGEBACK),
    ],
)
def test_a_dispute_at_stripe_stands_as_its_status_says(
    said: str, status: Status | None, stage: Stage
) -> None:
    row = {"id": "du_1", "object": "dispute", "created": EPOCH, "status": said}
    found = only("stripe", Kind.DISPUTE, stripe([row]))
    assert (found.status, found.stage, found.opened_at) == (status, stage, NOON)


def test_a_dispute_at_stripe_says_whether_it_was_answered() -> None:
    evidence = {"due_by": EPOCH + 60, "has_evidence": True, "submission_count": 1}
    row = {
        "id": "du_1",
        "object": "dispute",
        "created": EPOCH,
        "status": "lost",
        "evidence_details": evidence,
    }
    assert only("stripe", Kind.DISPUTE, stripe([row])).answered is True


def test_a_dispute_at_stripe_tells_its_network_as_its_events_do() -> None:
    row = {
        "id": "du_1",
        "object": "dispute",
        "created": EPOCH,
        "status": "needs_response",
        "is_charge_refundable": False,
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "network_reason_code": "10.4"}},
    }
    found = only("stripe", Kind.DISPUTE, stripe([row]))
    assert (found.network, found.network_code, found.refundable) == ("visa", "10.4", False)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        ("pending", Status.PENDING, "duplicate"),
        ("requires_action", Status.REQUIRES_ACTION, "duplicate"),
        ("succeeded", Status.SUCCEEDED, "duplicate"),
        ("canceled", Status.CANCELED, "duplicate"),
        ("failed", Status.FAILED, "expired_or_canceled_card"),
    ],
)
def test_a_refund_at_stripe_tells_why_it_failed(said: str, status: Status, reason: str) -> None:
    row = {
        "id": "re_1",
        "object": "refund",
        "created": EPOCH,
        "status": said,
        "reason": "duplicate",
        "failure_reason": "expired_or_canceled_card",
    }
    found = only("stripe", Kind.REFUND, stripe([row]))
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(
    ("kind", "name", "said", "status"),
    [
        (Kind.CHARGE, "payments", "pending_customer_approval", Status.PENDING),
        (Kind.CHARGE, "payments", "submitted", Status.PENDING),
        (Kind.CHARGE, "payments", "confirmed", Status.SUCCEEDED),
        (Kind.CHARGE, "payments", "paid_out", Status.SUCCEEDED),
        (Kind.CHARGE, "payments", "cancelled", Status.FAILED),
        (Kind.CHARGE, "payments", "failed", Status.FAILED),
        (Kind.CHARGE, "payments", "charged_back", Status.RETURNED),
        (Kind.CHARGE, "payments", "something_new", None),
        (Kind.REFUND, "refunds", "submitted", Status.PENDING),
        (Kind.REFUND, "refunds", "paid", Status.SUCCEEDED),
        (Kind.REFUND, "refunds", "cancelled", Status.CANCELED),
        (Kind.REFUND, "refunds", "bounced", Status.FAILED),
        (Kind.REFUND, "refunds", "funds_returned", Status.FAILED),
    ],
)
def test_gocardless_stands_as_its_status_says(
    kind: Kind, name: str, said: str, status: Status | None
) -> None:
    row = {"id": "X1", "created_at": "2026-11-01T12:00:00.000Z", "status": said, "links": {"payment": "PM1"}}
    assert only("gocardless", kind, gocardless(name, [row])).status is status


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        ("authorizedPendingCapture", Kind.CHARGE, Status.PENDING),
        ("capturedPendingSettlement", Kind.CHARGE, Status.PENDING),
        ("FDSPendingReview", Kind.CHARGE, Status.PENDING),
        ("settledSuccessfully", Kind.CHARGE, Status.SUCCEEDED),
        ("returnedItem", Kind.CHARGE, Status.RETURNED),
        ("declined", Kind.CHARGE, Status.FAILED),
        ("voided", Kind.CHARGE, Status.FAILED),
        ("somethingNew", Kind.CHARGE, None),
        ("refundPendingSettlement", Kind.REFUND, Status.PENDING),
        ("refundSettledSuccessfully", Kind.REFUND, Status.SUCCEEDED),
    ],
)
def test_authorizenets_status_tells_a_payment_from_a_refund(
    said: str, kind: Kind, status: Status | None
) -> None:
    row = {"transId": "7", "submitTimeUTC": "2026-11-01T12:00:00Z", "transactionStatus": said}
    found = only("authorizenet", kind, authorizenet([row]))
    assert (found.kind, found.status) == (kind, status)


def test_a_debit_that_came_back_is_told_by_a_mark_of_its_own() -> None:
    row = {"transId": "7", "submitTimeUTC": "2026-11-01T12:00:00Z", "hasReturnedItems": True}
    row |= {"transactionStatus": "settledSuccessfully"}
    assert only("authorizenet", Kind.CHARGE, authorizenet([row])).status is Status.RETURNED


def test_authorizenet_is_asked_in_the_order_that_its_schema_wants() -> None:
    _, (unsettled, batches) = listed("authorizenet", Kind.CHARGE, lambda _: authorizenet([]))
    (asked,) = unsettled.json().values()
    assert list(asked) == ["merchantAuthentication", "sorting", "paging"]
    (asked,) = batches.json().values()
    assert list(asked) == [
        "merchantAuthentication",
        "includeStatistics",
        "firstSettlementDate",
        "lastSettlementDate",
    ]


@pytest.mark.parametrize(
    ("date", "last"),
    [("Mon, 30 Nov 2026 08:00:00 GMT", "2026-11-30T08:00:00Z"), ("once upon a time", "2026-11-02T00:00:00Z")],
)
def test_batches_are_walked_to_the_day_on_which_authorizenet_answers(date: str, last: str) -> None:
    nothing = authorizenet([])
    reply = Reply(nothing.body, headers={"Date": date})
    _, (_, asked) = listed("authorizenet", Kind.CHARGE, lambda _: reply)
    assert asked.json()["getSettledBatchListRequest"]["lastSettlementDate"] == last


@pytest.mark.parametrize(
    ("said", "charge", "refund"),
    [
        ("submitted_for_settlement", Status.PENDING, Status.PENDING),
        ("settled", Status.SUCCEEDED, Status.SUCCEEDED),
        ("processor_declined", Status.FAILED, Status.FAILED),
        ("voided", Status.FAILED, Status.CANCELED),
        ("something_new", None, None),
    ],
)
def test_a_refund_at_braintree_is_a_transaction_of_its_own(
    said: str, charge: Status | None, refund: Status | None
) -> None:
    row = transaction("<id>t1</id>", said, "<refunded-transaction-id>t0</refunded-transaction-id>")
    found = {
        kind: listed("braintree", kind, lambda asked: braintree(asked.path, row))[0][0]
        for kind in (Kind.CHARGE, Kind.REFUND)
    }
    assert (found[Kind.CHARGE].status, found[Kind.REFUND].status) == (charge, refund)
    assert found[Kind.REFUND].references == ("t0",)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("open", Status.NEEDS_RESPONSE),
        ("under_review", Status.UNDER_REVIEW),
        ("disputed", Status.UNDER_REVIEW),
        ("won", Status.WON),
        ("lost", Status.LOST),
        ("accepted", Status.ACCEPTED),
        ("auto_accepted", Status.ACCEPTED),
        ("expired", Status.EXPIRED),
        ("something_new", None),
    ],
)
def test_a_dispute_at_braintree_stands_as_its_status_says(said: str, status: Status | None) -> None:
    row = (
        f"<dispute><id>d1</id><kind>retrieval</kind><status>{said}</status><amount>9.00</amount>"
        '<created-at type="datetime">2026-11-01T12:00:00Z</created-at><reason>fraud</reason>'
        '<reply-by-date type="date">2026-11-15</reply-by-date><currency-iso-code>USD</currency-iso-code>'
        "<transaction><id>t1</id><order-id>1042</order-id></transaction></dispute>"
    )
    (found,), _ = listed("braintree", Kind.DISPUTE, lambda asked: braintree(asked.path, row))
    assert (found.status, found.stage, found.references) == (status, Stage.INQUIRY, ("t1",))
    assert (found.invoice_number, found.due_at) == ("1042", datetime(2026, 11, 15, 23, 59, 59, tzinfo=UTC))


@SOURCES
def test_a_row_that_cannot_be_read_spoils_its_page(source: str) -> None:
    good = {
        "stripe": {"id": "ch_1", "object": "charge", "created": EPOCH},
        "gocardless": {"id": "PM1", "created_at": "2026-11-01T12:00:00.000Z"},
        "authorizenet": {"transId": "7", "submitTimeUTC": "2026-11-01T12:00:00Z"},
    }

    def answer(asked: Asked) -> Reply:
        if source == "braintree":
            rows = transaction("<id>t1</id>", "settled") + transaction("", "settled")
            return braintree(asked.path, rows)
        rows_ = [good[source], {**good[source], "id": None, "transId": None}]
        if source == "gocardless":
            return gocardless("payments", rows_)
        return stripe(rows_) if source == "stripe" else authorizenet(rows_)

    with pytest.raises(Transient) as caught:
        listed(source, Kind.CHARGE, answer)
    assert caught.value.code == "unreadable_answer"


@SOURCES
def test_a_list_that_is_not_there_is_a_wrong_address(source: str) -> None:
    with pytest.raises(Permanent) as caught:
        listed(
            source, Kind.CHARGE, lambda _: Reply({"error": {"type": "invalid_api_usage", "code": 404}}, 404)
        )
    assert caught.value.code == "404"


@SOURCES
@pytest.mark.parametrize("body", ["<html></html>", "[1, 2]", "7"])
def test_an_answer_that_is_no_list_may_be_better_next_time(source: str, body: str) -> None:
    with pytest.raises(Transient):
        listed(source, Kind.CHARGE, lambda _: Reply(body))


def test_names_and_addresses_are_not_read() -> None:
    row = {"transId": "7", "submitTimeUTC": "2026-11-01T12:00:00Z", "firstName": "Wren", "lastName": "Alder"}
    assert "Wren" not in repr(only("authorizenet", Kind.CHARGE, authorizenet([row])))
