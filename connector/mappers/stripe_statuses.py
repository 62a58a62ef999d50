"""Stripe's statuses and ours, and how it counts, in events and answers. https://docs.stripe.com/api (2026-11)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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


def answered(evidence: Mapping[str, Any]) -> bool | None:
    """Whether evidence was ever sent, by a dispute's ``evidence_details``. Stripe calls a dispute ``lost`` also where
    nobody answered. https://docs.stripe.com/api/disputes/object#dispute_object-evidence_details-submission_count"""
    sent = evidence.get("submission_count")
    return sent > 0 if isinstance(sent, int) and not isinstance(sent, bool) else None


def of_charge(found: Mapping[str, Any]) -> Status | None:
    """One that succeeded and is not captured holds the money and has not taken it.
    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method"""
    status = CHARGE.get(str(found.get("status")))
    return Status.AUTHORIZED if status is Status.SUCCEEDED and found.get("captured") is False else status


def amount_of_charge(found: Mapping[str, Any]) -> object:
    """In minor units: what was captured, which may be less than what was authorized."""
    captured = found.get("amount_captured")
    return captured if found.get("captured") is True and captured else found.get("amount")
