"""A notification, and how Recurly writes and signs it: thin JSON, signed; or fat XML, unsigned.

JSON says which object changed and no more; only account events name the customer.
https://docs.recurly.com/recurly-subscriptions/docs/webhooks (looked at in November 2026)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.recurly.kinds import split
from sandbox.recurly.objects import Account, Invoice, Thing
from sandbox.recurly.render import when


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """``about``: the object it names, as it was then. ``beside``: what only the XML form also carries."""

    id: str
    kind: str
    event_time: datetime
    account: Account
    about: Thing
    beside: tuple[Thing, ...] = ()

    def objects(self) -> list[dict[str, str]]:
        return [{"object": thing.object, "id": thing.id} for thing in (self.about, *self.beside)]


def body(note: Notification, site_id: str) -> bytes:
    """The JSON form, in the order and spacing of Recurly's own."""
    object_type, event_type = split(note.kind)
    told: dict[str, Any] = {
        "id": note.about.id,
        "object_type": object_type,
        "site_id": site_id,
        "event_type": event_type,
        "event_time": when(note.event_time),
        **_name(object_type, note),
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _name(object_type: str, note: Notification) -> dict[str, Any]:
    """The one field beside the id by which an object is known; it depends on the object's type."""
    if object_type in ("account", "billing_info"):
        return {"account_code": note.account.code}
    if isinstance(note.about, Invoice):
        return {"invoice_number": note.about.number}
    assert not isinstance(note.about, Account)
    return {"uuid": note.about.uuid}


def sign(payload: bytes, secrets: Iterable[str], milliseconds: int) -> str:
    """``recurly-signature``: the time, then one hex digest for each secret in force.

    The key is the secret's text: 64 hex digits that are not decoded.
    """
    signed = str(milliseconds).encode() + b"." + payload
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([str(milliseconds), *digests])
