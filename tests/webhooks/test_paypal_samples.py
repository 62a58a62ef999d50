"""PayPal's published samples: none is lost, none is a 500."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from connector.models.events import Fate
from connector.models.facts import Kind
from connector.webhooks.paypal.verify import Transmission, message

from .memory import SITE, desk
from .paypal_deliveries import signed, source

HANDLED = {
    "CUSTOMER.DISPUTE.CREATED": (Kind.DISPUTE, "PP-000-042-663-135"),
    "PAYMENT.CAPTURE.COMPLETED": (Kind.CHARGE, "6T496768GW863311H"),
    "PAYMENT.CAPTURE.REVERSED": (Kind.CHARGE, "4L335234718889942"),
    "PAYMENT.SALE.REFUNDED": (Kind.REFUND, "6YX43824R4443062K"),
}


@pytest.fixture(scope="module")
def samples() -> Path:
    found = Path(__file__).resolve().parents[2] / "../shared/fixtures/paypal"
    if not found.is_dir():
        pytest.skip("no samples of PayPal beside this checkout (../shared/fixtures/paypal)")
    return found


def test_every_sample_is_read(samples: Path) -> None:
    paths = sorted(samples.glob("[A-Z]*.json"))
    assert {path.stem for path in paths} >= HANDLED.keys()
    for path in paths:
        body = path.read_bytes()
        # Of these, one was sent by the sandbox.
        at = desk({("paypal", SITE): source(live=b"api.sandbox" not in body)})
        answer = at.client.post("/webhooks/paypal", data=body, headers=signed(body))
        assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0}), path.name
        told = at.inbox.only
        assert (told.kind, told.fate) == (path.stem, Fate.HANDLED), told.note
        assert (told.carried[0].kind, told.carried[0].id) == HANDLED[path.stem]
        assert told.carried[0].status


def test_the_sample_of_a_kind_that_is_not_needed_is_ignored(samples: Path) -> None:
    asked = json.loads((samples / "verify-webhook-signature.request.json").read_text())
    body = json.dumps(asked["webhook_event"]).encode()
    at = desk({("paypal", SITE): source()})
    assert at.client.post("/webhooks/paypal", data=body, headers=signed(body)).status_code == 200
    assert at.inbox.only.fate is Fate.IGNORED


def test_the_recorded_body_is_the_one_that_was_signed(samples: Path) -> None:
    """Of PayPal's recorded delivery the webhook's id is not known, so its signature cannot be checked; but its
    length is told, and a checksum of anything else than those bytes would be another."""
    lines = (samples / "headers.PAYMENT.CAPTURE.COMPLETED.txt").read_text().splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = (samples / "PAYMENT.CAPTURE.COMPLETED.json").read_bytes()
    assert len(body) == int(headers["content-length"])
    sent = Transmission(headers["paypal-transmission-id"], headers["paypal-transmission-time"], b"", "")
    parts = message(sent, b"WEBHOOK", body).decode().split("|")
    assert parts == [sent.id, sent.time, "WEBHOOK", str(zlib.crc32(body))]
    assert message(sent, b"WEBHOOK", body + b"\n") != message(sent, b"WEBHOOK", body)


def test_the_checksum_is_the_one_everybody_else_computes() -> None:
    sent = Transmission("id", "time", b"", "")
    assert message(sent, b"webhook", b"123456789") == b"id|time|webhook|3421780262"  # CRC-32's check value
