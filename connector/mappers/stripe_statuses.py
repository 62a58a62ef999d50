"""Stripe's statuses and ours, and how it counts, in events and answers. https://docs.stripe.com/api (2026-11)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.facts import Status

CHARGE: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
}
REFUND: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "requires_action": Status.REQUIRES_ACTION,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}
DISPUTE: Final[Mapping[str, Status]] = {
    "warning_needs_response": Status.NEEDS_RESPONSE,
    "needs_response": Status.NEEDS_RESPONSE,
    "appeal_needs_response": Status.NEEDS_RESPONSE,
    "warning_under_review": Status.UNDER_REVIEW,
    "under_review": Status.UNDER_REVIEW,
    "appeal_under_review": Status.UNDER_REVIEW,
    "won": Status.WON,
    "lost": Status.LOST,
    "warning_closed": Status.WITHDRAWN,  # an inquiry that never became a chargeback
    "prevented": Status.WITHDRAWN,  # settled by a refund before it became one
}
EXPONENTS: Final[Mapping[str, int]] = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe counts other decimals than ISO 4217: krónur and shillings still come with two, for old
integrations; ariary with none. https://docs.stripe.com/currencies#special-cases"""
