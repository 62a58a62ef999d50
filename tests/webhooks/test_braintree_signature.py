"""The traps of Braintree's signature: each is a refusal that says what to do, and none is a 500."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes, urlencode

import braintree as vendor
import pytest
from braintree.webhook_testing_gateway import WebhookTestingGateway

from connector.errors import Rejected, SetupError
from connector.webhooks import braintree
from connector.webhooks.source import Delivery, HandshakeSource

from .braintree_deliveries import (
    FORM,
    PRIVATE,
    PUBLIC,
    Settings,
    carried,
    dispute,
    event,
    form,
    pair,
    signed,
    source,
    xml,
)
from .memory import NOW, SITE, desk

pytestmark = pytest.mark.filterwarnings("ignore:.*utcnow.*:DeprecationWarning")  # in the vendor's sample

XML = xml("dispute_opened", dispute())
PAYLOAD = form(XML)["bt_payload"]
SIGNATURE = form(XML)["bt_signature"]


def refusal(body: bytes) -> Rejected:
    with pytest.raises(Rejected) as raised:
        source().read(Delivery("braintree", SITE, body, FORM, NOW))
    assert raised.value.status == 401
    return raised.value


def fields(**given: str) -> bytes:
    return urlencode({name: value for name, value in given.items() if value is not None}).encode()


def gateway(private: str = PRIVATE) -> vendor.BraintreeGateway:
    return vendor.BraintreeGateway(
        vendor.Configuration(vendor.Environment.Sandbox, "acme_merchant", PUBLIC, private)
    )


def test_what_the_vendors_own_library_signs_is_read() -> None:
    sample = WebhookTestingGateway(gateway()).sample_notification("dispute_opened", "my_id")
    body = urlencode(sample).encode()
    (found,) = source().read(Delivery("braintree", SITE, body, FORM, NOW))
    assert (found.kind, found.carried[0].id) == ("dispute_opened", "my_id")


def test_what_the_tests_sign_the_vendors_own_library_reads() -> None:
    assert gateway().webhook_notification.parse(SIGNATURE, PAYLOAD).kind == "dispute_opened"


@pytest.mark.parametrize("body", [fields(bt_payload=PAYLOAD, bt_signature=SIGNATURE + "0"), b"", b"{}"])
def test_a_refusal_says_what_to_compare_or_send(body: bytes) -> None:
    assert "bt_" in str(refusal(body)) or "BRAINTREE_PRIVATE_KEY" in str(refusal(body))


def changed(place: int) -> bytes:
    letter = "A" if PAYLOAD[place] != "A" else "B"
    return fields(bt_payload=PAYLOAD[:place] + letter + PAYLOAD[place + 1 :], bt_signature=SIGNATURE)


@pytest.mark.parametrize("place", [0, 100, len(PAYLOAD) - 3])
def test_one_byte_changed_is_refused(place: int) -> None:
    assert refusal(changed(place)).reason == "bad_signature"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (fields(bt_payload=PAYLOAD), "missing_signature"),
        (fields(bt_signature=SIGNATURE), "missing_signature"),
        (signed(XML) + b"&bt_payload=AAAA", "missing_signature"),
        (fields(bt_payload=PAYLOAD, bt_signature=""), "unknown_key"),
        (fields(bt_payload=PAYLOAD, bt_signature="no pair at all"), "unknown_key"),
        (fields(bt_payload=PAYLOAD, bt_signature=pair(PAYLOAD, PRIVATE, "another")), "unknown_key"),
        (fields(bt_payload=PAYLOAD, bt_signature=f"{PUBLIC}|"), "unknown_key"),
        (fields(bt_payload=PAYLOAD, bt_signature="&" * 20_000 + pair(PAYLOAD)), "malformed_signature"),
        (fields(bt_payload=PAYLOAD, bt_signature=f"{PUBLIC}|é"), "bad_signature"),
        (fields(bt_payload=PAYLOAD, bt_signature=pair(PAYLOAD, "another")), "bad_signature"),
        (fields(bt_payload="é" + PAYLOAD, bt_signature=SIGNATURE), "malformed_payload"),
        (fields(bt_payload="{}", bt_signature=SIGNATURE), "malformed_payload"),
        ("bt_payload=é&bt_signature=x".encode(), "malformed_form"),
        (b"bt_payload=%ff&bt_signature=x", "malformed_form"),
        (b"&".join(b"f%d=1" % n for n in range(500)), "malformed_form"),
        (XML, "missing_signature"),
    ],
)
def test_a_form_that_proves_nothing_is_refused(body: bytes, reason: str) -> None:
    assert refusal(body).reason == reason


def with_plus() -> bytes:
    """An event whose base64 holds a ``+``."""
    for name in range(1000):
        content = xml("dispute_opened", dispute(id=f"dsp{name}~>"))
        if "+" in form(content)["bt_payload"]:
            return content
    raise AssertionError("no base64 with a plus")


def decoded_on_the_way(body: bytes) -> bytes:
    return unquote_to_bytes(body)


def plus_as_blank(body: bytes) -> bytes:
    return body.replace(b"%2B", b"+")


@pytest.mark.parametrize("damage", [decoded_on_the_way, plus_as_blank])
def test_a_payload_that_was_decoded_twice_is_refused_and_told_why(damage: Callable[[bytes], bytes]) -> None:
    body = damage(signed(with_plus()))
    told = refusal(body)
    assert told.reason == "damaged_payload"
    assert "as it came" in str(told)


def test_the_last_line_break_may_be_missing() -> None:
    body = fields(bt_payload=PAYLOAD.rstrip("\n"), bt_signature=SIGNATURE)
    (found,) = source().read(Delivery("braintree", SITE, body, FORM, NOW))
    assert found.kind == "dispute_opened"


def test_one_of_several_pairs_is_enough() -> None:
    both = f"another|{'0' * 40}&{SIGNATURE}"
    body = fields(bt_payload=PAYLOAD, bt_signature=both)
    assert len(source().read(Delivery("braintree", SITE, body, FORM, NOW))) == 1


def test_signed_base64_that_cannot_be_decoded_is_kept() -> None:
    body = fields(bt_payload="AAAAA", bt_signature=pair("AAAAA"))
    (found,) = source().read(Delivery("braintree", SITE, body, FORM, NOW))
    assert found.fate == "unreadable"


@pytest.mark.parametrize("missing", ["public_key", "private_key"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_half_a_key_is_a_closed_door(missing: str, blank: str) -> None:
    assert braintree.configured(Settings(**{missing: blank})) is None  # type: ignore[arg-type]


def test_a_key_that_is_none_says_so() -> None:
    with pytest.raises(SetupError, match="BRAINTREE_PRIVATE_KEY"):
        braintree.configured(Settings(private_key="clé"))


def test_the_key_is_not_shown() -> None:
    assert PRIVATE not in repr(source())


# The challenge, when the address is set up --------------------------------------------------------------------

CHALLENGE = "20f9f8ed05f77439fe955c977e4c8a53"


def test_the_challenge_is_answered_as_the_vendors_own_library_does() -> None:
    at = desk({("braintree", SITE): source()})
    answer = at.client.get(f"/webhooks/braintree?bt_challenge={CHALLENGE}")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert answer.text == gateway().webhook_notification.verify(CHALLENGE)


def test_the_challenges_known_answer() -> None:
    """From Braintree's own tests: integration keys, their challenge, their answer."""
    made = source(Settings(public_key="integration_public_key", private_key="integration_private_key"))
    assert isinstance(made, HandshakeSource)
    expected = "integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4"
    assert made.challenge({"bt_challenge": CHALLENGE}) == expected


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "abc",
        "0" * 19,
        "0" * 33,
        CHALLENGE.upper(),
        CHALLENGE + "\n",
        "z" * 24,
        "é" * 24,
        base64.b64encode(XML).decode(),
    ],
)
def test_nothing_else_is_signed_for_strangers(challenge: str) -> None:
    at = desk({("braintree", SITE): source()})
    answer = at.client.get(f"/webhooks/braintree?bt_challenge={quote(challenge)}")
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"] == "malformed_challenge"


def test_a_signed_challenge_is_no_delivery() -> None:
    """Anybody may have twenty hex digits signed, and those are base64 too."""
    made = source()
    assert isinstance(made, HandshakeSource)
    signature = made.challenge({"bt_challenge": CHALLENGE})
    assert refusal(fields(bt_payload=CHALLENGE, bt_signature=signature)).reason == "challenge_replayed"


def test_the_helpers_agree_with_each_other() -> None:
    assert event(XML).carried == carried("dispute_opened", dispute())
