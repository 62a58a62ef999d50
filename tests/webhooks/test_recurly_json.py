from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.models.events import Fate, Pointer, Urgency
from connector.webhooks.recurly import parse

from .recurly_deliveries import UUID, thin

ID = "r1a2b3c4d5e6"


@pytest.mark.parametrize(
    ("kind", "fields", "pointer"),
    [
        ("account.updated", {"account_code": "wren-42"}, Pointer("account", (ID, "code-wren-42"))),
        ("account.closed", {"account_code": "a/b@ü, c"}, Pointer("account", (ID, "code-a/b@ü, c"))),
        ("account.closed", {"id": None, "account_code": "w"}, Pointer("account", ("code-w",))),
        ("billing_info.updated", {"account_code": "wren"}, Pointer("account", ("code-wren",))),
        ("subscription.renewed", {"uuid": UUID}, Pointer("subscription", (ID, f"uuid-{UUID}"))),
        ("subscription.pause.scheduled", {"uuid": UUID}, Pointer("subscription", (ID, f"uuid-{UUID}"))),
        (
            "subscription.renewal.cc_will_expire",
            {"uuid": UUID},
            Pointer("subscription", (ID, f"uuid-{UUID}")),
        ),
        ("payment.failed", {"uuid": UUID}, Pointer("payment", (ID, f"uuid-{UUID}"))),
        ("payment.refunded", {"uuid": UUID, "id": 5}, Pointer("payment", (f"uuid-{UUID}",))),
        ("payment.voided", {"uuid": None}, Pointer("payment", (ID,))),
        ("charge_invoice.past_due", {"invoice_number": 1000}, Pointer("invoice", (ID, "number-1000"))),
        ("credit_invoice.created", {"invoice_number": 1001}, Pointer("invoice", (ID, "number-1001"))),
        ("invoice.created", {"invoice_number": "FR7"}, Pointer("invoice", (ID, "number-FR7"))),
        ("dunning_event.created", {"invoice_number": 1000}, Pointer("invoice", (ID, "number-1000"))),
        ("credit_payment.voided", {"uuid": UUID}, Pointer("credit_payment", (ID, f"uuid-{UUID}"))),
    ],
)
def test_a_handled_kind_points_to_its_object(kind: str, fields: dict[str, Any], pointer: Pointer) -> None:
    reading = parse.read(thin(kind, **fields))
    assert (reading.kind, reading.fate, reading.pointers) == (kind, Fate.HANDLED, (pointer,))
    assert reading.note == ""


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("account.updated", {}),
        ("account.updated", {"account_code": 7}),
        ("account.updated", {"account_code": "  "}),
        ("account.updated", {"account_code": "a\x00b"}),
        ("account.updated", {"account_code": "\ud800"}),
        ("account.updated", {"account_code": "x" * 256}),
        ("payment.failed", {"id": None}),
        ("payment.failed", {"id": "a,b", "uuid": ["x"]}),
        ("payment.failed", {"id": "../accounts", "uuid": {}}),
        ("invoice.created", {"id": None, "invoice_number": True}),
        ("invoice.created", {"id": None, "invoice_number": -1}),
        ("invoice.created", {"id": None, "invoice_number": 1.5}),
        ("invoice.created", {"id": None, "invoice_number": 10**18}),
        ("dunning_event.created", {"id": None, "invoice_number": None}),
    ],
)
def test_an_event_that_names_no_object_is_unreadable_and_says_so(kind: str, fields: dict[str, Any]) -> None:
    reading = parse.read(thin(kind, **fields))
    assert (reading.kind, reading.fate, reading.pointers) == (kind, Fate.UNREADABLE, ())
    assert "does not say which" in reading.note


@pytest.mark.parametrize(
    ("kind", "urgency"),
    [
        ("payment.transaction_status_updated", Urgency.DISPUTE),
        ("payment.failed", Urgency.FAILURE),
        ("payment.succeeded", Urgency.ROUTINE),
        ("charge_invoice.past_due", Urgency.FAILURE),
        ("charge_invoice.failed", Urgency.FAILURE),
        ("charge_invoice.paid", Urgency.ROUTINE),
        ("invoice.past_due", Urgency.FAILURE),
        ("dunning_event.created", Urgency.FAILURE),
        ("subscription.updated", Urgency.ROUTINE),
        ("credit_payment.voided", Urgency.ROUTINE),
    ],
)
def test_failures_go_before_profile_edits(kind: str, urgency: Urgency) -> None:
    assert parse.read(thin(kind, uuid=UUID, invoice_number=5, account_code="w")).urgency is urgency


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("item.created", "catalogue"),
        ("usage.created", "invoice"),
        ("gift_card.redeemed", "Gift cards"),
        ("subscription.low_balance", "Gift cards"),
        ("shipping_address.deleted", "Shipping addresses"),
        ("external_subscription.renewed", "Apple"),
        ("incorrect_account_notice.resubscribed_incorrect_account", "Apple"),
    ],
)
def test_an_ignored_kind_says_why(kind: str, why: str) -> None:
    reading = parse.read(thin(kind, id=None))
    assert (reading.kind, reading.fate, reading.pointers) == (kind, Fate.IGNORED, ())
    assert why in reading.note


@pytest.mark.parametrize("kind", ["account.enchanted", "coupon.created", "created.account", "a.b.c"])
def test_an_unknown_kind_is_kept_under_its_own_name(kind: str) -> None:
    reading = parse.read(thin(kind, account_code="wren"))
    assert (reading.kind, reading.fate, reading.pointers) == (kind, Fate.UNKNOWN, ())


@pytest.mark.parametrize(
    "body",
    [
        b'{"object_type": "account"}',
        b'{"object_type": null, "event_type": "created"}',
        b'{"object_type": ["account"], "event_type": "created"}',
        b'{"object_type": "account", "event_type": ""}',
        b'{"object_type": "acc\\ud800ount", "event_type": "created"}',
        b'{"object_type": "a b\\n", "event_type": "created"}',
        b'{"object_type": "%s", "event_type": "created"}' % (b"a" * 101),
    ],
)
def test_a_body_without_a_kind_is_unreadable(body: bytes) -> None:
    reading = parse.read(body)
    assert (reading.kind, reading.fate) == ("unreadable", Fate.UNREADABLE)


def test_the_note_tells_the_place_of_the_fault_and_quotes_nothing() -> None:
    reading = parse.read(b'{\n  "account_code": "wren"\n  "event_type": "closed"\n}')
    assert reading.note == "It is not JSON (line 3, column 3)."


def test_unknown_fields_are_no_fault() -> None:
    reading = parse.read(thin("payment.failed", uuid=UUID, new_thing={"a": [1]}))
    assert reading.fate is Fate.HANDLED


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse.read(b"\xef\xbb\xbf" + thin("payment.failed", uuid=UUID)).fate is Fate.HANDLED


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-03T11:59:58Z", datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)),
        ("2026-11-03T12:59:58+01:00", datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)),
        ("2026-11-03T11:59:58.123Z", datetime(2026, 11, 3, 11, 59, 58, 123000, tzinfo=UTC)),
        ("2026-11-03 11:59:58", datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1762171198, None),
        (["2026"], None),
    ],
)
def test_the_time_of_an_event_is_read_where_it_can_be(text: object, time: datetime | None) -> None:
    reading = parse.read(thin("payment.failed", uuid=UUID, event_time=text))
    assert (reading.occurred_at, reading.fate) == (time, Fate.HANDLED)
