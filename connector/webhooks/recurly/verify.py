"""Recurly's signature of a JSON delivery, and the identity of a delivery.

``recurly-signature: <unix time>,<hex>[,<hex>…]``: HMAC-SHA256 over ``<time>.<raw body>``; the key is the
endpoint's secret as it is written, not hex-decoded. The time is in milliseconds, though Recurly's page shows
an example in seconds. https://docs.recurly.com/recurly-subscriptions/docs/overview-webhooks (2026-11)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from connector.errors import Rejected
from connector.redaction import redact_reference
from connector.webhooks.signatures import any_match, hex_digest
from connector.webhooks.source import Delivery

CLOCK_SKEW: Final = 300.0
"""Recurly's clock may be ahead of ours by this."""

SECONDS_BELOW: Final = 1e11
"""Unix times smaller than this are in seconds (until the year 5138); as milliseconds they are before 1973."""

_TIME: Final = re.compile(r"[0-9]{1,16}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_IDENTITY: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_DO: Final = "Compare the secret on Recurly's Webhook Endpoints page with RECURLY_WEBHOOK_SECRETS."


class Identity(NamedTuple):
    """``strong`` is False for a digest of the body, because two events can have the same bytes."""

    event_id: str
    strong: bool


def signature(delivery: Delivery, secrets: Sequence[bytes], tolerance: float) -> datetime:
    """The signed time. Refuse (401) unless one secret gives one of the signatures, and that time is near."""
    header = delivery.headers.get("recurly-signature")
    if not header:
        raise Rejected(401, "missing_signature", f"There is no recurly-signature header. {_DO}")
    time, *given = (part.strip() for part in header.split(","))
    candidates = [value.lower().encode() for value in given if _SIGNATURE.fullmatch(value.lower())]
    if not _TIME.fullmatch(time) or not candidates:
        raise Rejected(401, "malformed_signature", "recurly-signature must be: unix time, hex[, hex…].")
    message = time.encode() + b"." + delivery.body
    if not any_match((hex_digest(secret, message) for secret in secrets), candidates):
        raise Rejected(401, "bad_signature", f"No configured secret gives this signature. {_DO}")
    seconds = int(time) if int(time) < SECONDS_BELOW else int(time) / 1000
    _require_near(seconds, delivery.received_at, tolerance)
    return datetime.fromtimestamp(seconds, UTC)


def _require_near(seconds: float, now: datetime, tolerance: float) -> None:
    age = now.timestamp() - seconds
    if not -CLOCK_SKEW <= age <= tolerance:
        raise Rejected(
            401,
            "stale",
            "The signature is right but its time is not near now. Set this machine's clock, or raise "
            "RECURLY_WEBHOOK_TOLERANCE (seconds) to take older deliveries.",
        )


def identity(delivery: Delivery) -> Identity:
    """``recurly-notification-id``, the same in every retry. It is not signed, so it must have the format of an id, and
    does not alone decide whether an event is a duplicate."""
    given = delivery.headers.get("recurly-notification-id", "").strip()
    usable = _IDENTITY.fullmatch(given) and redact_reference(given) == given
    return Identity(given, True) if usable else body_identity(delivery.body)


def body_identity(body: bytes) -> Identity:
    """Identity of an XML delivery, which has no id in headers or body."""
    return Identity(f"sha256-{hashlib.sha256(body).hexdigest()}", False)
