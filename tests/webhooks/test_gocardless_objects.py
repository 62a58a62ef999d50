"""From a GoCardless event to what it says of which object."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.models.events import Event, Fate, Urgency
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.observation_merge import fold
from connector.webhooks.gocardless.kinds import HANDLED

from .gocardless_deliveries import batch, item, read

AT = datetime(2026, 11, 3, 9, 13, 51, 404000, UTC)


def only(kind: str, **fields: Any) -> Event:
    (event,) = read(batch(item(kind, **fields)))
    return event


def carried(kind: str, **fields: Any) -> tuple[ProcessorObject, ...]:
    event = only(kind, **fields)
    assert event.fate is Fate.HANDLED, event.note
    return event.carried


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("payments.created", [("charge", "PM1", "pending")]),
        ("payments.customer_approval_granted", [("charge", "PM1", "pending")]),
        ("payments.customer_approval_denied", [("charge", "PM1", "failed")]),
        ("payments.submitted", [("charge", "PM1", "pending")]),
        ("payments.resubmission_requested", [("charge", "PM1", "pending")]),
        ("payments.confirmed", [("charge", "PM1", "succeeded")]),
        ("payments.paid_out", [("charge", "PM1", "succeeded")]),
        ("payments.cancelled", [("charge", "PM1", "failed")]),
        ("payments.failed", [("charge", "PM1", "failed")]),
        ("payments.late_failure_settled", [("charge", "PM1", "returned")]),
        ("payments.charged_back", [("dispute", "PM1", "lost"), ("charge", "PM1", "returned")]),
        ("payments.chargeback_cancelled", [("dispute", "PM1", "won"), ("charge", "PM1", "succeeded")]),
        ("payments.chargeback_settled", [("dispute", "PM1", "lost"), ("charge", "PM1", "returned")]),
        ("refunds.created", [("refund", "RF1", "pending")]),
        ("refunds.paid", [("refund", "RF1", "succeeded")]),
        ("refunds.refund_settled", [("refund", "RF1", None)]),
        ("refunds.failed", [("refund", "RF1", "failed")]),
        ("refunds.funds_returned", [("refund", "RF1", "failed")]),
        ("payouts.paid", [("payout", "PO1", "paid")]),
        ("creditors.bounced_payout", [("payout", "CR1", "failed")]),
        ("mandates.created", [("mandate", "MD1", "pending")]),
        ("mandates.customer_approval_granted", [("mandate", "MD1", "pending")]),
        ("mandates.customer_approval_skipped", [("mandate", "MD1", "pending")]),
        ("mandates.submitted", [("mandate", "MD1", "pending")]),
        ("mandates.resubmission_requested", [("mandate", "MD1", "pending")]),
        ("mandates.active", [("mandate", "MD1", "active")]),
        ("mandates.reinstated", [("mandate", "MD1", "active")]),
        ("mandates.transferred", [("mandate", "MD1", None)]),
        ("mandates.replaced", [("mandate", "MD1", None)]),
        ("mandates.consumed", [("mandate", "MD1", None)]),
        ("mandates.cancelled", [("mandate", "MD1", "inactive")]),
        ("mandates.failed", [("mandate", "MD1", "inactive")]),
        ("mandates.expired", [("mandate", "MD1", "inactive")]),
        ("mandates.blocked", [("mandate", "MD1", "inactive")]),
    ],
)
def test_each_handled_kind_says_how_its_object_stands(
    kind: str, expected: list[tuple[str, str, str | None]]
) -> None:
    event = only(kind)
    assert [(str(one.kind), one.id, one.status and str(one.status)) for one in event.carried] == expected
    assert [(pointer.object, *pointer.refs) for pointer in event.pointers] == [row[:2] for row in expected]
    assert HANDLED[kind].object == event.carried[0].kind
    assert {one.at for one in event.carried} == {AT}
    assert event.occurred_at == AT


def test_each_handled_kind_is_in_the_table_above() -> None:
    marks = test_each_handled_kind_says_how_its_object_stands.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks[0].args[1]} == HANDLED.keys()


def test_a_failed_debit_tells_why_in_the_banks_words_and_in_gocardlesss() -> None:
    details = {
        "cause": "insufficient_funds",
        "scheme": "SEPA_core",
        "reason_code": "AM04",
        "description": "The customer's account had insufficient funds.",
    }
    (charge,) = carried(
        "payments.failed",
        links={"payment": "PM7", "customer": "CU9"},
        details=details,
        resource_metadata={"invoiceNumber": "1042"},
    )
    assert charge == ProcessorObject(
        kind=Kind.CHARGE,
        source="gocardless",
        id="PM7",
        at=AT,
        status=Status.FAILED,
        reason="insufficient_funds",
        reason_text="The customer's account had insufficient funds.",
        network="sepa_core",
        network_code="AM04",
        references=("PM7",),
        invoice_number="1042",
        customer="CU9",
        link="https://manage.gocardless.com/payments/PM7",
    )


def test_a_failure_that_gocardless_tries_again_says_so_and_is_still_a_failure() -> None:
    details = {"cause": "refer_to_payer", "description": "Refer to payer.", "will_attempt_retry": True}
    (charge,) = carried("payments.failed", details=details)
    assert (charge.status, charge.reason_text) == (
        Status.FAILED,
        "Refer to payer. GoCardless will try again automatically.",
    )
    (charge,) = carried("payments.failed", details={**details, "will_attempt_retry": False})
    assert charge.reason_text == "Refer to payer."
    (charge,) = carried("payments.failed", details={"will_attempt_retry": True})
    assert charge.reason_text == "GoCardless will try again automatically."


def test_a_chargeback_is_a_dispute_about_the_payment() -> None:
    details = {"cause": "authorisation_disputed", "scheme": "bacs", "reason_code": "DDICA-4"}
    dispute, charge = carried("payments.charged_back", details=details)
    assert (dispute.stage, dispute.opened_at, dispute.due_at) == (Stage.CHARGEBACK, AT, None)
    assert dispute.references == charge.references == ("PM1",)
    assert (dispute.reason, dispute.network, dispute.network_code) == (
        "authorisation_disputed",
        "bacs",
        "DDICA-4",
    )


def test_what_follows_a_chargeback_does_not_hide_why_it_was() -> None:
    told = [
        *carried("payments.charged_back", details={"cause": "authorisation_disputed", "reason_code": "MD06"}),
        *carried(
            "payments.chargeback_settled",
            created_at="2026-11-05T00:00:00Z",
            details={"cause": "chargeback_settled", "description": "It was settled."},
        ),
        *carried(
            "payments.chargeback_cancelled",
            created_at="2026-11-09T00:00:00Z",
            details={"cause": "payment_confirmed"},
        ),
    ]
    dispute = fold(one for one in told if one.kind is Kind.DISPUTE)
    assert (dispute.status, dispute.reason, dispute.network_code) == (
        Status.WON,
        "authorisation_disputed",
        "MD06",
    )
    charge = fold(one for one in told if one.kind is Kind.CHARGE)
    assert (charge.status, charge.reason) == (Status.SUCCEEDED, "authorisation_disputed")


def test_a_refund_that_failed_stays_failed_when_its_money_is_booked() -> None:
    told = [
        *carried("refunds.created", details={"cause": "refund_created"}),
        *carried("refunds.paid", created_at="2026-11-04T00:00:00Z", details={"cause": "refund_paid"}),
        *carried("refunds.failed", created_at="2026-11-06T00:00:00Z", details={"cause": "refund_failed"}),
        *carried("refunds.refund_settled", created_at="2026-11-07T00:00:00Z"),
        *carried("refunds.funds_returned", created_at="2026-11-08T00:00:00Z"),
    ]
    assert (fold(told).status, fold(told).reason) == (Status.FAILED, "refund_failed")
    assert fold(reversed(told)) == fold(told)


def test_a_refund_that_names_its_payment_is_found_by_it() -> None:
    (refund,) = carried("refunds.failed", links={"refund": "RF1", "payment": "PM1"})
    assert refund.references == ("PM1",)


def test_a_bounced_payout_is_the_payout_where_it_is_linked() -> None:
    (payout,) = carried("creditors.bounced_payout", links={"creditor": "CR1", "payout": "PO7"})
    assert (payout.id, payout.payee, payout.status) == ("PO7", "", Status.FAILED)
    assert payout.link == "https://manage.gocardless.com/payouts/PO7"


def test_a_replaced_mandate_names_the_new_one() -> None:
    (mandate,) = carried("mandates.replaced", links={"mandate": "MD1", "new_mandate": "MD2"})
    assert mandate.reason_text == "Replaced by the mandate MD2."


def test_a_test_installation_links_to_the_sandbox() -> None:
    (event,) = read(batch(item("mandates.active")), live=False)
    assert event.fate is Fate.HANDLED
    assert event.carried[0].link == "https://manage-sandbox.gocardless.com/mandates/MD1"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"invoiceNumber": "1042"}, "1042"),
        ({"invoice_number": " FR-1042 "}, "FR-1042"),
        ({"invoiceNumber": 1042}, "1042"),
        ({"invoiceNumber": {"a": 1}}, None),
        ({"order": "1042"}, None),
        ([], None),
        (None, None),
    ],
)
def test_an_invoice_number_is_read_from_the_payments_metadata(metadata: object, expected: str | None) -> None:
    (charge,) = carried("payments.confirmed", resource_metadata=metadata)
    assert charge.invoice_number == expected


@pytest.mark.parametrize(
    ("kind", "urgency"),
    [
        ("payments.charged_back", Urgency.DISPUTE),
        ("payments.failed", Urgency.FAILURE),
        ("refunds.failed", Urgency.FAILURE),
        ("creditors.bounced_payout", Urgency.FAILURE),
        ("mandates.cancelled", Urgency.FAILURE),
        ("payments.confirmed", Urgency.ROUTINE),
        ("mandates.active", Urgency.ROUTINE),
    ],
)
def test_what_hurts_goes_first(kind: str, urgency: Urgency) -> None:
    assert only(kind).urgency is urgency


@pytest.mark.parametrize(
    ("kind", "fields", "note"),
    [
        ("payments.failed", {"links": {}}, "It does not say which charge it is about."),
        ("payments.charged_back", {"links": []}, "It does not say which dispute it is about."),
        ("refunds.failed", {"links": {"refund": None}}, "It does not say which refund it is about."),
        ("payouts.paid", {"links": {"payout": "\x00"}}, "It does not say which payout it is about."),
        ("mandates.failed", {"links": "MD1"}, "It does not say which mandate it is about."),
        ("payments.failed", {"created_at": "yesterday"}, "It does not say when it happened."),
    ],
)
def test_an_event_that_does_not_say_enough_is_kept_for_a_person(
    kind: str, fields: dict[str, Any], note: str
) -> None:
    event = only(kind, **fields)
    assert (event.fate, event.note, event.pointers) == (Fate.UNREADABLE, note, ())


@pytest.mark.parametrize(
    "kind", ["billing_requests.created", "payouts.fx_rate_confirmed", "creditors.updated"]
)
def test_what_concerns_no_payment_is_ignored_with_a_reason(kind: str) -> None:
    event = only(kind)
    assert event.fate is Fate.IGNORED
    assert event.note.endswith(".")


def test_what_is_stored_is_a_delivery_of_this_event_alone() -> None:
    first, second = item("payments.failed", "EV1"), item("payments.paid_out", "EV2")
    one, two = read(batch(first, second))
    assert json.loads(one.body) == {"events": [first], "meta": {"webhook_id": "WB1"}}
    assert json.loads(two.body) == {"events": [second], "meta": {"webhook_id": "WB1"}}
    assert read(one.body.encode()) == (one,)
