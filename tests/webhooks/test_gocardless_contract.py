from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Source

from .contract import Packed, SourceContract
from .gocardless_deliveries import Settings, batch, item, signed


class TestGocardless(SourceContract):
    name = "gocardless"
    refusal = 498
    signs_time = False

    def make(self, secrets: Sequence[str]) -> Source | None:
        return SOURCES["gocardless"](Settings(tuple(secrets)))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(content, signed(content, secret))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(packed.body, {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"failed", b"created"), packed.headers)

    def handled(self) -> bytes:
        return batch(item("payments.failed"))

    def unknown(self) -> bytes:
        return batch(item("payments.teleported", "EV2"))
