"""Authorize.Net deliveries as Authorize.Net sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.models.events import Event
from connector.webhooks import authorizenet
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

AT = "2026-11-03T09:13:51.4041239Z"
ID = "60000000001"
KEY = "0123456789ABCDEF" * 8
FILTERED = [{"fraudFilter": "AmountFilter", "fraudAction": "authAndHold"}]


@dataclass(frozen=True)
class Settings:
    """The settings, as ``connector.settings`` has them."""

    signature_keys: Sequence[str] = (KEY,)
    live: bool = True


def source(*keys: str, live: bool = True) -> Source:
    made = authorizenet.configured(Settings(keys or (KEY,), live))
    assert made
    return made


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    digest = hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()
    return {"X-ANET-Signature": f"sha512={digest}"}


def notification(kind: str, event_id: str = "n-1", at: str = AT, /, **payload: Any) -> bytes:
    """One event about a transaction; ``kind`` without ``net.authorize.``."""
    told = {"responseCode": 1, "authCode": "AB12CD", "avsResponse": "Y", "authAmount": 49.0}
    return json.dumps(
        {
            "notificationId": event_id,
            "eventType": f"net.authorize.{kind}",
            "eventDate": at,
            "webhookId": "w-1",
            "payload": {**told, "entityName": "transaction", "id": ID, **payload},
        }
    ).encode()


def read(body: bytes, live: bool = True) -> Event:
    """The event of a body, by a source that trusts it."""
    headers: Mapping[str, str] = {name.lower(): value for name, value in signed(body).items()}
    (event,) = source(live=live).read(Delivery("authorizenet", SITE, body, headers, NOW))
    return event
