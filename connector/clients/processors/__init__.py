"""The processors' APIs: for what a webhook leaves out, one look at the payment behind an object; to reconcile, lists
of all they hold.

One folder a processor: the client with its ``configured(settings)``, and ``answers.py``, what its answers mean.
Adyen and PayPal are not asked: their webhooks carry what joining needs, and neither can list here.
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
