from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.webhooks import paypal, registry
from connector.webhooks.source import Source

from .contract import Packed, SourceContract
from .paypal_deliveries import Host, Settings, at_once, dispute, event, signed


class TestPaypal(SourceContract):
    """The webhook ids are what the suite calls secrets."""

    name = "paypal"

    def make(self, secrets: Sequence[str]) -> Source | None:
        assert registry.SOURCES["paypal"] is paypal.configured
        return paypal.configured(Settings(secrets), Host(), at_once)

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(content, signed(content, secret, at))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(packed.body, {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"49.00", b"49.01"), packed.headers)

    def handled(self) -> bytes:
        return event("CUSTOMER.DISPUTE.CREATED", dispute())

    def unknown(self) -> bytes:
        return event("PAYMENT.CAPTURE.TELEPORTED", {"id": "1"}, id="WH-2")
