"""Clients of scripted processors, each with settings of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connector.clients.processors import CLIENTS, ProcessorClient
from connector.models.facts import Kind, ProcessorObject
from connector.sources.registry import read_processors

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEYS = {
    "STRIPE_API_KEY": "sk_test_sandbox",
    "BRAINTREE_MERCHANT_ID": "acme",
    "BRAINTREE_PUBLIC_KEY": "public",
    "BRAINTREE_PRIVATE_KEY": "private",
    "BRAINTREE_ENVIRONMENT": "sandbox",
    "GOCARDLESS_ACCESS_TOKEN": "a-token",
    "AUTHORIZENET_API_LOGIN_ID": "acme",
    "AUTHORIZENET_TRANSACTION_KEY": "a-key",
}
Make = Callable[[str], ProcessorClient]


def client(source: str, url: str | None = None, live: bool = False, **more: str) -> ProcessorClient:
    """``more``: other settings, by their names."""
    given = {**KEYS, **more, **({f"{source.upper()}_API_URL": url} if url else {})}
    made = CLIENTS[source](read_processors(given, live=live)[source])
    assert made
    return made


def item(source: str, kind: Kind, id_: str, **more: Any) -> ProcessorObject:
    """What a webhook said so far."""
    return ProcessorObject(kind=kind, source=source, id=id_, at=AT, **more)
