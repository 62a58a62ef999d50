"""What each event of PayPal says of its resource: payload in, observation out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.models.events import Fate, Pointer, Urgency
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.processor_objects import STATUSES
from connector.webhooks.paypal.kinds import HANDLED

from .paypal_deliveries import (
    CERT_URL,
    SANDBOX_CERT_URL,
    agreement,
    capture,
    dispute,
    event,
    link,
    payout_batch,
    payout_item,
    read,
    refund,
    sale,
    sale_refund,
    token,
)

AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)
CAPTURE, SALE, ITEM = "3C679366HH908993F", "9T0916710M1105906", "AYNYWNCHBD8KS"

CASES: dict[str, tuple[dict[str, Any], Kind, str, Status]] = {
    "CUSTOMER.DISPUTE.CREATED": (dispute(), Kind.DISPUTE, "PP-D-4012", Status.NEEDS_RESPONSE),
    "CUSTOMER.DISPUTE.UPDATED": (
        dispute(status="UNDER_REVIEW"),
        Kind.DISPUTE,
        "PP-D-4012",
        Status.UNDER_REVIEW,
    ),
    "CUSTOMER.DISPUTE.RESOLVED": (
        dispute(status="RESOLVED", dispute_outcome={"outcome_code": "RESOLVED_SELLER_FAVOUR"}),
        Kind.DISPUTE,
        "PP-D-4012",
        Status.WON,
    ),
    "RISK.DISPUTE.CREATED": (dispute(), Kind.DISPUTE, "PP-D-4012", Status.NEEDS_RESPONSE),
    "PAYMENT.CAPTURE.COMPLETED": (capture(), Kind.CHARGE, CAPTURE, Status.SUCCEEDED),
    "PAYMENT.CAPTURE.PENDING": (capture(status="PENDING"), Kind.CHARGE, CAPTURE, Status.PENDING),
    "PAYMENT.CAPTURE.DECLINED": (capture(status="DECLINED"), Kind.CHARGE, CAPTURE, Status.FAILED),
    "PAYMENT.CAPTURE.DENIED": (capture(status="DECLINED"), Kind.CHARGE, CAPTURE, Status.FAILED),
    "PAYMENT.CAPTURE.REVERSED": (refund(), Kind.CHARGE, CAPTURE, Status.RETURNED),
    "PAYMENT.CAPTURE.REFUNDED": (refund(), Kind.REFUND, "1JU08902781691411", Status.SUCCEEDED),
    "PAYMENT.REFUND.PENDING": (
        refund(status="PENDING"),
        Kind.REFUND,
        "1JU08902781691411",
        Status.PENDING,
    ),
    "PAYMENT.REFUND.FAILED": (refund(status="FAILED"), Kind.REFUND, "1JU08902781691411", Status.FAILED),
    "PAYMENT.SALE.COMPLETED": (sale(), Kind.CHARGE, SALE, Status.SUCCEEDED),
    "PAYMENT.SALE.PENDING": (sale(state="pending"), Kind.CHARGE, SALE, Status.PENDING),
    "PAYMENT.SALE.DENIED": (sale(state="denied"), Kind.CHARGE, SALE, Status.FAILED),
    "PAYMENT.SALE.REVERSED": (sale(state="reversed"), Kind.CHARGE, SALE, Status.RETURNED),
    "PAYMENT.SALE.REFUNDED": (sale_refund(), Kind.REFUND, "6YX43824R4443062K", Status.SUCCEEDED),
    "PAYMENT.PAYOUTS-ITEM.SUCCEEDED": (payout_item(), Kind.PAYOUT, ITEM, Status.PAID),
    "PAYMENT.PAYOUTS-ITEM.HELD": (payout_item(), Kind.PAYOUT, ITEM, Status.PENDING),
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED": (payout_item(), Kind.PAYOUT, ITEM, Status.PENDING),
    "PAYMENT.PAYOUTS-ITEM.CANCELED": (payout_item(), Kind.PAYOUT, ITEM, Status.CANCELED),
    "PAYMENT.PAYOUTS-ITEM.BLOCKED": (payout_item(), Kind.PAYOUT, ITEM, Status.FAILED),
    "PAYMENT.PAYOUTS-ITEM.DENIED": (payout_item(), Kind.PAYOUT, ITEM, Status.FAILED),
    "PAYMENT.PAYOUTS-ITEM.FAILED": (payout_item(), Kind.PAYOUT, ITEM, Status.FAILED),
    "PAYMENT.PAYOUTS-ITEM.REFUNDED": (payout_item(), Kind.PAYOUT, ITEM, Status.FAILED),
    "PAYMENT.PAYOUTS-ITEM.RETURNED": (payout_item(), Kind.PAYOUT, ITEM, Status.FAILED),
    "PAYMENT.PAYOUTSBATCH.DENIED": (payout_batch(), Kind.PAYOUT, "Q8B9WFS7ZZJ4Q", Status.FAILED),
    "BILLING_AGREEMENTS.AGREEMENT.CANCELLED": (
        agreement(),
        Kind.MANDATE,
        "B-50V812176H0783741",
        Status.INACTIVE,
    ),
    "VAULT.PAYMENT-TOKEN.DELETED": (token(), Kind.MANDATE, "8kk8451t", Status.INACTIVE),
}


def first(kind: str, resource: dict[str, Any], **fields: Any) -> ProcessorObject:
    told = read(event(kind, resource, **fields))
    assert told.fate is Fate.HANDLED, told.note
    return told.carried[0]


def test_every_handled_kind_is_in_the_table() -> None:
    assert CASES.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", CASES)
def test_an_event_carries_the_object_it_is_about(kind: str) -> None:
    resource, about, object_id, status = CASES[kind]
    told = read(event(kind, resource))
    assert (told.fate, told.kind) == (Fate.HANDLED, kind)
    assert told.event_id == "WH-4M0448861G563140B-9EX36365822141321"
    assert (told.urgency, told.occurred_at) == (HANDLED[kind].urgency, AT)
    one = told.carried[0]
    assert (one.source, one.kind, one.id, one.status) == ("paypal", about, object_id, status)
    assert HANDLED[kind].object is about
    assert status in STATUSES[about]
    assert told.pointers[0] == Pointer(str(about), (object_id,))


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("resource", [{}, None, [], "x"])
def test_a_resource_without_an_id_is_unreadable(kind: str, resource: object) -> None:
    told = read(event(kind, resource))
    assert (told.fate, told.carried, told.kind) == (Fate.UNREADABLE, (), kind)
    assert told.note


def test_disputes_go_first_and_failures_before_routine() -> None:
    assert {k for k, handled in HANDLED.items() if handled.urgency is Urgency.DISPUTE} == {
        kind for kind in HANDLED if "DISPUTE" in kind
    }
    ends = ("FAILED", "DENIED", "DECLINED", "REVERSED", "RETURNED", "BLOCKED")
    assert all(HANDLED[kind].urgency is Urgency.FAILURE for kind in HANDLED if kind.endswith(ends))


# Disputes --------------------------------------------------------------------------------------------------


def test_a_dispute_says_why_how_much_and_until_when() -> None:
    assert first("CUSTOMER.DISPUTE.CREATED", dispute(external_reason_code="4853")) == ProcessorObject(
        kind=Kind.DISPUTE,
        source="paypal",
        id="PP-D-4012",
        at=datetime(2026, 11, 3, 11, 59, tzinfo=UTC),
        status=Status.NEEDS_RESPONSE,
        stage=Stage.CHARGEBACK,
        reason="MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        network_code="4853",
        amount=Decimal("49.00"),
        currency="USD",
        due_at=datetime(2026, 11, 13, 10, tzinfo=UTC),
        opened_at=datetime(2026, 11, 3, 10, tzinfo=UTC),
        references=("6T496768GW863311H",),
        invoice_number="INV-1042",
        customer="PAYER1",
        link="https://www.paypal.com/resolutioncenter/view/PP-D-4012",
    )


@pytest.mark.parametrize("word", list(Stage))
def test_the_life_cycle_stage_is_the_stage(word: Stage) -> None:
    assert first("CUSTOMER.DISPUTE.UPDATED", dispute(dispute_life_cycle_stage=word.upper())).stage is word


@pytest.mark.parametrize(
    ("word", "due", "status"),
    [
        ("OPEN", "2026-11-13T10:00:00Z", Status.NEEDS_RESPONSE),
        ("OPEN", None, Status.UNDER_REVIEW),
        ("WAITING_FOR_SELLER_RESPONSE", None, Status.NEEDS_RESPONSE),
        ("WAITING_FOR_BUYER_RESPONSE", "2026-11-13T10:00:00Z", Status.UNDER_REVIEW),
        ("UNDER_REVIEW", None, Status.UNDER_REVIEW),
        ("OTHER", None, Status.UNDER_REVIEW),
        ("A_WORD_OF_NEXT_YEAR", None, None),
    ],
)
def test_whose_turn_it_is(word: str, due: str | None, status: Status | None) -> None:
    one = first("CUSTOMER.DISPUTE.UPDATED", dispute(status=word, seller_response_due_date=due))
    assert one.status is status


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("RESOLVED_SELLER_FAVOUR", Status.WON),
        ("RESOLVED_WITH_PAYOUT", Status.WON),
        ("DENIED", Status.WON),
        ("RESOLVED_BUYER_FAVOUR", Status.LOST),
        ("RESOLVED_BUYER_FAVOR", Status.LOST),
        ("ACCEPTED", Status.LOST),
        ("CANCELED_BY_BUYER", Status.WITHDRAWN),
        ("NONE", Status.WITHDRAWN),
        ("A_WORD_OF_NEXT_YEAR", None),
        (None, None),
    ],
)
def test_the_outcome_says_who_won(outcome: str | None, status: Status | None) -> None:
    found = dispute(status="RESOLVED", dispute_outcome={"outcome_code": outcome})
    assert first("CUSTOMER.DISPUTE.RESOLVED", found).status is status


def test_a_dispute_of_several_transactions_names_them_all() -> None:
    transactions = [{"seller_transaction_id": name} for name in ("T1", "T2", "T1", None)]
    one = first("CUSTOMER.DISPUTE.CREATED", dispute(disputed_transactions=transactions))
    assert one.references == ("T1", "T2")


def test_a_dispute_that_says_no_time_is_of_the_events_time() -> None:
    assert first("CUSTOMER.DISPUTE.CREATED", dispute(update_time=None)).at == AT


# Live and test ---------------------------------------------------------------------------------------------


def sandbox(**fields: Any) -> bytes:
    links = [link("self", "v1/notifications/webhooks-events/WH-1", "api.sandbox.paypal.com")]
    return event("CUSTOMER.DISPUTE.CREATED", dispute(links=[]), links=links, **fields)


def test_an_event_of_the_sandbox_is_worked_in_test_mode_only() -> None:
    ignored = read(sandbox(), live=True)
    assert (ignored.fate, ignored.carried) == (Fate.IGNORED, ())
    assert "test" in ignored.note
    told = read(sandbox(), live=False)
    assert told.carried[0].link == "https://www.sandbox.paypal.com/resolutioncenter/view/PP-D-4012"


def test_a_live_event_is_not_worked_in_test_mode() -> None:
    body = event("CUSTOMER.DISPUTE.CREATED", dispute(links=[]))
    assert read(body, live=False).fate is Fate.IGNORED


def test_without_links_the_host_of_the_certificate_tells() -> None:
    body = event("CUSTOMER.DISPUTE.CREATED", dispute(links=[]), links=[])
    assert read(body, live=True, cert_url=CERT_URL).fate is Fate.HANDLED
    assert read(body, live=True, cert_url=SANDBOX_CERT_URL).fate is Fate.IGNORED


# Payments and refunds --------------------------------------------------------------------------------------


def test_a_capture_names_its_order_and_invoice() -> None:
    one = first("PAYMENT.CAPTURE.COMPLETED", capture())
    assert (one.references, one.invoice_number) == ((CAPTURE, "5O190127TN364715T"), "INV-1042")
    assert (one.amount, one.currency, one.method) == (Decimal("49.00"), "USD", "PayPal")


def test_a_sale_names_its_payment_and_invoice() -> None:
    one = first("PAYMENT.SALE.COMPLETED", sale())
    assert (one.references, one.invoice_number) == ((SALE, "PAY-5437236047802405NKRJ22UA"), "INV-1042")
    assert (one.amount, one.currency) == (Decimal("49.00"), "USD")


def test_a_declined_capture_says_why() -> None:
    found = capture(status="DECLINED", status_details={"reason": "BUYER_COMPLAINT"})
    assert first("PAYMENT.CAPTURE.DECLINED", found).reason == "BUYER_COMPLAINT"
    assert first("PAYMENT.SALE.DENIED", sale(reason_code="ECHECK")).reason == "ECHECK"


def test_a_card_charged_through_paypal_is_not_said_to_be_paypal() -> None:
    found = capture(network_transaction_reference={"id": "1", "network": "VISA"})
    assert first("PAYMENT.CAPTURE.COMPLETED", found).method is None


def test_a_reversal_that_comes_as_a_refund_is_of_the_capture_and_not_its_amount() -> None:
    one = first("PAYMENT.CAPTURE.REVERSED", refund())
    assert (one.id, one.references) == (CAPTURE, (CAPTURE,))
    assert (one.amount, one.currency) == (None, None)


@pytest.mark.parametrize(
    ("kind", "found", "paid"),
    [
        ("PAYMENT.CAPTURE.REFUNDED", refund(), CAPTURE),
        ("PAYMENT.SALE.REFUNDED", sale_refund(), SALE),
        (
            "PAYMENT.SALE.REFUNDED",
            sale_refund(sale_id=None, links=[link("sale", f"v1/payments/sale/{SALE}")]),
            SALE,
        ),
        ("PAYMENT.CAPTURE.REFUNDED", refund(links=[link("up", f"v2/payments/captures/{CAPTURE}/")]), CAPTURE),
    ],
)
def test_a_refund_points_to_its_payment_and_marks_it(kind: str, found: dict[str, Any], paid: str) -> None:
    one, other = read(event(kind, found)).carried
    assert one.references[0] == paid
    assert (one.amount, one.currency) == (Decimal("19.00"), "USD")
    assert (other.kind, other.id, other.refunded, other.status) == (Kind.CHARGE, paid, True, None)


@pytest.mark.parametrize(
    "links",
    [
        [],
        [link("self", f"v2/payments/captures/{CAPTURE}")],
        [link("up", "v2/payments/captures/..%2f..%2fx")],
        [link("up", f"v2/payments/captures/{CAPTURE}?x=1")],
        [{"rel": ["up"], "href": None}],
        "x",
    ],
)
def test_a_link_that_is_not_to_a_payment_says_nothing(links: object) -> None:
    (one,) = read(event("PAYMENT.CAPTURE.REFUNDED", refund(links=links))).carried
    assert (one.references, one.invoice_number) == ((), "INV-1042")


@pytest.mark.parametrize(
    ("word", "status", "carried"),
    [
        ("COMPLETED", Status.SUCCEEDED, 2),
        ("PENDING", Status.PENDING, 1),
        ("FAILED", Status.FAILED, 1),
        ("CANCELLED", Status.CANCELED, 1),
        (None, Status.SUCCEEDED, 2),
    ],
)
def test_a_refund_may_be_put_off_or_denied(word: str | None, status: Status, carried: int) -> None:
    told = read(event("PAYMENT.CAPTURE.REFUNDED", refund(status=word))).carried
    assert (told[0].status, len(told)) == (status, carried)


# Payouts ---------------------------------------------------------------------------------------------------


def test_a_payout_says_why_it_was_not_paid() -> None:
    errors = {"name": "RECEIVER_UNREGISTERED", "message": "Receiver is unregistered."}
    one = first("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", payout_item(errors=errors))
    assert (one.reason, one.reason_text) == ("RECEIVER_UNREGISTERED", "Receiver is unregistered.")
    assert (one.amount, one.currency, one.references) == (Decimal("120.50"), "USD", ("57J64166G9424913F",))
    assert first("PAYMENT.PAYOUTS-ITEM.RETURNED", payout_item()).reason == "RETURNED"
    assert first("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", payout_item()).reason is None


def test_the_payee_is_the_same_for_each_payout_and_never_the_address() -> None:
    one = first("PAYMENT.PAYOUTS-ITEM.FAILED", payout_item())
    shouted = {"receiver": "AUTHOR@EXAMPLE.COM", "recipient_type": "EMAIL"}
    other = first("PAYMENT.PAYOUTS-ITEM.FAILED", payout_item(payout_item=shouted))
    assert one.payee
    assert one.payee == other.payee
    assert "example" not in repr(one).lower()


def test_a_payee_with_an_id_at_paypal_is_called_by_it() -> None:
    item = {"receiver": "5DEJUG27PZB9J", "recipient_type": "PAYPAL_ID"}
    assert first("PAYMENT.PAYOUTS-ITEM.FAILED", payout_item(payout_item=item)).payee == "5DEJUG27PZB9J"


def test_a_batch_that_was_denied_is_a_payout_that_failed() -> None:
    one = first("PAYMENT.PAYOUTSBATCH.DENIED", payout_batch())
    assert (one.amount, one.currency, one.payee) == (Decimal("500.00"), "USD", "")


def test_an_agreement_that_ended_names_its_customer() -> None:
    assert first("VAULT.PAYMENT-TOKEN.DELETED", token()).customer == "CUSTOMER1"
    assert first("BILLING_AGREEMENTS.AGREEMENT.CANCELLED", agreement()).customer == "PAYER1"


def test_an_event_of_paypals_subscriptions_is_ignored_because_recurly_bills() -> None:
    told = read(event("BILLING.SUBSCRIPTION.CANCELLED", {"id": "I-1"}))
    assert told.fate is Fate.IGNORED
    assert "Recurly" in told.note
