"""Clients of the processors' APIs. They read the payment behind an object, which a webhook leaves out, and list
objects for reconcile.

One folder for each processor: the client with its ``configured(settings)``, and ``parser.py`` for its responses. Adyen
and PayPal have no client: their webhooks contain what matching needs, and neither has lists that reconcile could use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.clients.processors import authorizenet, braintree, gocardless, stripe
from connector.clients.processors.base import ProcessorClient, ProcessorListing

__all__ = ["CLIENTS", "ProcessorClient", "ProcessorListing"]

CLIENTS: Final[Mapping[str, Callable[[Any], ProcessorClient | None]]] = {
    stripe.NAME: stripe.configured,
    braintree.NAME: braintree.configured,
    gocardless.NAME: gocardless.configured,
    authorizenet.NAME: authorizenet.configured,
}
"""Source → what makes its client from the settings (``connector/sources``); None without a key."""
