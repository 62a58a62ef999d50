from __future__ import annotations

import pytest

from connector.models.events import Event, Fate, Pointer, Urgency
from connector.webhooks.recurly import xml

from .memory import SITE, Desk, desk
from .recurly_deliveries import USER, UUID, basic, delivery, fat, signed, source

OTHER = "0f0e0d0c0b0a09080706050403020100"
ACCOUNT = Pointer("account", ("code-wren-42",))
PAYMENT = f"<transaction><id>{UUID}</id><invoice_number type='integer'>7</invoice_number></transaction>"
SUBSCRIPTION = f"<subscription><plan><uuid>no</uuid></plan><uuid>{OTHER}</uuid></subscription>"
INVOICE = (
    f"<invoice><uuid>{UUID}</uuid><invoice_number_prefix>TEST-FR</invoice_number_prefix>"
    "<invoice_number type='integer'>1001</invoice_number></invoice>"
)


@pytest.mark.parametrize(
    ("body", "kind", "pointers"),
    [
        (fat("new_account_notification"), "account.created", (ACCOUNT,)),
        (fat("canceled_account_notification"), "account.closed", (ACCOUNT,)),
        (
            fat("failed_payment_notification", PAYMENT),
            "payment.failed",
            (Pointer("payment", (f"uuid-{UUID}",)), ACCOUNT),
        ),
        (
            fat("reactivated_account_notification", SUBSCRIPTION),
            "subscription.reactivated",
            (Pointer("subscription", (f"uuid-{OTHER}",)), ACCOUNT),
        ),
        (
            fat("new_charge_invoice_notification", INVOICE),
            "charge_invoice.created",
            (Pointer("invoice", ("number-TEST-FR1001",)), ACCOUNT),
        ),
        (
            fat("new_dunning_event_notification", INVOICE, SUBSCRIPTION, PAYMENT),
            "dunning_event.created",
            (
                Pointer("invoice", ("number-TEST-FR1001",)),
                Pointer("payment", (f"uuid-{UUID}",)),
                Pointer("subscription", (f"uuid-{OTHER}",)),
                ACCOUNT,
            ),
        ),
        (
            fat(
                "voided_credit_payment_notification", f"<credit_payment><uuid>{UUID}</uuid></credit_payment>"
            ),
            "credit_payment.voided",
            (Pointer("credit_payment", (f"uuid-{UUID}",)), ACCOUNT),
        ),
        (
            fat(
                "prerenewal_notification",
                "<notification_type>cc_will_expire</notification_type>",
                SUBSCRIPTION,
            ),
            "subscription.renewal.cc_will_expire",
            (Pointer("subscription", (f"uuid-{OTHER}",)), ACCOUNT),
        ),
        (fat("billing_info_update_failed_notification"), "billing_info.update_failed", (ACCOUNT,)),
        (
            fat("fraud_info_updated_notification", PAYMENT),
            "payment.fraud_info_updated",
            (Pointer("payment", (f"uuid-{UUID}",)), ACCOUNT),
        ),
    ],
)
def test_xml_says_the_same_as_its_json_twin(body: bytes, kind: str, pointers: tuple[Pointer, ...]) -> None:
    reading = xml.read(body)
    assert (reading.kind, reading.fate, reading.pointers) == (kind, Fate.HANDLED, pointers)


def test_an_invoice_without_a_prefix_goes_by_its_number() -> None:
    empty = "<invoice_number_prefix nil='true'></invoice_number_prefix>"
    body = fat("new_invoice_notification", f"<invoice>{empty}<invoice_number> 77 </invoice_number></invoice>")
    assert xml.read(body).pointers[0] == Pointer("invoice", ("number-77",))


def test_text_counts_though_nil_stands_beside_it() -> None:
    body = b"<new_account_notification><account><account_code nil='true'>wren</account_code></account>"
    assert xml.read(body + b"</new_account_notification>").pointers == (Pointer("account", ("code-wren",)),)


@pytest.mark.parametrize(
    ("body", "urgency"),
    [
        (fat("failed_payment_notification", PAYMENT), Urgency.FAILURE),
        (fat("billing_info_update_failed_notification"), Urgency.FAILURE),
        (fat("fraud_info_updated_notification", PAYMENT), Urgency.DISPUTE),
        (fat("updated_account_notification"), Urgency.ROUTINE),
    ],
)
def test_xml_is_as_urgent_as_its_json_twin(body: bytes, urgency: Urgency) -> None:
    assert xml.read(body).urgency is urgency


@pytest.mark.parametrize(
    ("body", "kind", "fate"),
    [
        (fat("unknown_notification"), "unknown_notification", Fate.UNKNOWN),
        (
            fat("prerenewal_notification", "<notification_type>new_reminder</notification_type>"),
            "prerenewal_notification.new_reminder",
            Fate.UNKNOWN,
        ),
        (fat("failed_payment_notification"), "payment.failed", Fate.UNREADABLE),
        (fat("new_account_notification", account=None), "account.created", Fate.UNREADABLE),
        (fat("new_item_notification", account=None), "item.created", Fate.IGNORED),
        (b"<failed_payment_notification><account>", "payment.failed", Fate.UNREADABLE),
        (b"<new_item_notification><item><id>x</></item>", "item.created", Fate.IGNORED),
        (b"<?xml version='1.0' encoding='klingon'?><new_item_notification/>", "item.created", Fate.IGNORED),
        (b"<", "unreadable", Fate.UNREADABLE),
        (b"<\x00/>", "unreadable", Fate.UNREADABLE),
        (b"<s:new_account_notification xmlns:s='x'/>", "unreadable", Fate.UNREADABLE),
        ("<é/>".encode(), "unreadable", Fate.UNREADABLE),
        (b"<a>" * 100_000, "unreadable", Fate.UNREADABLE),
    ],
)
def test_each_other_body_has_its_fate(body: bytes, kind: str, fate: Fate) -> None:
    reading = xml.read(body)
    assert (reading.kind, reading.fate) == (kind, fate)
    assert reading.note
    assert reading.pointers == ()


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) if level else b'<!ENTITY l0 "ha">'
    for level in range(10)
)


@pytest.mark.parametrize(
    "prologue",
    [
        b"<!DOCTYPE r [" + LAUGHS + b"]><r>&l9;</r>",
        b'<!DOCTYPE r [<!ENTITY big "' + b"A" * 50_000 + b'">]><r>' + b"&big;" * 10_000 + b"</r>",
        b'<!DOCTYPE r [<!ENTITY file SYSTEM "file:///etc/hostname">]><r>&file;</r>',
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/r.dtd"><r/>',
        b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]><r/>',
        b"<!DOCTYPE r><r/>",
    ],
    ids=["billion laughs", "quadratic blow-up", "external entity", "external DTD", "parameter entity", "DTD"],
)
def test_bombs_and_external_entities_are_kept_unexpanded(prologue: bytes) -> None:
    at = xml_desk()
    answer = at.client.post("/webhooks/recurly", data=prologue, headers=basic())
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    event = at.inbox.only
    assert event.fate is Fate.UNREADABLE
    assert "never expanded" in event.note
    assert len(event.body) <= len(prologue)
    assert at.bell.rung == 0


def xml_desk() -> Desk:
    return desk({("recurly", SITE): source(users=[USER, "second:user's:password"])})


def test_the_same_bytes_twice_are_a_weak_duplicate() -> None:
    at = xml_desk()
    body = fat("new_account_notification")
    assert at.client.post("/webhooks/recurly", data=body, headers=basic()).json == {
        "accepted": 1,
        "duplicates": 0,
    }
    assert at.client.post("/webhooks/recurly", data=body, headers=basic()).json == {
        "accepted": 0,
        "duplicates": 1,
    }
    assert at.bell.rung == 2  # what a digest calls a duplicate may truly have happened again
    event: Event = at.inbox.only
    assert (event.strong_id, event.format) == (False, "xml")
    assert event.event_id.startswith("sha256-")
    assert event.occurred_at is None


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        (basic(), 200, None),
        (basic("second:user's:password"), 200, None),
        ({"authorization": basic()["authorization"].replace("Basic", "bAsIc")}, 200, None),
        ({}, 401, "missing_auth"),
        ({"authorization": ""}, 401, "missing_auth"),
        (basic("recurly:open"), 401, "bad_auth"),
        (basic("recurly:"), 401, "bad_auth"),
        (basic(":"), 401, "bad_auth"),
        ({"authorization": "Basic"}, 401, "bad_auth"),
        ({"authorization": "Basic %%%"}, 401, "bad_auth"),
        ({"authorization": "Basic é"}, 401, "bad_auth"),
        ({"authorization": f"Bearer {USER}"}, 401, "bad_auth"),
    ],
)
def test_xml_is_let_in_by_basic_auth_only(headers: dict[str, str], status: int, reason: str | None) -> None:
    at = xml_desk()
    answer = at.client.post("/webhooks/recurly", data=fat("new_account_notification"), headers=headers)
    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.json
    assert answer.json.get("error") == reason
    assert len(at.inbox.events) == (status == 200)


@pytest.mark.parametrize(
    ("body", "content_type", "is_xml"),
    [
        (b" \n<a/>", "", True),
        (b"\xef\xbb\xbf<a/>", "application/json", True),
        ("<a/>".encode("utf-16"), "", True),
        (b"{}", "text/xml; charset=utf-8", True),
        (b"{}", "application/json", False),
        (b"", "", False),
    ],
)
def test_the_format_is_told_by_the_body_or_the_header(body: bytes, content_type: str, is_xml: bool) -> None:
    assert xml.looks_like_xml(delivery(body, {"content-type": content_type})) is is_xml


def test_json_that_calls_itself_xml_gains_nothing() -> None:
    at = desk({("recurly", SITE): source("s3cret", users=[USER])})
    body = b'{"cvv": "123"}'
    headers = {"content-type": "application/xml"}
    assert at.client.post("/webhooks/recurly", data=body, headers=headers).status_code == 401
    answer = at.client.post(
        "/webhooks/recurly", data=body, headers={**headers, **basic(), **signed(body, "no")}
    )
    assert answer.status_code == 200
    assert at.inbox.only.fate is Fate.UNREADABLE
    assert "123" not in at.inbox.only.body
