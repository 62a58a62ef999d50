"""Each source is signed so that its own library takes it; where it has none, by a computation of our own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import Adyen
import braintree
import pytest
import requests
import stripe
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gocardless_pro import webhooks as gocardless_webhooks
from gocardless_pro.errors import InvalidSignatureError

from sandbox.processors import adyen, authorizenet

if TYPE_CHECKING:
    from conftest import Got, Receiver, Town

FIXTURES = Path(__file__).resolve().parents[3] / "../shared/fixtures"
WEBHOOK_ID = "1JE4291016473214C"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


def heard(town: Town, receiver: Receiver, story: str, source: str) -> list[Got]:
    town.listen(receiver)
    town.play(story)
    town.settled()
    found = receiver.of(source)
    assert found
    return found


def test_stripe_takes_its_own(town: Town, receiver: Receiver) -> None:
    for one in heard(town, receiver, "chargeback_won", "stripe"):
        signature = one.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(one.body, signature, "whsec_sandbox")
        assert event.livemode is False
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(
                one.body.decode() + " ", signature, "whsec_sandbox", tolerance=300
            )


def gateway() -> braintree.BraintreeGateway:
    return braintree.BraintreeGateway(
        braintree.Configuration(
            braintree.Environment.Sandbox, "sandbox", public_key="sandbox", private_key="sandbox"
        )
    )


def test_braintree_takes_its_own(town: Town, receiver: Receiver) -> None:
    (first, opened) = heard(town, receiver, "refund_meets_dispute", "braintree")
    settled, told = (parsed(one) for one in (first, opened))
    assert (settled.kind, told.kind) == ("transaction_settled", "dispute_opened")
    dispute = told.dispute
    assert (dispute.status, dispute.kind, dispute.reason) == ("open", "chargeback", "not_as_described")
    assert dispute.transaction.order_id == settled.transaction.order_id
    assert dispute.reply_by_date is not None


def parsed(one: Got) -> Any:
    form = parse_qs(one.body.decode())
    return gateway().webhook_notification.parse(form["bt_signature"][0], form["bt_payload"][0])


def test_adyen_takes_every_item_of_a_batch(town: Town, receiver: Receiver) -> None:
    batches = [json.loads(one.body) for one in heard(town, receiver, "chargeback_won_then_reversed", "adyen")]
    assert [len(batch["notificationItems"]) for batch in batches] == [1, 1, 2, 1, 1]
    for batch in batches:
        assert batch["live"] == "false"
        for entry in batch["notificationItems"]:
            told = entry["NotificationRequestItem"]
            assert Adyen.util.is_valid_hmac_notification(told, HMAC_KEY)
            told["amount"]["value"] += 1
            assert not Adyen.util.is_valid_hmac_notification(told, HMAC_KEY)
    pair = base64.b64encode(b"adyen:let-me-in").decode()
    assert {one.headers["authorization"] for one in receiver.of("adyen")} == {f"Basic {pair}"}


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the shared fixtures are not next to this checkout")
def test_the_known_answers_are_ours_too() -> None:
    folder = FIXTURES / "authorizenet"
    known = json.loads((folder / "authcapture.created.signature.json").read_text())
    body = (folder / "authcapture.created.json").read_bytes()
    assert authorizenet.sign(body, known["signature_key"]) == known["X-Anet-Signature"]


def test_paypals_certificate_vouches_for_the_body(town: Town, receiver: Receiver) -> None:
    for one in heard(town, receiver, "paypal_inquiry_withdrawn", "paypal"):
        assert one.headers["paypal-auth-algo"] == "SHA256withRSA"
        url = one.headers["paypal-cert-url"]
        assert url.startswith(f"{town.processors}/v1/notifications/certs/CERT-sandbox-")
        assert requests.get(url + "0", timeout=10).status_code == 404
        key = x509.load_pem_x509_certificate(requests.get(url, timeout=10).content).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(*signed(one, one.body), padding.PKCS1v15(), hashes.SHA256())
        with pytest.raises(InvalidSignature):
            key.verify(*signed(one, one.body + b" "), padding.PKCS1v15(), hashes.SHA256())


def signed(one: Got, body: bytes) -> tuple[bytes, bytes]:
    headers = one.headers
    moment = headers["paypal-transmission-time"]
    text = f"{headers['paypal-transmission-id']}|{moment}|{WEBHOOK_ID}|{zlib.crc32(body)}"
    return base64.b64decode(headers["paypal-transmission-sig"]), text.encode()


def test_gocardless_takes_its_own(town: Town, receiver: Receiver) -> None:
    deliveries = heard(town, receiver, "ach_return_after_success", "gocardless")
    events = []
    for one in deliveries:
        signature = one.headers["webhook-signature"]
        told = gocardless_webhooks.parse(one.body.decode(), "gc-secret", signature)
        events.append([f"{event.resource_type}.{event.action}" for event in told])
        with pytest.raises(InvalidSignatureError):
            gocardless_webhooks.parse(one.body.decode(), "other", signature)
    assert events == [["payments.confirmed"], ["payments.failed", "payments.late_failure_settled"]]


def test_authorize_net_signs_the_raw_body_in_capitals(town: Town, receiver: Receiver) -> None:
    for one in heard(town, receiver, "fraud_held_then_approved", "authorizenet"):
        digest = hmac.new(b"AB" * 64, one.body, hashlib.sha512).hexdigest().upper()
        assert one.headers["x-anet-signature"] == f"sha512={digest}"


@pytest.mark.parametrize("missing", ["originalReference", None])
def test_an_adyen_item_without_an_original_is_signed_with_nothing_in_its_place(missing: str | None) -> None:
    told = {
        "additionalData": {},
        "amount": {"currency": "EUR", "value": 1130},
        "eventCode": "AUTHORISATION",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "originalReference": "",
        "pspReference": "7914073381342284",
        "success": "true",
    }
    if missing:
        del told[missing]
    # Adyen's own example
    assert adyen.sign(told, HMAC_KEY) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
