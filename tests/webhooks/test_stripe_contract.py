from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Source

from .contract import Packed, SourceContract
from .stripe_deliveries import Settings, dispute, event, signed


class TestStripe(SourceContract):
    name = "stripe"

    def make(self, secrets: Sequence[str]) -> Source | None:
        return SOURCES["stripe"](Settings(secrets))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(content, signed(content, secret, at))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(packed.body, {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"4900", b"4901"), packed.headers)

    def handled(self) -> bytes:
        return event("charge.dispute.created", dispute())

    def unknown(self) -> bytes:
        return event("charge.teleported", {"object": "charge", "id": "ch_1"}, id="evt_2")
