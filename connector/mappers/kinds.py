"""The words of all sources for the timeline, and what people call a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.mappers import (
    adyen_kinds,
    authorizenet_kinds,
    braintree_kinds,
    gocardless_kinds,
    paypal_kinds,
    recurly_kinds,
    stripe_kinds,
)

LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "adyen": adyen_kinds.LABELS,
    "authorizenet": authorizenet_kinds.LABELS,
    "braintree": braintree_kinds.LABELS,
    "gocardless": gocardless_kinds.LABELS,
    "paypal": paypal_kinds.LABELS,
    "recurly": recurly_kinds.LABELS,
    "stripe": stripe_kinds.LABELS,
}

_NAMES: Final[Mapping[str, str]] = {
    "adyen": "Adyen",
    "authorizenet": "Authorize.Net",
    "braintree": "Braintree",
    "gocardless": "GoCardless",
    "paypal": "PayPal",
    "recurly": "Recurly",
    "stripe": "Stripe",
}


def label(source: str, kind: str) -> str:
    """A kind of event in plain words; one that has none is itself."""
    return LABELS.get(source, {}).get(kind, kind)


def name(source: str) -> str:
    """What people call a source."""
    return _NAMES.get(source, source)
