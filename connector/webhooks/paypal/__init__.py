"""PayPal: JSON that holds the object as it was, signed with PayPal's RSA key. See README.md beside this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from connector.errors import SetupError
from connector.models.events import Event
from connector.webhooks import processor_event, signatures
from connector.webhooks.paypal import certificates, parse, verify
from connector.webhooks.paypal.certificates import Certificates, Fetch
from connector.webhooks.paypal.kinds import KINDS
from connector.webhooks.paypal.object_context import SOURCE
from connector.webhooks.source import Delivery, Source

NAME: Final = SOURCE

SIMULATOR: Final = b"WEBHOOK_ID"
"""The webhook id PayPal's simulator signs for: anybody may have anything sent with it."""


class Settings(Protocol):
    """What is read of PayPal's settings. ``live``: whether its live or its sandbox events are worked;
    ``cert_hosts``: None for PayPal's own."""

    @property
    def webhook_ids(self) -> Sequence[str]: ...

    @property
    def cert_hosts(self) -> Sequence[str] | None: ...

    @property
    def live(self) -> bool: ...


def configured(
    settings: Settings,
    fetch: Fetch = certificates.over_http,
    start: Callable[[Callable[[], None]], None] = certificates.in_thread,
) -> Source | None:
    """The source; None while it has no webhook id."""
    ids = signatures.usable(settings.webhook_ids)
    if settings.live and SIMULATOR in ids:
        raise SetupError(
            "PAYPAL_WEBHOOK_IDS has WEBHOOK_ID, which is the simulator's: anybody can send with it. "
            "Take it out; use it in test mode only."
        )
    hosts = tuple(host.strip().lower() for host in settings.cert_hosts or () if host.strip())
    return (
        Paypal(ids, settings.live, Certificates(hosts or certificates.HOSTS, fetch, start)) if ids else None
    )


@dataclass(frozen=True, slots=True)
class Paypal:
    """The webhooks of one PayPal account. The ids are not secret, but PayPal signs with them for us alone."""

    webhook_ids: tuple[bytes, ...] = field(repr=False)
    live: bool
    certificates: Certificates = field(repr=False)
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Exactly one event: PayPal never batches."""
        sent = verify.signature(delivery, self.webhook_ids, self.certificates)
        content = processor_event.content_digest(delivery.body)
        try:
            said = parse.said(processor_event.json_object(delivery.body), sent.cert_url)
            event = processor_event.event(delivery, said, KINDS, delivery.body, "json", live=self.live)
        except processor_event.Unreadable as error:
            event = processor_event.unreadable(delivery, f"sha256-{content}", str(error), "json")
        return (replace(event, content=content, transmission=sent.id),)
