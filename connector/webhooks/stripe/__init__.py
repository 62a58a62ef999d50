"""Stripe: signed JSON that holds the object as it was. See README.md beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from connector.models.events import Event, Fate
from connector.webhooks import processor_event, signatures
from connector.webhooks.source import Delivery, Source
from connector.webhooks.stripe import parse, verify
from connector.webhooks.stripe.kinds import KINDS

NAME: Final = parse.SOURCE


class Settings(Protocol):
    """What is read of Stripe's settings. ``live``: whether its live or its test events are worked."""

    @property
    def webhook_secrets(self) -> Sequence[str]: ...

    @property
    def live(self) -> bool: ...


def configured(settings: Settings) -> Source | None:
    """The source; None while it has no secret."""
    secrets = signatures.usable(settings.webhook_secrets)
    return Stripe(secrets, settings.live) if secrets else None


@dataclass(frozen=True, slots=True)
class Stripe:
    """One Stripe account, and the accounts connected to it if their events go to the same address."""

    secrets: tuple[bytes, ...] = field(repr=False)
    live: bool
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Exactly one event: Stripe never batches."""
        verify.signature(delivery, self.secrets)
        try:
            found = processor_event.json_object(delivery.body)
            said = parse.said(found)
        except processor_event.Unreadable as error:
            digest = hashlib.sha256(delivery.body).hexdigest()
            return (processor_event.unreadable(delivery, f"sha256-{digest}", str(error), "json"),)
        event = processor_event.event(delivery, said, KINDS, delivery.body, "json", live=self.live)
        thin = parse.is_thin(found) and event.fate is Fate.UNKNOWN
        return (replace(event, note=parse.NOT_SNAPSHOT) if thin else event,)
