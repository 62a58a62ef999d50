"""The processors' APIs, for what a webhook leaves out: one look at the payment behind an object.

One file a processor, each with its ``configured(settings)``. Adyen and PayPal are not asked: their webhooks carry
what joining needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.clients.processors import authorizenet, braintree, gocardless, stripe
from connector.clients.processors.api import ProcessorApi

__all__ = ["CLIENTS", "ProcessorApi"]

CLIENTS: Final[Mapping[str, Callable[[Any], ProcessorApi | None]]] = {
    stripe.NAME: stripe.configured,
    braintree.NAME: braintree.configured,
    gocardless.NAME: gocardless.configured,
    authorizenet.NAME: authorizenet.configured,
}
"""Source → what makes its client from the settings (``connector.settings.processors``); None without a key."""
