"""From an Authorize.Net notification to what it says of which object."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.mappers import match_keys, reasons
from connector.models.events import Event, Fate, Urgency
from connector.models.facts import Kind, ProcessorObject, Status
from connector.models.observation_merge import fold
from connector.webhooks.authorizenet.kinds import HANDLED

from .authorizenet_deliveries import FILTERED, ID, notification, read

AT = datetime(2026, 11, 3, 9, 13, 51, 404123, UTC)
LATER = "2026-11-04T10:00:00.0000000Z"


def only(kind: str, at: str | None = None, **payload: Any) -> Event:
    return read(notification(f"payment.{kind}", *(("n-1", at) if at else ()), **payload))


def carried(kind: str, at: str | None = None, **payload: Any) -> tuple[ProcessorObject, ...]:
    event = only(kind, at, **payload)
    assert event.fate is Fate.HANDLED, event.note
    return event.carried


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("authorization.created", [("charge", ID, "pending")]),
        ("authcapture.created", [("charge", ID, "succeeded")]),
        ("capture.created", [("charge", ID, "succeeded")]),
        ("priorAuthCapture.created", [("charge", ID, "succeeded")]),
        ("void.created", [("charge", ID, None)]),
        ("refund.created", [("refund", ID, "succeeded")]),
        ("fraud.held", [("fraud_warning", ID, "open"), ("charge", ID, "pending")]),
        ("fraud.approved", [("fraud_warning", ID, "closed"), ("charge", ID, None)]),
        ("fraud.declined", [("fraud_warning", ID, "closed"), ("charge", ID, "failed")]),
    ],
)
def test_each_handled_kind_says_how_its_object_stands(
    kind: str, expected: list[tuple[str, str, str | None]]
) -> None:
    event = only(kind, invoiceNumber="1042")
    assert [(str(one.kind), one.id, one.status and str(one.status)) for one in event.carried] == expected
    assert [(pointer.object, *pointer.refs) for pointer in event.pointers] == [row[:2] for row in expected]
    assert HANDLED[event.kind].object == event.carried[0].kind
    assert {(one.at, one.references, one.invoice_number) for one in event.carried} == {(AT, (ID,), "1042")}
    assert event.occurred_at == AT


def test_each_handled_kind_is_in_the_table_above() -> None:
    marks = test_each_handled_kind_says_how_its_object_stands.pytestmark  # type: ignore[attr-defined]
    assert {f"net.authorize.payment.{row[0]}" for row in marks[0].args[1]} == HANDLED.keys()


@pytest.mark.parametrize("code", [int, str])
@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("authorization.created", ("pending", "failed", "failed", "pending")),
        ("authcapture.created", ("succeeded", "failed", "failed", "pending")),
        ("capture.created", ("succeeded", "failed", "failed", "pending")),
        ("priorAuthCapture.created", ("succeeded", "failed", "failed", "pending")),
        ("refund.created", ("succeeded", "failed", "failed", "pending")),
    ],
)
def test_each_response_code_is_a_status(kind: str, statuses: tuple[str, ...], code: type) -> None:
    found = [carried(kind, responseCode=code(one))[0] for one in (1, 2, 3, 4)]
    assert tuple(str(one.status) for one in found) == statuses
    assert [one.reason for one in found] == [None, "declined", "error", None]


@pytest.mark.parametrize("code", [0, 9, -1, "1.0", 1.0, True, None, [], "approved"])
def test_a_response_code_that_is_not_documented_says_nothing(code: object) -> None:
    assert carried("authcapture.created", responseCode=code)[0].status is None
    assert carried("refund.created", responseCode=code)[0].status is None
    assert carried("void.created", responseCode=code)[0].refunded is None


def test_a_payment_says_nothing_that_was_not_told() -> None:
    assert carried("authcapture.created") == (
        ProcessorObject(
            kind=Kind.CHARGE,
            source="authorizenet",
            id=ID,
            at=AT,
            status=Status.SUCCEEDED,
            references=(ID,),
        ),
    )


def test_an_amount_without_a_currency_is_not_told() -> None:
    (charge,) = carried("authcapture.created", authAmount=5000, currency=None)
    assert (charge.amount, charge.currency) == (None, None)


def test_a_held_payment_says_which_filter_holds_it() -> None:
    warning, charge = carried("fraud.held", responseCode=4, fraudList=FILTERED)
    assert (warning.reason, warning.opened_at) == ("AmountFilter", AT)
    assert (charge.reason, charge.opened_at) == (None, None)
    told = reasons.explain(warning)
    assert "amount filter" in told.text
    assert told.action.startswith("Look at the payment")


@pytest.mark.parametrize("filters", [None, [], {}, "AmountFilter", [1], [{}], [{"fraudFilter": ["x"]}]])
def test_a_held_payment_may_not_say_why(filters: object) -> None:
    assert carried("fraud.held", fraudList=filters)[0].reason is None


@pytest.mark.parametrize(("kind", "charged"), [("approved", Status.PENDING), ("declined", Status.FAILED)])
def test_a_review_is_over_whatever_the_order_of_arrival(kind: str, charged: Status) -> None:
    told = [*carried("fraud.held", responseCode=4, fraudList=FILTERED), *carried(f"fraud.{kind}", LATER)]
    warnings = [one for one in told if one.kind is Kind.FRAUD_WARNING]
    warning = fold(warnings)
    assert (warning.status, warning.reason, warning.opened_at) == (Status.CLOSED, "AmountFilter", AT)
    assert fold(reversed(warnings)) == warning
    assert fold(one for one in told if one.kind is Kind.CHARGE).status is charged


def test_an_authorization_that_is_captured_later_is_the_same_charge() -> None:
    told = [*carried("priorAuthCapture.created", LATER), *carried("authorization.created")]
    assert fold(told).status is Status.SUCCEEDED


def test_a_void_gives_all_back_before_it_was_settled() -> None:
    (charge,) = carried("void.created")
    assert (charge.status, charge.refunded, charge.refundable) == (None, True, False)
    assert fold([*carried("authcapture.created"), *carried("void.created", LATER)]).refunded is True


def test_a_void_that_was_refused_changes_nothing() -> None:
    (charge,) = carried("void.created", responseCode=2)
    assert (charge.status, charge.refunded, charge.refundable) == (None, None, None)


def test_a_refund_is_known_by_its_own_number() -> None:
    (refund,) = carried("refund.created", id="60000000002")
    assert (refund.id, refund.opened_at) == ("60000000002", AT)
    assert match_keys.of_processor(refund) == ("reference:60000000002",)


@pytest.mark.parametrize(
    ("number", "expected", "truncated"),
    [
        ("1042", "1042", False),
        (1042, "1042", False),
        (" 1042 ", "1042", False),
        ("2345678901234567890", "2345678901234567890", False),
        ("12345678901234567890", "12345678901234567890", True),
        ("", None, False),
        ({"a": 1}, None, False),
        (None, None, False),
    ],
)
def test_an_invoice_number_of_twenty_characters_may_have_been_cut(
    number: object, expected: str | None, truncated: bool
) -> None:
    (charge,) = carried("authcapture.created", invoiceNumber=number)
    assert (charge.invoice_number, charge.truncated) == (expected, truncated)


def test_the_merchants_reference_is_no_invoice_number() -> None:
    (charge,) = carried("authcapture.created", merchantReferenceId="1042")
    assert (charge.invoice_number, charge.references) == (None, (ID,))


def test_an_id_that_is_a_number_is_the_same_id() -> None:
    assert carried("authcapture.created", id=int(ID))[0].id == ID


@pytest.mark.parametrize("live", [True, False])
def test_live_and_test_events_are_told_apart_by_the_key_alone(live: bool) -> None:
    assert read(notification("payment.fraud.held"), live).fate is Fate.HANDLED


@pytest.mark.parametrize(
    ("kind", "urgency"),
    [
        ("fraud.held", Urgency.DISPUTE),
        ("fraud.approved", Urgency.DISPUTE),
        ("authcapture.created", Urgency.ROUTINE),
        ("refund.created", Urgency.ROUTINE),
    ],
)
def test_what_hurts_goes_first(kind: str, urgency: Urgency) -> None:
    assert only(kind).urgency is urgency


@pytest.mark.parametrize(
    ("kind", "at", "payload", "note"),
    [
        ("authcapture.created", None, {"id": None}, "It does not say which charge it is about."),
        ("refund.created", None, {"id": ""}, "It does not say which refund it is about."),
        ("fraud.held", None, {"id": "\x00"}, "It does not say which fraud_warning it is about."),
        ("fraud.held", "yesterday", {}, "It does not say when it happened."),
    ],
)
def test_an_event_that_does_not_say_enough_is_kept_for_a_person(
    kind: str, at: str | None, payload: dict[str, Any], note: str
) -> None:
    event = only(kind, at, **payload)
    assert (event.fate, event.note, event.pointers) == (Fate.UNREADABLE, note, ())


@pytest.mark.parametrize("missing", ["notificationId", "eventType"])
def test_what_is_no_notification_is_known_by_its_bytes(missing: str) -> None:
    whole = json.loads(notification("payment.fraud.held"))
    event = read(json.dumps({**whole, missing: None}).encode())
    assert event.fate is Fate.UNREADABLE
    assert event.event_id.startswith("sha256-")


@pytest.mark.parametrize(
    "kind", ["customer.created", "customer.paymentProfile.updated", "customer.subscription.failed"]
)
def test_what_recurly_tells_of_itself_is_ignored_with_a_reason(kind: str) -> None:
    event = read(notification(kind, entityName="customerProfile", id="394"))
    assert event.fate is Fate.IGNORED
    assert "Recurly" in event.note
