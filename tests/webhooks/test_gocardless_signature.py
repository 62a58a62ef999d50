from __future__ import annotations

import pytest

from connector.errors import Rejected
from connector.webhooks.gocardless import verify
from connector.webhooks.source import Delivery

from .gocardless_deliveries import batch, item, signed, source
from .memory import NOW, SITE

BODY = batch(item("payments.failed"))
RIGHT = signed(BODY)["Webhook-Signature"]


def outcome(header: str | None, body: bytes = BODY, secrets: tuple[bytes, ...] = (b"s3cret",)) -> str:
    headers = {} if header is None else {"webhook-signature": header}
    try:
        verify.signature(Delivery("gocardless", SITE, body, headers, NOW), secrets)
    except Rejected as refusal:
        return f"{refusal.status} {refusal.reason}"
    return "accepted"


def test_the_signature_is_made_as_openssl_makes_it() -> None:
    body = b'{"events":[],"meta":{"webhook_id":"WB1"}}'
    # printf '%s' "$body" | openssl dgst -sha256 -hmac 'a-secret of GoCardless'
    known = "29f9fceebd72718522760f7011cad024db7ec1f3d0d3616af74e6a64bcf2ff1a"
    assert outcome(known, body, (b"a-secret of GoCardless",)) == "accepted"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (RIGHT, "accepted"),
        (f" {RIGHT.upper()} ", "accepted"),
        (None, "498 missing_signature"),
        ("", "498 missing_signature"),
        (" ", "498 missing_signature"),
        (RIGHT[:-1], "498 malformed_signature"),
        (f"{RIGHT},{RIGHT}", "498 malformed_signature"),
        (f"{RIGHT[:-1]}é", "498 malformed_signature"),
        (f"{RIGHT[:-1]}\x00", "498 malformed_signature"),
        (f"sha256={RIGHT}", "498 malformed_signature"),
        ("0" * 64, "498 bad_signature"),
    ],
)
def test_each_header_is_accepted_or_refused_with_its_reason(header: str | None, expected: str) -> None:
    assert outcome(header) == expected


def test_each_changed_byte_is_noticed() -> None:
    for place in range(len(BODY)):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert outcome(RIGHT, changed) == "498 bad_signature"


def test_any_secret_may_be_the_right_one() -> None:
    assert outcome(RIGHT, secrets=(b"other", b"s3cret")) == "accepted"
    assert outcome(RIGHT, secrets=(b"other",)) == "498 bad_signature"


def test_secrets_do_not_show_when_a_source_is_printed() -> None:
    assert "s3cret" not in repr(source("s3cret"))
