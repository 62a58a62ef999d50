"""Recurly deliveries as Recurly sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.webhooks import recurly
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

USER = "recurly:open-sesame"
UUID = "5f1c9a4e0b7d43c2a6e8d9f0b1a2c3d4"


@dataclass(frozen=True)
class Settings:
    """One site's settings, as ``connector.settings`` has them."""

    webhook_secrets: Sequence[str] = ()
    webhook_basic_auth: Sequence[str] = ()
    webhook_tolerance: float = 16 * 24 * 3600


def source(*secrets: str, users: Sequence[str] = (), tolerance: float = 16 * 24 * 3600) -> Source:
    made = recurly.configured(Settings(secrets, users, tolerance))
    assert made
    return made


def signature(body: bytes, secret: str, time: str) -> str:
    return hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str, at: datetime = NOW, unit: int = 1000) -> dict[str, str]:
    time = str(int(at.timestamp() * unit))
    return {"recurly-signature": f"{time},{signature(body, secret, time)}"}


def basic(user: str = USER) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def delivery(body: bytes, headers: Mapping[str, str], at: datetime = NOW) -> Delivery:
    return Delivery("recurly", SITE, body, headers, at)


def thin(kind: str, **fields: object) -> bytes:
    """A JSON body of a kind, with the fields that name its object."""
    object_type, _, event_type = kind.partition(".")
    fixed = {"object_type": object_type, "site_id": "t3st51t3", "event_type": event_type}
    body = {"id": "r1a2b3c4d5e6", **fixed, "event_time": "2026-11-03T11:59:58Z", **fields}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def fat(root: str, *children: str, account: str | None = "wren-42") -> bytes:
    """An XML body: the account, then the objects given."""
    who = f"<account><account_code>{account}</account_code><email nil='true'>w@example.com</email></account>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{who if account else ""}{"".join(children)}</{root}>'
    ).encode()
