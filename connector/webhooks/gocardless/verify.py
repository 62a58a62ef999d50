"""GoCardless's signature: ``Webhook-Signature``, the HMAC-SHA256 of the raw body in hex, keyed by the endpoint's
secret as it is written. No time is signed: a replay is a duplicate for the ledger.

A few lines of our own, because the official library (3.22) compares text and so raises TypeError where the header is
missing or not ASCII. https://developer.gocardless.com/api-reference/#webhooks-overview (2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from connector.errors import Rejected
from connector.webhooks.signatures import any_match, hex_digest
from connector.webhooks.source import Delivery

REFUSED: Final = 498
"""GoCardless requires it: "return a 498 Token Invalid" when the signature is not valid."""

_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_DO: Final = "Compare the secret on GoCardless's Developers page with GOCARDLESS_WEBHOOK_SECRETS."


def signature(delivery: Delivery, secrets: Sequence[bytes]) -> None:
    """Refuse (498) unless one secret gives the signature."""
    given = delivery.headers.get("webhook-signature", "").strip().lower()
    if not given:
        raise Rejected(REFUSED, "missing_signature", f"There is no Webhook-Signature header. {_DO}")
    if not _SIGNATURE.fullmatch(given):
        raise Rejected(REFUSED, "malformed_signature", "Webhook-Signature must be 64 hex digits.")
    if not any_match((hex_digest(secret, delivery.body) for secret in secrets), (given.encode(),)):
        raise Rejected(REFUSED, "bad_signature", f"No configured secret gives this signature. {_DO}")
