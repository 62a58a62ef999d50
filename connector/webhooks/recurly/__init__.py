"""Recurly: thin signed JSON, or fat unsigned XML behind HTTP Basic auth. See README.md beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from connector.errors import Rejected, SetupError
from connector.models.events import Event
from connector.redaction import redact_body
from connector.webhooks import signatures
from connector.webhooks.recurly import parse, verify, xml
from connector.webhooks.recurly.event_builder import EventContent
from connector.webhooks.source import Delivery, Source

NAME: Final = "recurly"


class SiteSettings(Protocol):
    """What is read of one site's settings. ``webhook_tolerance`` is in seconds."""

    @property
    def webhook_secrets(self) -> Sequence[str]: ...

    @property
    def webhook_basic_auth(self) -> Sequence[str]: ...

    @property
    def webhook_tolerance(self) -> float: ...


def configured(settings: SiteSettings) -> Source | None:
    """The source of one site; None while it has neither a secret nor a user and password."""
    secrets = signatures.usable(settings.webhook_secrets)
    pairs = signatures.usable(settings.webhook_basic_auth)
    for pair in pairs:
        user, _, password = pair.partition(b":")
        if not user or not password:
            raise SetupError("RECURLY_WEBHOOK_BASIC_AUTH must be user:password (several: comma-separated).")
    return Recurly(secrets, pairs, settings.webhook_tolerance) if secrets or pairs else None


@dataclass(frozen=True, slots=True)
class Recurly:
    """One Recurly site. ``secrets`` open the door for JSON, ``pairs`` (``user:password``) for XML."""

    secrets: tuple[bytes, ...] = field(repr=False)
    pairs: tuple[bytes, ...] = field(repr=False)
    tolerance: float
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Exactly one event: Recurly never batches."""
        if xml.looks_like_xml(delivery):
            self._verify_xml(delivery)
            return (_event(delivery, "xml", xml.read(delivery.body), verify.body_identity(delivery.body)),)
        signed_at = self._verify_json(delivery)
        content = hashlib.sha256(delivery.body).hexdigest()
        reading = parse.read(delivery.body)
        return (_event(delivery, "json", reading, verify.identity(delivery), content, signed_at),)

    def _verify_json(self, delivery: Delivery) -> datetime:
        if not self.secrets:
            raise Rejected(
                401, "json_not_configured", "JSON needs the endpoint's secret in RECURLY_WEBHOOK_SECRETS."
            )
        return verify.signature(delivery, self.secrets, self.tolerance)

    def _verify_xml(self, delivery: Delivery) -> None:
        if not self.pairs:
            raise Rejected(
                401,
                "xml_not_configured",
                "XML is not signed: it needs RECURLY_WEBHOOK_BASIC_AUTH. Better, set the endpoint to JSON.",
            )
        signatures.require_basic_auth(delivery.headers.get("authorization"), self.pairs)


def _event(
    delivery: Delivery,
    format_: str,
    reading: EventContent,
    identity: verify.Identity,
    content: str = "",
    signed_at: datetime | None = None,
) -> Event:
    return Event(
        source=delivery.source,
        site=delivery.site,
        event_id=identity.event_id,
        kind=reading.kind,
        fate=reading.fate,
        urgency=reading.urgency,
        occurred_at=reading.occurred_at,
        pointers=reading.pointers,
        body=redact_body(delivery.body, format_),
        format=format_,
        strong_id=identity.strong,
        note=reading.note,
        content=content,
        signed_at=signed_at,
    )
