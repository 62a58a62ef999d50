"""Adyen: signed JSON; standard webhooks sign each item of a batch, newer ones the body. See README.md here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from connector.errors import SetupError
from connector.models.events import Event
from connector.webhooks import processor_event, signatures
from connector.webhooks.adyen import parse, verify
from connector.webhooks.source import Delivery, Source

NAME: Final = "adyen"


class Settings(Protocol):
    """What is read of the settings. ``hmac_keys`` in hex; ``webhook_basic_auth`` as ``user:password``."""

    @property
    def live(self) -> bool: ...

    @property
    def hmac_keys(self) -> Sequence[str]: ...

    @property
    def webhook_basic_auth(self) -> Sequence[str]: ...


def configured(settings: Settings) -> Source | None:
    """The source; None while it has no HMAC key. A user and password are asked for beside it, never instead."""
    keys = tuple(_key(given) for given in signatures.usable(settings.hmac_keys))
    pairs = signatures.usable(settings.webhook_basic_auth)
    for pair in pairs:
        user, _, password = pair.partition(b":")
        if not user or not password:
            raise SetupError("ADYEN_WEBHOOK_BASIC_AUTH must be user:password (several: comma-separated).")
    return Adyen(keys, pairs, settings.live) if keys else None


def _key(given: bytes) -> bytes:
    try:
        return bytes.fromhex(given.decode("ascii"))
    except ValueError:
        raise SetupError(
            "ADYEN_HMAC_KEYS must be hex, as Adyen's Customer Area shows it. Copy it again."
        ) from None


@dataclass(frozen=True, slots=True)
class Adyen:
    """One Adyen company. Any of ``keys`` will do; where there are ``pairs``, one of them is asked for too."""

    keys: tuple[bytes, ...] = field(repr=False)
    pairs: tuple[bytes, ...] = field(repr=False)
    live: bool
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """As many events as the delivery holds. One item that is not signed refuses them all."""
        if self.pairs:
            signatures.require_basic_auth(delivery.headers.get("authorization"), self.pairs)
        body = _object(delivery.body)
        items = body.get("notificationItems")
        if isinstance(items, list) and items:
            verify.items(items, self.keys)
            return parse.items(delivery, items, body.get("live"), live=self.live)
        if items == [] and self.pairs:
            return ()  # nothing in it to sign: the user and password are the proof
        verify.body(delivery, self.keys)
        return () if items == [] else (parse.body(delivery, live=self.live),)


def _object(body: bytes) -> dict[str, Any]:
    """The body for the search for its signatures; nothing where it cannot be read, which is said once it is proved."""
    try:
        return processor_event.json_object(body)
    except processor_event.Unreadable:
        return {}
