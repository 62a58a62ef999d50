"""All sources by name. A new source needs its line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.sources import adyen, authorizenet, braintree, gocardless, paypal, recurly, stripe
from connector.sources.info import ProcessorSettings, SourceInfo

PROCESSORS: Final[Mapping[str, SourceInfo]] = {
    info.name: info
    for info in (
        stripe.INFO,
        braintree.INFO,
        adyen.INFO,
        paypal.INFO,
        gocardless.INFO,
        authorizenet.INFO,
    )
}
"""In the order in which ``casewire init`` asks for them."""
SOURCES: Final[Mapping[str, SourceInfo]] = {recurly.INFO.name: recurly.INFO, **PROCESSORS}


def read_processors(environment: Mapping[str, str], *, live: bool) -> Mapping[str, ProcessorSettings]:
    """The settings by the source's name; one without a secret is there too, and is not configured."""
    return {name: info.settings.read(environment, live=live) for name, info in PROCESSORS.items()}


def sandbox_settings(api: str, host: str, secret: str) -> dict[str, str]:
    """The settings that point Casewire to the sandbox's processors at ``api``, whose host is ``host``."""
    return {
        one.name: one.sandbox.format(api=api, host=host, secret=secret)
        for info in PROCESSORS.values()
        for one in info.settings.declared()
        if one.sandbox
    }


def sandbox_proofs(secret: str) -> dict[str, dict[str, str]]:
    """By processor, the values by which the sandbox proves its webhooks."""
    return {
        name: {one.proof: one.sandbox.format(secret=secret) for one in info.settings.declared() if one.proof}
        for name, info in PROCESSORS.items()
    }
