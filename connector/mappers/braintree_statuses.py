"""Braintree's words for disputes and networks, and ours.

https://developer.paypal.com/braintree/docs/reference/response/dispute/python (2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.facts import Stage, Status

DISPUTES: Final[Mapping[str, Status]] = {
    "open": Status.NEEDS_RESPONSE,
    "under_review": Status.UNDER_REVIEW,
    "disputed": Status.UNDER_REVIEW,
    "won": Status.WON,
    "lost": Status.LOST,
    "accepted": Status.ACCEPTED,
    "auto_accepted": Status.ACCEPTED,
    "expired": Status.EXPIRED,
}
STAGES: Final[Mapping[str, Stage]] = {
    "retrieval": Stage.INQUIRY,
    "chargeback": Stage.CHARGEBACK,
    "pre_arbitration": Stage.PRE_ARBITRATION,
}

_BANKS: Final[Mapping[str, str]] = {"us_bank_account": "ach", "sepa_debit_account": "sepa_core"}
_CARDS: Final[Mapping[str, str]] = {
    "visa": "visa",
    "mastercard": "mastercard",
    "american express": "amex",
    "discover": "discover",
    "jcb": "jcb",
    "diners": "diners",
    "unionpay": "unionpay",
    "maestro": "maestro",
    "elo": "elo",
}


def network(instrument: str, card: str) -> str | None:
    """By the type of what was paid with, or the card's."""
    return _BANKS.get(instrument) or _CARDS.get(card.lower())
