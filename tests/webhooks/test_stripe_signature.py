from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from stripe import WebhookSignature

from connector.errors import Rejected
from connector.models.events import Fate
from connector.webhooks.stripe.verify import MOST_SIGNATURES

from .memory import NOW
from .stripe_deliveries import SECRET, delivery, dispute, event, signature, signed, source

BODY = event("charge.dispute.created", dispute())
TIME = int(NOW.timestamp())
GOOD = signature(BODY, SECRET, TIME)


def refusal(headers: dict[str, str], body: bytes = BODY) -> str:
    with pytest.raises(Rejected) as raised:
        source().read(delivery(body, headers))
    assert raised.value.status == 401
    assert str(raised.value).endswith(".")
    return raised.value.reason


def test_what_stripes_own_library_signs_is_accepted() -> None:
    header = WebhookSignature.generate_signature_header(BODY.decode(), SECRET, TIME)
    (found,) = source().read(delivery(BODY, {"stripe-signature": header}))
    assert found.fate is Fate.HANDLED


def test_every_byte_counts() -> None:
    for place in range(0, len(BODY), 7):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert refusal(signed(BODY), changed) == "bad_signature"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "missing_signature"),
        (" ", "missing_signature"),
        ("nonsense", "malformed_signature"),
        (f"v1={GOOD}", "malformed_signature"),
        (f"t=,v1={GOOD}", "malformed_signature"),
        (f"t=-{TIME},v1={GOOD}", "malformed_signature"),
        (f"t=½,v1={GOOD}", "malformed_signature"),
        (f"t={'9' * 5000},v1={GOOD}", "malformed_signature"),
        (f"t={TIME},t={TIME},v1={GOOD}", "malformed_signature"),
        (f"t={TIME}", "malformed_signature"),
        (f"t={TIME},v1=é{GOOD[1:]}", "malformed_signature"),
        (f"t={TIME},v1={GOOD[:-1]}", "malformed_signature"),
        (f"t={TIME},v0={GOOD}", "malformed_signature"),
        (f"t={TIME}" + f",v1={GOOD}" * (MOST_SIGNATURES + 1), "malformed_signature"),
        (f"t={TIME},v1={'0' * 64}", "bad_signature"),
        (f"t={TIME + 1},v1={GOOD}", "bad_signature"),
    ],
)
def test_a_header_that_proves_nothing_is_refused(header: str, reason: str) -> None:
    assert refusal({"stripe-signature": header}) == reason


def test_a_delivery_without_the_header_is_refused() -> None:
    assert refusal({}) == "missing_signature"


def test_one_good_signature_among_others_is_enough() -> None:
    header = {"stripe-signature": f"t={TIME}, v1={'0' * 64}, v1={GOOD}"}
    assert source().read(delivery(BODY, header))


def test_as_many_signatures_are_read_as_an_endpoint_may_have_secrets() -> None:
    others = f",v1={'0' * 64}" * (MOST_SIGNATURES - 1)
    assert source().read(delivery(BODY, {"stripe-signature": f"t={TIME}{others},v1={GOOD}"}))


def test_a_signature_of_test_events_is_not_read_beside_a_real_one() -> None:
    assert refusal({"stripe-signature": f"t={TIME},v0={GOOD},v1={'0' * 64}"}) == "bad_signature"


def test_any_of_several_secrets_opens() -> None:
    assert source("whsec_new", SECRET).read(delivery(BODY, signed(BODY)))


@pytest.mark.parametrize(
    ("seconds", "taken"), [(-301, False), (-300, True), (-299, True), (299, True), (300, True), (301, False)]
)
def test_the_signed_time_must_be_within_five_minutes_of_receipt(seconds: int, taken: bool) -> None:
    # Stripe's library accepts any time that is ahead.
    headers = signed(BODY, at=NOW + timedelta(seconds=seconds))
    if taken:
        assert source().read(delivery(BODY, headers))
    else:
        assert refusal(headers) == "stale"


def test_a_body_that_is_not_utf8_is_verified_all_the_same() -> None:
    body = b"\xff" + BODY  # Stripe's library raises UnicodeDecodeError
    (found,) = source().read(delivery(body, signed(body)))
    assert found.fate is Fate.UNREADABLE
    assert refusal(signed(BODY), body) == "bad_signature"


def test_the_web_process_starts_without_stripes_library() -> None:
    code = "import sys, connector.webhooks.registry; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
