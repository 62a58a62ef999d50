from __future__ import annotations

import pytest

from connector.errors import Rejected
from connector.webhooks.authorizenet import verify
from connector.webhooks.source import Delivery

from .authorizenet_deliveries import KEY, notification, signed, source
from .memory import NOW, SITE

BODY = notification("payment.authcapture.created")
RIGHT = signed(BODY)["X-ANET-Signature"]
HEX = RIGHT.removeprefix("sha512=")


def outcome(header: str | None, body: bytes = BODY, keys: tuple[bytes, ...] = (KEY.encode(),)) -> str:
    headers = {} if header is None else {"x-anet-signature": header}
    try:
        verify.signature(Delivery("authorizenet", SITE, body, headers, NOW), keys)
    except Rejected as refusal:
        return f"{refusal.status} {refusal.reason}"
    return "accepted"


def test_the_signature_is_made_as_openssl_makes_it_with_the_key_as_text() -> None:
    body = b'{"notificationId":"n-1","eventType":"net.authorize.payment.void.created"}'
    # printf '%s' "$body" | openssl dgst -sha512 -hmac '0011223344556677'
    known = (
        "6f985747b4962fa420a298ad6dce8e932512afd2484803691387b680c0f60bdd"
        "77ddf2e467b7f4dacb1986a13d04a579c9bfb771d2deee6c2c7f8031aae32ec5"
    )
    assert outcome(f"sha512={known}", body, (b"0011223344556677",)) == "accepted"
    assert outcome(f"sha512={known}", body, (bytes.fromhex("0011223344556677"),)) == "401 bad_signature"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (RIGHT, "accepted"),
        (f" {RIGHT.lower()} ", "accepted"),
        (f"SHA512={HEX}", "accepted"),
        (None, "401 missing_signature"),
        ("", "401 missing_signature"),
        (" ", "401 missing_signature"),
        (HEX, "401 malformed_signature"),
        (RIGHT[:-1], "401 malformed_signature"),
        (f"{RIGHT},{RIGHT}", "401 malformed_signature"),
        (f"{RIGHT[:-1]}é", "401 malformed_signature"),
        (f"{RIGHT[:-1]}\x00", "401 malformed_signature"),
        (f"sha256={HEX[:64]}", "401 malformed_signature"),
        ("sha512=" + "0" * 128, "401 bad_signature"),
    ],
)
def test_each_header_is_accepted_or_refused_with_its_reason(header: str | None, expected: str) -> None:
    assert outcome(header) == expected


def test_each_changed_byte_is_noticed() -> None:
    for place in range(len(BODY)):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert outcome(RIGHT, changed) == "401 bad_signature"


def test_any_key_may_be_the_right_one() -> None:
    assert outcome(RIGHT, keys=(b"other", KEY.encode())) == "accepted"
    assert outcome(RIGHT, keys=(b"other",)) == "401 bad_signature"


def test_keys_do_not_show_when_a_source_is_printed() -> None:
    assert KEY not in repr(source())
