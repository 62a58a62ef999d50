"""GoCardless: signed JSON, up to a few hundred events in one delivery. See README.md beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from connector.models.events import Event
from connector.webhooks import signatures
from connector.webhooks.gocardless import parse, verify
from connector.webhooks.source import Delivery, Source

NAME: Final = "gocardless"


class Settings(Protocol):
    """What is read of the settings. ``live`` says whose pages are linked to; GoCardless's events do not tell."""

    @property
    def live(self) -> bool: ...

    @property
    def webhook_secrets(self) -> Sequence[str]: ...


def configured(settings: Settings) -> Source | None:
    """The source; None while it has no secret."""
    secrets = signatures.usable(settings.webhook_secrets)
    return Gocardless(secrets, settings.live) if secrets else None


@dataclass(frozen=True, slots=True)
class Gocardless:
    """One GoCardless account. Each webhook endpoint has a secret of its own; any of ``secrets`` will do."""

    secrets: tuple[bytes, ...] = field(repr=False)
    live: bool
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """As many events as the delivery holds; none for an empty batch."""
        verify.signature(delivery, self.secrets)
        return parse.read(delivery, live=self.live)
