"""Authorize.Net: signed JSON, thin, one event in a delivery. See README.md beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from connector.models.events import Event
from connector.webhooks import processor_event, signatures
from connector.webhooks.authorizenet import parse, verify
from connector.webhooks.authorizenet.kinds import KINDS
from connector.webhooks.source import Delivery, Source

NAME: Final = parse.SOURCE


class Settings(Protocol):
    """What is read of the settings. ``live`` decides nothing here: the events do not tell which they are."""

    @property
    def live(self) -> bool: ...

    @property
    def signature_keys(self) -> Sequence[str]: ...


def configured(settings: Settings) -> Source | None:
    """The source; None while it has no signature key."""
    keys = signatures.usable(settings.signature_keys)
    return AuthorizeNet(keys, settings.live) if keys else None


@dataclass(frozen=True, slots=True)
class AuthorizeNet:
    """One Authorize.Net account. It signs with one key for all its webhooks; any of ``keys`` will do."""

    keys: tuple[bytes, ...] = field(repr=False)
    live: bool
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Exactly one event: Authorize.Net never batches."""
        verify.signature(delivery, self.keys)
        try:
            said = parse.said(processor_event.json_object(delivery.body))
            said = replace(said, content=processor_event.content_digest(delivery.body))
        except processor_event.Unreadable as error:
            digest = hashlib.sha256(delivery.body).hexdigest()
            return (processor_event.unreadable(delivery, f"sha256-{digest}", str(error), "json"),)
        return (processor_event.event(delivery, said, KINDS, delivery.body, "json", live=self.live),)
