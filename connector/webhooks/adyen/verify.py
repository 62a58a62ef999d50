"""Adyen's two signatures, both HMAC-SHA256 in base64; the key is decoded from hex.

Standard webhooks: ``additionalData.hmacSignature`` of each item, over eight of its values, joined by colons and not
escaped. Newer ones (with ``type`` and ``data``): the header ``hmacsignature``, over the raw body. No time is signed: a
replay is a duplicate. A few lines of our own, because the official library (16.0) looks at the first item only, and
raises KeyError, IndexError or TypeError for malformed requests.

https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures (2026-11)
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connector.errors import Rejected
from connector.webhooks.processor_event import part
from connector.webhooks.signatures import any_match
from connector.webhooks.source import Delivery

_DO: Final = "Compare the HMAC key of this endpoint in Adyen's Customer Area with ADYEN_HMAC_KEYS."


def items(given: Sequence[object], keys: Sequence[bytes]) -> None:
    """Refuse (401) unless every item is signed with one of the keys."""
    for wrapper in given:
        item = part(part(wrapper).get("NotificationRequestItem"))
        signature = part(item.get("additionalData")).get("hmacSignature")
        if not isinstance(signature, str) or not signature.strip():
            raise Rejected(
                401,
                "missing_signature",
                "An item has no additionalData.hmacSignature. Generate an HMAC key for this endpoint in Adyen's "
                "Customer Area and put it into ADYEN_HMAC_KEYS.",
            )
        _require(signature, _signed(item), keys)


def body(delivery: Delivery, keys: Sequence[bytes]) -> None:
    """Refuse (401) unless the raw body is signed with one of the keys."""
    signature = delivery.headers.get("hmacsignature", "")
    if not signature.strip():
        raise Rejected(
            401,
            "missing_signature",
            f"There is neither a signed notification item nor an hmacsignature header. {_DO}",
        )
    _require(signature, delivery.body, keys)


def _require(signature: str, message: bytes, keys: Sequence[bytes]) -> None:
    expected = (base64.b64encode(hmac.digest(key, message, "sha256")) for key in keys)
    if not any_match(expected, (signature.strip().encode("utf-8", "surrogatepass"),)):
        raise Rejected(401, "bad_signature", f"No configured key gives this signature. {_DO}")


def _signed(item: Mapping[str, Any]) -> bytes:
    """The text that was signed. Only the merchant's own reference may contain a colon; otherwise one text could be
    split into different values."""
    amount = part(item.get("amount"))
    before = [_text(item.get(name)) for name in ("pspReference", "originalReference", "merchantAccountCode")]
    after = [_text(amount.get("value")), _text(amount.get("currency"))]
    after += [_text(item.get(name)) for name in ("eventCode", "success")]
    if any(":" in value for value in (*before, *after)):
        raise Rejected(401, "malformed_item", "A signed value other than merchantReference contains a colon.")
    joined = ":".join((*before, _text(item.get("merchantReference")), *after))
    # Half a surrogate pair is valid JSON: it is encoded unchanged, so that it does not equal another character.
    return joined.encode("utf-8", "surrogatepass")


def _text(value: object) -> str:
    """A value as Adyen writes it: empty for null; booleans are refused."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | str):
        return str(value)
    raise Rejected(401, "malformed_item", "A signed value is neither text nor a whole number.")
