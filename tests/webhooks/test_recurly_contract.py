from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Source

from .contract import Packed, SourceContract
from .recurly_deliveries import UUID, Settings, signed, thin


class TestRecurly(SourceContract):
    name = "recurly"

    def make(self, secrets: Sequence[str]) -> Source | None:
        return SOURCES["recurly"](Settings(tuple(secrets)))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(content, signed(content, secret, at))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(packed.body, {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"failed", b"succeeded"), packed.headers)

    def handled(self) -> bytes:
        return thin("payment.failed", uuid=UUID)

    def unknown(self) -> bytes:
        return thin("payment.teleported", uuid=UUID)
