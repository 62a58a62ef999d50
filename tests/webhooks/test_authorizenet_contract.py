from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Source

from .authorizenet_deliveries import Settings, notification, signed
from .contract import Packed, SourceContract


class TestAuthorizeNet(SourceContract):
    name = "authorizenet"
    signs_time = False

    def make(self, secrets: Sequence[str]) -> Source | None:
        return SOURCES["authorizenet"](Settings(tuple(secrets)))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(content, signed(content, secret))

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(packed.body, {})

    def tampered(self, packed: Packed) -> Packed:
        return Packed(packed.body.replace(b"fraud.held", b"fraud.approved"), packed.headers)

    def handled(self) -> bytes:
        return notification("payment.fraud.held")

    def unknown(self) -> bytes:
        return notification("payment.teleported", "n-2")
