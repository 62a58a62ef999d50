"""By which network a Stripe payment went, and the network's own code for a dispute, in events and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.mappers.safe_parse import part, word

NETWORKS: Final[Mapping[str, str]] = {
    "ach_debit": "ach",
    "acss_debit": "pad",
    "au_becs_debit": "becs",
    "bacs_debit": "bacs",
    "nz_bank_account": "becs_nz",
    "sepa_debit": "sepa_core",
    "us_bank_account": "ach",
}
"""Bank debits by Stripe's type of payment method → the scheme they run through."""


def of_dispute(found: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The network and its code for the reason. Wallets that decide themselves (PayPal, Klarna) have their own."""
    network, code = of_method(part(found.get("payment_method_details")))
    return network, code or word(found.get("network_reason_code"))


def of_method(details: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The same of how something was paid."""
    kind = word(details.get("type")) or ""
    inside = part(details.get(kind))
    name = (
        word(inside.get("network")) or word(inside.get("brand"))
        if kind == "card"
        else NETWORKS.get(kind, kind)
    )
    code = word(inside.get("network_reason_code")) or word(inside.get("reason_code"))
    return (name.lower() if name else None), code
