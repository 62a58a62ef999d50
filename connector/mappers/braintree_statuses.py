"""Braintree's words for disputes and ours.

https://developer.paypal.com/braintree/docs/reference/response/dispute/python (2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.facts import Stage, Status

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
