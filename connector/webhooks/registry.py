"""The sources Casewire knows, by hand, one line each.

To add one: a folder beside ``recurly/`` with ``verify.py``, ``parse.py``, ``kinds.py`` and ``README.md``, a
line here, and a test class that inherits the contract suite (``tests/webhooks/contract.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.webhooks import adyen, authorizenet, braintree, gocardless, paypal, recurly, stripe
from connector.webhooks.source import Source

SOURCES: Final[Mapping[str, Callable[[Any], Source | None]]] = {
    recurly.NAME: recurly.configured,
    adyen.NAME: adyen.configured,
    authorizenet.NAME: authorizenet.configured,
    braintree.NAME: braintree.configured,
    gocardless.NAME: gocardless.configured,
    paypal.NAME: paypal.configured,
    stripe.NAME: stripe.configured,
}
"""Name → what makes the source of one site from its settings; None where they hold no secret."""


def configured(settings: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Source]:
    """The sources that have a secret, by (source, site), from the settings of each site.

    Each factory says which attributes it reads (``recurly.SiteSettings``)."""
    made = {key: SOURCES[key[0]](given) for key, given in settings.items()}
    return {key: source for key, source in made.items() if source is not None}
