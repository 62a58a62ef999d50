"""PayPal's signature of a delivery.

RSA with SHA-256 over ``<transmission id>|<transmission time>|<webhook id>|<CRC-32 of the raw body, in decimal>``, by
the key of the certificate named in PAYPAL-CERT-URL. https://developer.paypal.com/api/rest/webhooks/rest/ (2026-11)

Only a CRC of the body is signed, and a CRC can be forged: anybody can give a body the checksum of another. So the
ledger accepts one body for each transmission id, and refuses a second one.

The webhook id is what makes a signature ours: PayPal signs for every app with the same key.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from connector.errors import Rejected
from connector.webhooks.paypal.certificates import Certificates
from connector.webhooks.processor_event import moment
from connector.webhooks.source import Delivery

TOLERANCE: Final = timedelta(days=3, hours=1)
"""PayPal retries for three days; whether a retry is signed with a new time is not documented."""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""PayPal's clock may be ahead of ours by this."""

ALGORITHM: Final = "SHA256withRSA"

_NAMES: Final = ("id", "time", "sig")
_PRINTABLE: Final = re.compile(r"[!-{}~]{1,100}")  # no blank, and no | that would shift the fields
_DO: Final = "Compare the webhook's id in PayPal's developer dashboard with PAYPAL_WEBHOOK_IDS."


class Transmission(NamedTuple):
    """Headers of one transmission."""

    id: str
    time: str
    signature: bytes
    cert_url: str


def signature(delivery: Delivery, webhook_ids: Sequence[bytes], certificates: Certificates) -> Transmission:
    """The verified transmission. Refuses (401) unless PayPal signed it for one of our webhooks, recently.

    Cheap checks come first: a certificate is fetched only for a delivery that can be valid.
    """
    sent = _read(delivery)
    _require_near(sent.time, delivery.received_at)
    key = certificates.key(sent.cert_url, delivery.received_at)
    if not any(_signed(key, sent, message(sent, webhook, delivery.body)) for webhook in webhook_ids):
        raise Rejected(401, "bad_signature", f"No configured webhook id gives this signature. {_DO}")
    return sent


def message(sent: Transmission, webhook_id: bytes, body: bytes) -> bytes:
    """The text that PayPal signs."""
    return b"|".join((sent.id.encode(), sent.time.encode(), webhook_id, str(zlib.crc32(body)).encode()))


def _read(delivery: Delivery) -> Transmission:
    headers = delivery.headers
    id_, time, given = (headers.get(f"paypal-transmission-{name}", "").strip() for name in _NAMES)
    cert_url = headers.get("paypal-cert-url", "").strip()
    if not (id_ and time and given and cert_url):
        raise Rejected(
            401, "missing_signature", "The PAYPAL-TRANSMISSION-… and PAYPAL-CERT-URL headers are missing."
        )
    if headers.get("paypal-auth-algo", "").strip() != ALGORITHM:
        raise Rejected(401, "bad_algorithm", f"PAYPAL-AUTH-ALGO must be {ALGORITHM}; no other is known.")
    if not _PRINTABLE.fullmatch(id_) or not _PRINTABLE.fullmatch(time):
        raise _malformed("PAYPAL-TRANSMISSION-ID or -TIME has characters it never has.")
    return Transmission(id_, time, _decoded(given), cert_url)


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters that are not ASCII
        raise _malformed("PAYPAL-TRANSMISSION-SIG is not base64.") from None


def _malformed(why: str) -> Rejected:
    return Rejected(401, "malformed_signature", f"{why} Forward the headers as PayPal sent them.")


def _require_near(time: str, now: datetime) -> None:
    sent_at = moment(time)
    if sent_at is None:
        raise _malformed("PAYPAL-TRANSMISSION-TIME is not a time.")
    if not -CLOCK_SKEW <= now - sent_at <= TOLERANCE:
        raise Rejected(
            401,
            "stale",
            "PAYPAL-TRANSMISSION-TIME is more than three days ago, or ahead. Set this machine's clock; an old "
            "delivery is sent again from PayPal's Webhooks Events dashboard.",
        )


def _signed(key: RSAPublicKey, sent: Transmission, signed: bytes) -> bool:
    try:
        key.verify(sent.signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
