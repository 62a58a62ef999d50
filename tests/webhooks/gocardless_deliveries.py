"""GoCardless deliveries as GoCardless sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.models.events import Event
from connector.webhooks import gocardless
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

AT = "2026-11-03T09:13:51.404Z"
IDS = {"payments": "PM1", "refunds": "RF1", "payouts": "PO1", "mandates": "MD1", "creditors": "CR1"}


@dataclass(frozen=True)
class Settings:
    """The settings, as ``connector.settings`` has them."""

    webhook_secrets: Sequence[str] = ("s3cret",)
    live: bool = True


def source(*secrets: str, live: bool = True) -> Source:
    made = gocardless.configured(Settings(secrets or ("s3cret",), live))
    assert made
    return made


def signed(body: bytes, secret: str = "s3cret") -> dict[str, str]:
    return {"Webhook-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def item(kind: str, event_id: str = "EV1", /, **fields: Any) -> dict[str, Any]:
    """One event of a kind; it links to an object of its type."""
    resource_type, _, action = kind.partition(".")
    links = {resource_type.removesuffix("s"): IDS.get(resource_type, "XX1")}
    fixed = {"id": event_id, "created_at": AT, "resource_type": resource_type, "action": action}
    details = {"origin": "gocardless", "cause": "a_cause", "description": "What GoCardless says."}
    return {**fixed, "links": links, "details": details, "metadata": {}, **fields}


def batch(*items: object, webhook_id: str = "WB1") -> bytes:
    return json.dumps({"events": items, "meta": {"webhook_id": webhook_id}}).encode()


def read(body: bytes, live: bool = True) -> tuple[Event, ...]:
    """The events of a body, by a source that trusts it."""
    headers: Mapping[str, str] = {name.lower(): value for name, value in signed(body).items()}
    return source(live=live).read(Delivery("gocardless", SITE, body, headers, NOW))
