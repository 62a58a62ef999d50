from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Source

from .adyen_deliveries import Settings, batch, body_signature, item, item_signature
from .contract import Packed, SourceContract

UNSIGNED = "?" * 44
"""As long as a signature, so that signing does not change the length of a body."""


class TestAdyen(SourceContract):
    """Standard webhooks carry their signature inside, so that what is no such webhook is signed as a whole here."""

    name = "adyen"
    signs_time = False

    def make(self, secrets: Sequence[str]) -> Source | None:
        return SOURCES["adyen"](Settings(hmac_keys=[in_hex(secret) for secret in secrets]))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        key = in_hex(secret)
        if found := standard(content):
            (wrapper,) = found["notificationItems"]
            signature = item_signature(wrapper["NotificationRequestItem"], key)
            return Packed(content.replace(UNSIGNED.encode(), signature.encode()), {})
        return Packed(content, body_signature(content, key))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(re.sub(rb'"hmacSignature": "[^"]+"', b'"x": ""', packed.body), {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"4900", b"9900"), packed.headers)

    def handled(self) -> bytes:
        return batch(item("NOTIFICATION_OF_CHARGEBACK", additionalData={"hmacSignature": UNSIGNED}))

    def unknown(self) -> bytes:
        return batch(item("PAYMENT_TELEPORTED", additionalData={"hmacSignature": UNSIGNED}))


def in_hex(secret: str) -> str:
    return secret.encode().hex() if secret.strip() else secret


def standard(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "notificationItems" in found else None
