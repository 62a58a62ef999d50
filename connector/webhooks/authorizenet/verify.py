"""Authorize.Net's signature: ``X-ANET-Signature: sha512=<HEX>``, the HMAC-SHA512 of the raw body.

The key is the Signature Key as the Merchant Interface shows it: its 128 hex digits are text, and are not decoded. No
time is signed: a replay is a duplicate for the ledger. The official library (1.1.6) checks no signatures.
https://developer.authorize.net/api/reference/features/webhooks.html (2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from connector.errors import Rejected
from connector.webhooks.signatures import any_match, hex_digest
from connector.webhooks.source import Delivery

_SIGNATURE: Final = re.compile(r"sha512=([0-9a-f]{128})")
_DO: Final = "Compare the Signature Key in the Merchant Interface with AUTHORIZENET_SIGNATURE_KEYS."


def signature(delivery: Delivery, keys: Sequence[bytes]) -> None:
    """Refuse (401) unless one key gives the signature. Upper-case hex, as Authorize.Net sends, and lower-case are
    valid."""
    given = delivery.headers.get("x-anet-signature", "").strip().lower()
    if not given:
        raise Rejected(401, "missing_signature", f"There is no X-ANET-Signature header. {_DO}")
    if (found := _SIGNATURE.fullmatch(given)) is None:
        raise Rejected(401, "malformed_signature", "X-ANET-Signature must be: sha512=<128 hex digits>.")
    expected = (hex_digest(key, delivery.body, "sha512") for key in keys)
    if not any_match(expected, (found[1].encode(),)):
        raise Rejected(401, "bad_signature", f"No configured key gives this signature. {_DO}")
