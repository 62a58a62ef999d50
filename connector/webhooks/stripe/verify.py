"""Stripe's signature of a delivery, checked by Stripe's own library, and what that library does not check.

``Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…]``: HMAC-SHA256 over ``<t>.<raw body>``; the key is the
endpoint's secret as it is written (``whsec_…``). https://docs.stripe.com/webhooks#verify-manually (2026-11)

The header is parsed here, and the library checks one signature at a time, because it

- accepts times that are far in the future, and compares with the machine's clock rather than with the time of receipt;
- raises TypeError for a signature that is not ASCII, and UnicodeDecodeError for a body that is not UTF-8. Such a
  body is checked here instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from connector.errors import Rejected
from connector.webhooks.signatures import any_match, hex_digest
from connector.webhooks.source import Delivery

TOLERANCE: Final = 300.0
"""As Stripe recommends. Every retry is signed again with its own time, so late retries are not lost."""

MOST_SIGNATURES: Final = 20
"""Stripe signs once for each active secret of the endpoint. More signatures than this are not from Stripe."""

_TIME: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_DO: Final = "Compare the signing secret of the endpoint in Stripe's Workbench with STRIPE_WEBHOOK_SECRETS."


def signature(delivery: Delivery, secrets: Sequence[bytes]) -> None:
    """Refuse (401) unless one secret gives one of the signatures, and the signed time is near."""
    header = delivery.headers.get("stripe-signature", "")
    if not header.strip():
        raise Rejected(401, "missing_signature", f"There is no Stripe-Signature header. {_DO}")
    time, given = _read(header)
    if not any(_signed(delivery.body, time, one, secret) for secret in secrets for one in given):
        raise Rejected(401, "bad_signature", f"No configured secret gives this signature. {_DO}")
    _require_near(int(time), delivery.received_at)


def _read(header: str) -> tuple[str, list[str]]:
    """The time and the ``v1`` signatures. ``v0`` is for test events and proves nothing."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t" and _TIME.fullmatch(value)]
    given = [value for name, _, value in pairs if name == "v1" and _SIGNATURE.fullmatch(value)]
    if len(times) != 1 or not 0 < len(given) <= MOST_SIGNATURES:
        raise Rejected(
            401, "malformed_signature", "Stripe-Signature must be: t=<unix time>,v1=<hex>[,v1=<hex>…]."
        )
    return times[0], given


def _signed(body: bytes, time: str, given: str, secret: bytes) -> bool:
    # Imported at the first delivery: the library takes longer to load than the rest of the web process.
    from stripe import SignatureVerificationError, WebhookSignature

    try:
        WebhookSignature.verify_header(body, f"t={time},v1={given}", secret.decode())
    except SignatureVerificationError:
        return False
    except UnicodeDecodeError:
        return any_match([hex_digest(secret, str(int(time)).encode() + b"." + body)], [given.encode()])
    return True


def _require_near(time: int, now: datetime) -> None:
    if abs(now.timestamp() - time) > TOLERANCE:
        raise Rejected(
            401,
            "stale",
            "The signature is right but its time is more than five minutes from now. Set this machine's clock; "
            "an old delivery is sent again from the event's page in Stripe's Workbench.",
        )
